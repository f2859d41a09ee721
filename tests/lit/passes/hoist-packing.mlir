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

// So does what else depends on weights and constants alone, with all that leads to it. What it reads from other
// functions' weights is theirs.
// CHECK-LABEL: func @transposed(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<8x16xf32>, %[[B:[a-z0-9]+]]: tensor<16xf32> {rlx.weight = "b"}, %[[P:[a-z0-9]+]]: tensor<8x16xf32> {bufferization.writable = false, rlx.packed = "transposed.pack0"})
// CHECK-NOT: linalg.transpose
// CHECK: linalg.add ins(%[[X]], %[[P]]
// CHECK: func @transposed.pack0(%[[W:[a-z0-9]+]]: tensor<4x32xf32> {rlx.weight = "w"}, %[[V:[a-z0-9]+]]: tensor<16x8xf32> {rlx.weight = "v"}) -> tensor<8x16xf32>
// CHECK: tensor.collapse_shape %[[W]]
// CHECK: tensor.expand_shape
// CHECK: %[[SUM:.*]] = arith.addf
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[SUM]]
// CHECK: return %[[T]]
func.func @transposed(%x: tensor<8x16xf32>, %w: tensor<4x32xf32> {rlx.weight = "w"}, %v: tensor<16x8xf32> {rlx.weight = "v"}, %b: tensor<16xf32> {rlx.weight = "b"}) -> (tensor<8x16xf32>, tensor<16xf32>) {
  %f = tensor.collapse_shape %w [[0, 1]] : tensor<4x32xf32> into tensor<128xf32>
  %r = tensor.expand_shape %f [[0, 1]] output_shape [16, 8] : tensor<128xf32> into tensor<16x8xf32>
  %s = arith.addf %r, %v : tensor<16x8xf32>
  %e = tensor.empty() : tensor<8x16xf32>
  %t = linalg.transpose ins(%s : tensor<16x8xf32>) outs(%e : tensor<8x16xf32>) permutation = [1, 0]
  %y = linalg.add ins(%x, %t : tensor<8x16xf32>, tensor<8x16xf32>) outs(%e : tensor<8x16xf32>) -> tensor<8x16xf32>
  return %y, %b : tensor<8x16xf32>, tensor<16xf32>
}

// Not what is much larger than what it reads, not mere views, and not what may fail or writes.
// CHECK-LABEL: func @left(
// CHECK-SAME: tensor<64x1024xi8> {rlx.weight = "q"}
// CHECK: arith.sitofp
// CHECK: tensor.collapse_shape
// CHECK: arith.divsi
// CHECK-NOT: left.pack
func.func @left(%q: tensor<64x1024xi8> {rlx.weight = "q"}, %i: tensor<64x64xi32> {rlx.weight = "i"}) -> (tensor<64x1024xf32>, tensor<65536xi8>, tensor<64x64xi32>) {
  %f = arith.sitofp %q : tensor<64x1024xi8> to tensor<64x1024xf32>
  %c = tensor.collapse_shape %q [[0, 1]] : tensor<64x1024xi8> into tensor<65536xi8>
  %d = arith.divsi %i, %i : tensor<64x64xi32>
  return %f, %c, %d : tensor<64x1024xf32>, tensor<65536xi8>, tensor<64x64xi32>
}
