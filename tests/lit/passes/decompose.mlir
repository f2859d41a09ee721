// RUN: rlx-opt %s --rlx-decompose | FileCheck %s

// CHECK-LABEL: func @softmax
// CHECK-NOT: linalg.softmax
// CHECK: arith.maxnumf
// CHECK: math.exp
// CHECK: arith.addf
// CHECK: arith.divf
func.func @softmax(%x: tensor<?x16xf32>, %e: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %y = linalg.softmax dimension(1) ins(%x : tensor<?x16xf32>) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// CHECK-LABEL: func @pack
// CHECK-NOT: linalg.pack
// CHECK: tensor.expand_shape
// CHECK: linalg.transpose
// CHECK-NOT: linalg.unpack
// CHECK: tensor.collapse_shape
func.func @pack(%x: tensor<16x8xf32>, %p: tensor<4x2x4x4xf32>, %e: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %packed = linalg.pack %x inner_dims_pos = [0, 1] inner_tiles = [4, 4] into %p : tensor<16x8xf32> -> tensor<4x2x4x4xf32>
  %y = linalg.unpack %packed inner_dims_pos = [0, 1] inner_tiles = [4, 4] into %e : tensor<4x2x4x4xf32> -> tensor<16x8xf32>
  return %y : tensor<16x8xf32>
}

// CHECK-LABEL: func @reshape
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x3xf32>, %[[S:[a-z0-9]+]]: tensor<3xi64>
// CHECK: %[[FLAT:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1]] : tensor<?x3xf32> into tensor<?xf32>
// CHECK: %[[SIZE:.*]] = tensor.extract %[[S]]
// CHECK: %[[N:.*]] = arith.index_cast %[[SIZE]]
// CHECK: tensor.expand_shape %[[FLAT]] {{\[\[}}0, 1, 2]] output_shape [%[[N]], 1, 3] : tensor<?xf32> into tensor<?x1x3xf32>
func.func @reshape(%x: tensor<?x3xf32>, %s: tensor<3xi64>) -> tensor<?x1x3xf32> {
  %y = tensor.reshape %x(%s) : (tensor<?x3xf32>, tensor<3xi64>) -> tensor<?x1x3xf32>
  return %y : tensor<?x1x3xf32>
}

// CHECK-LABEL: func @reshape_scalar
// CHECK: tensor.expand_shape %{{.*}} [] output_shape [1] : tensor<f32> into tensor<1xf32>
// CHECK: tensor.collapse_shape %{{.*}} [] : tensor<1xf32> into tensor<f32>
func.func @reshape_scalar(%x: tensor<f32>, %z: tensor<1xf32>, %s: tensor<1xindex>, %e: tensor<0xindex>) -> (tensor<1xf32>, tensor<f32>) {
  %y = tensor.reshape %x(%s) : (tensor<f32>, tensor<1xindex>) -> tensor<1xf32>
  %w = tensor.reshape %z(%e) : (tensor<1xf32>, tensor<0xindex>) -> tensor<f32>
  return %y, %w : tensor<1xf32>, tensor<f32>
}

// Buffers are left alone.
// CHECK-LABEL: func @buffers
// CHECK: linalg.softmax
func.func @buffers(%x: memref<4x16xf32>, %y: memref<4x16xf32>) {
  linalg.softmax dimension(1) ins(%x : memref<4x16xf32>) outs(%y : memref<4x16xf32>)
  return
}
