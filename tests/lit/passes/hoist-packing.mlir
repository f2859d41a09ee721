// RUN: rlx-opt %s --rlx-hoist-packing --verify-diagnostics | FileCheck %s

// Packing of a weight moves out; the weight itself is no longer an argument.
// CHECK-LABEL: func @weight(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<1x64xf32>, %[[P:[a-z0-9]+]]: tensor<1088xi8> {bufferization.writable = false, rlx.packed = "weight.pack0"})
// CHECK-NOT: rlx.pack_weight
// CHECK: rlx.packed_matmul ins(%[[X]], %[[P]])
// CHECK: return
// CHECK: func @weight.pack0(%[[W:[a-z0-9]+]]: tensor<8x68xi8> {rlx.weight = "w"}) -> tensor<1088xi8>
// CHECK: rlx.pack_weight ins(%[[W]])
func.func @weight(%x: tensor<1x64xf32>, %w: tensor<8x68xi8> {rlx.weight = "w"}) -> tensor<1x8xf32> {
  %e = tensor.empty() : tensor<1088xi8>
  %p = rlx.pack_weight ins(%w) outs(%e) {scheme = #rlx.quant<gguf_q8_0>, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (tensor<8x68xi8>, tensor<1088xi8>) -> tensor<1088xi8>
  %y = tensor.empty() : tensor<1x8xf32>
  %r = rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (tensor<1x64xf32>, tensor<1088xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r : tensor<1x8xf32>
}

// What the caller passes is packed where it is used.
// CHECK-LABEL: func @argument(
// CHECK: rlx.pack_weight
// CHECK: rlx.packed_matmul
func.func @argument(%x: tensor<1x64xf32>, %w: tensor<8x68xi8>) -> tensor<1x8xf32> {
  %e = tensor.empty() : tensor<1088xi8>
  // expected-remark @below {{the weight is an argument without rlx.weight and is packed in each call}}
  %p = rlx.pack_weight ins(%w) outs(%e) {scheme = #rlx.quant<gguf_q8_0>, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (tensor<8x68xi8>, tensor<1088xi8>) -> tensor<1088xi8>
  %y = tensor.empty() : tensor<1x8xf32>
  %r = rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (tensor<1x64xf32>, tensor<1088xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r : tensor<1x8xf32>
}

// On buffers, nothing moves: the packed weight is somebody's memory.
// CHECK-LABEL: func @buffers(
// CHECK: rlx.pack_weight
func.func @buffers(%w: memref<8x68xi8> {rlx.weight = "w"}, %p: memref<1088xi8>) {
  rlx.pack_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (memref<8x68xi8>, memref<1088xi8>) -> ()
  return
}

// A name that is taken is not taken again.
// CHECK-LABEL: func @named(
// CHECK-SAME: rlx.packed = "named.pack0_0"
// CHECK: func @named.pack0_0(
func.func @named(%x: tensor<1x64xf32>, %w: tensor<8x68xi8> {rlx.weight = "w"}) -> tensor<1088xi8> {
  %e = tensor.empty() : tensor<1088xi8>
  %p = rlx.pack_weight ins(%w) outs(%e) {scheme = #rlx.quant<gguf_q8_0>, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (tensor<8x68xi8>, tensor<1088xi8>) -> tensor<1088xi8>
  return %p : tensor<1088xi8>
}
func.func @named.pack0() {
  return
}
