// RUN: rlx-opt %s --rlx-interleave-weights --split-input-file --verify-diagnostics

func.func @buffers(%x: memref<3x64xf32>, %w: memref<8x68xi8>, %v: memref<8x68xi8>, %y: memref<3x8xf32>, %z: memref<3x8xf32>) {
  // expected-error@+1 {{'rlx.block_matmul' op expected tensors, and no epilogue, where weights are to be interleaved}}
  rlx.block_matmul ins(%x, %w) outs(%y) {activations = f32, scheme = #rlx.quant<gguf_q8_0>} : (memref<3x64xf32>, memref<8x68xi8>, memref<3x8xf32>) -> ()
  rlx.block_matmul ins(%x, %v) outs(%z) {activations = f32, scheme = #rlx.quant<gguf_q8_0>} : (memref<3x64xf32>, memref<8x68xi8>, memref<3x8xf32>) -> ()
  return
}

// -----

func.func @epilogue(%x: tensor<3x64xf32>, %w: tensor<8x68xi8>, %y: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // expected-error@+1 {{'rlx.block_matmul' op expected tensors, and no epilogue, where weights are to be interleaved}}
  %z = rlx.block_matmul ins(%x, %w) epilogue(%y) [affine_map<(m, n) -> (m, n)>] {
  ^bb0(%a: f32, %b: f32):
    %c = arith.addf %a, %b : f32
    rlx.yield %c : f32
  } outs(%y) {activations = f32, scheme = #rlx.quant<gguf_q8_0>} : (tensor<3x64xf32>, tensor<8x68xi8>, tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  return %z : tensor<3x8xf32>
}

// -----

func.func @empty(%x: tensor<3x64xf32>, %w: tensor<0x64xf32>, %y: tensor<3x0xf32>) -> tensor<3x0xf32> {
  // expected-error@+1 {{'rlx.block_matmul' op expected a weight of at least one element}}
  %z = rlx.block_matmul ins(%x, %w) outs(%y) {activations = f32, scheme = #rlx.quant<f32>} : (tensor<3x64xf32>, tensor<0x64xf32>, tensor<3x0xf32>) -> tensor<3x0xf32>
  return %z : tensor<3x0xf32>
}

// -----

// Buffers of a device are limited, and so is how many of them one weight takes.
func.func @many_parts(%x: tensor<4x64xf32>, %w: tensor<4294967296x68xi8>, %y: tensor<4x4294967296xf32>) -> tensor<4x4294967296xf32> {
  // expected-error@+1 {{buffers of at most 134217728 bytes, expected at most 512; run the program on the CPU}}
  %z = rlx.block_matmul ins(%x, %w) outs(%y) {activations = f32, scheme = #rlx.quant<gguf_q8_0>} : (tensor<4x64xf32>, tensor<4294967296x68xi8>, tensor<4x4294967296xf32>) -> tensor<4x4294967296xf32>
  return %z : tensor<4x4294967296xf32>
}
