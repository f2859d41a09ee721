// RUN: rlx-opt %s --split-input-file --rlx-blocks-to-loops --verify-diagnostics
// RUN: not rlx-opt %s --split-input-file --rlx-blocks-to-loops=vector-length=0 2>&1 | FileCheck %s --check-prefix=LENGTH
// RUN: not rlx-opt %s --split-input-file --rlx-choose-tiles=vector-length=12 2>&1 | FileCheck %s --check-prefix=LENGTH
// RUN: not rlx-opt %s --split-input-file --rlx-pack-weights=vector-length=65536 2>&1 | FileCheck %s --check-prefix=LENGTH
// LENGTH: error: expected the option 'vector-length' to be a power of two from 4 to 64, but got {{0|12|65536}}
// RUN: not rlx-opt %s --split-input-file --rlx-blocks-to-loops=vector-registers=2 2>&1 | FileCheck %s --check-prefix=REGISTERS
// REGISTERS: error: expected the option 'vector-registers' to be 16 to 1024, but got 2

func.func @packed_bytes(%x: memref<4x256xf32>, %p: memref<7xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op expected the packed weight of 8 x 256 elements of 'gguf_q4k' in tiles of 16 rows to have 2368 bytes, but got 7}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, lanes = 16 : i64}
      : (memref<4x256xf32>, memref<7xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @pack_bytes(%w: memref<8x68xi8>, %p: memref<1087xi8>) {
  // expected-error@+1 {{'rlx.pack_weight' op expected the packed weight of 8 x 64 elements of 'gguf_q8_0' in tiles of 16 rows to have 1088 bytes, but got 1087}}
  rlx.pack_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, lanes = 16 : i64} : (memref<8x68xi8>, memref<1087xi8>) -> ()
  return
}

// -----

func.func @tensors(%w: tensor<8x68xi8>, %y: tensor<8x64xf32>) -> tensor<8x64xf32> {
  // expected-error@+1 {{expected operands that are buffers; bufferize first}}
  %z = rlx.block_dequantize ins(%w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>} : (tensor<8x68xi8>, tensor<8x64xf32>) -> tensor<8x64xf32>
  return %z : tensor<8x64xf32>
}
