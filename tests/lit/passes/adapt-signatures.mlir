// RUN: rlx-opt %s --rlx-adapt-signatures --split-input-file | FileCheck %s

// CHECK-LABEL: func @numbers
// CHECK-SAME: %[[S:.*]]: tensor<f32> {rlx.type = f32}, %[[N:.*]]: tensor<index> {rlx.type = index}, %{{.*}}: tensor<3xf32>
// CHECK-SAME: -> (tensor<f32> {rlx.type = f32}, tensor<3xf32>)
// CHECK: %[[V:.*]] = tensor.extract %[[S]][] : tensor<f32>
// CHECK: %[[R:.*]] = tensor.from_elements %[[V]] : tensor<f32>
// CHECK: return %[[R]]
func.func @numbers(%s: f32, %n: index, %x: tensor<3xf32>) -> (f32, tensor<3xf32>) {
  return %s, %x : f32, tensor<3xf32>
}

// -----

// CHECK-LABEL: func @packed
// CHECK-SAME: %[[Q:.*]]: tensor<?x3xi8> {rlx.type = tensor<?x5xi4>}
// CHECK-SAME: -> (tensor<?x3xi8> {rlx.type = tensor<?x5xi4>})
// CHECK: linalg.generic
// CHECK-SAME: ins(%[[Q]] : tensor<?x3xi8>) outs(%{{.*}} : tensor<?x5xi4>)
// CHECK: arith.shrui
// CHECK: arith.trunci %{{.*}} : i32 to i4
// CHECK: tensor.pad
// CHECK: tensor.expand_shape
// CHECK: arith.shli
// CHECK: arith.ori
func.func @packed(%q: tensor<?x5xi4>) -> tensor<?x5xi4> {
  return %q : tensor<?x5xi4>
}

// -----

// What is private stays, and calls follow.
// CHECK-LABEL: func private @inner(%{{.*}}: f32) -> f32
func.func private @inner(%s: f32) -> f32 {
  return %s : f32
}
// CHECK-LABEL: func @outer
func.func @outer(%s: f32) -> f32 {
  return %s : f32
}
// CHECK-LABEL: func @caller
// CHECK: %[[X:.*]] = tensor.extract
// CHECK: call @inner(%[[X]]) : (f32) -> f32
// CHECK: %[[T:.*]] = tensor.from_elements
// CHECK: %[[Y:.*]] = call @outer(%[[T]]) : (tensor<f32>) -> tensor<f32>
// CHECK: tensor.extract %[[Y]][]
func.func @caller(%x: f32) -> f32 {
  %s = call @inner(%x) : (f32) -> f32
  %y = call @outer(%s) : (f32) -> f32
  return %y : f32
}

// -----

// CHECK-LABEL: func @others
// CHECK-SAME: (%{{.*}}: tensor<3xi8>, %{{.*}}: tensor<2x?xi4>, %{{.*}}: tensor<i1>)
func.func @others(%x: tensor<3xi8>, %q: tensor<2x?xi4>, %b: tensor<i1>) {
  return
}
