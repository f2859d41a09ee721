// RUN: rlx-opt %s --canonicalize | FileCheck %s

// Casts of operands are folded where there is no epilogue, too.
// CHECK-LABEL: func @rows
// CHECK: %[[Y:.*]] = rlx.block_matmul ins(%arg0, %arg1) outs(%arg2) {{.*}} : (tensor<3x64xf32>, tensor<8x68xi8>, tensor<3x8xf32>) -> tensor<3x8xf32>
// CHECK: tensor.cast %[[Y]] : tensor<3x8xf32> to tensor<?x8xf32>
func.func @rows(%x: tensor<3x64xf32>, %w: tensor<8x68xi8>, %i: tensor<3x8xf32>) -> tensor<?x8xf32> {
  %a = tensor.cast %x : tensor<3x64xf32> to tensor<?x64xf32>
  %b = tensor.cast %i : tensor<3x8xf32> to tensor<?x8xf32>
  %y = rlx.block_matmul ins(%a, %w) outs(%b) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (tensor<?x64xf32>, tensor<8x68xi8>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @packed
// CHECK: rlx.packed_matmul ins(%arg0, %arg1) outs(%arg2) {{.*}} : (tensor<3x64xf32>, tensor<1088xi8>, tensor<?x8xf32>)
func.func @packed(%x: tensor<3x64xf32>, %p: tensor<1088xi8>, %i: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = tensor.cast %x : tensor<3x64xf32> to tensor<?x64xf32>
  %y = rlx.packed_matmul ins(%a, %p) outs(%i) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (tensor<?x64xf32>, tensor<1088xi8>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
