// RUN: rlx-opt %s --split-input-file --rlx-blocks-to-loops --verify-diagnostics
// RUN: not rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = 0>}" --rlx-blocks-to-loops 2>&1 | FileCheck %s --check-prefix=LENGTH
// RUN: not rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = 384>}" --rlx-choose-tiles 2>&1 | FileCheck %s --check-prefix=LENGTH
// RUN: not rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = 2097152>}" --rlx-pack-weights 2>&1 | FileCheck %s --check-prefix=LENGTH
// LENGTH: error: expected vector_bits to be a power of two from 128 to 2048, but got {{0|384|2097152}}
// RUN: not rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<vector_registers = 2>}" --rlx-blocks-to-loops 2>&1 | FileCheck %s --check-prefix=REGISTERS
// REGISTERS: error: expected vector_registers to be 16 to 1024, but got 2

func.func @other_layout(%x: memref<4x256xf32>, %p: memref<2368xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op expected the layout of 'gguf_q4k' for K = 256 and 16 lanes, #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>, but got}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 16, block_bytes = 2368, header = [1, 99], steps = [2], minimum = 4>}
      : (memref<4x256xf32>, memref<2368xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @tensors(%w: tensor<8x68xi8>, %y: tensor<8x64xf32>) -> tensor<8x64xf32> {
  // expected-error@+1 {{expected operands that are buffers; bufferize first}}
  %z = rlx.block_dequantize ins(%w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>} : (tensor<8x68xi8>, tensor<8x64xf32>) -> tensor<8x64xf32>
  return %z : tensor<8x64xf32>
}
