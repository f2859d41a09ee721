// RUN: rlx-opt %s --rlx-pack-weights --verify-diagnostics

func.func @buffers(%x: memref<3x64xf32>, %w: memref<8x68xi8>, %y: memref<3x8xf32>) {
  // expected-error@+1 {{'rlx.block_matmul' op expected tensors, and no epilogue, where weights are to be packed}}
  rlx.block_matmul ins(%x, %w) outs(%y) {activations = i8, scheme = #rlx.quant<gguf_q8_0>} : (memref<3x64xf32>, memref<8x68xi8>, memref<3x8xf32>) -> ()
  return
}
