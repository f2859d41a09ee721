// arith and math on tensors become loops; a choice between tensors does not.
// RUN: rlx-opt %s --rlx-elementwise-to-linalg | FileCheck %s

// CHECK-LABEL: func @sum
// CHECK-NOT: arith.addf {{.*}} : tensor
// CHECK: linalg.generic
func.func @sum(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %z = arith.addf %x, %y : tensor<?xf32>
  return %z : tensor<?xf32>
}

// CHECK-LABEL: func @choice
// CHECK: arith.select %{{.*}} : tensor<?xf32>
// CHECK-NOT: linalg.generic
func.func @choice(%c: i1, %x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %z = arith.select %c, %x, %y : tensor<?xf32>
  return %z : tensor<?xf32>
}

// Of one size, an element of the result is at the place of an operand's.
// CHECK-LABEL: func @elements
// CHECK-COUNT-2: linalg.generic
func.func @elements(%c: tensor<?xi1>, %d: i1, %x: tensor<?xf32>, %y: tensor<?xf32>, %s: tensor<4xf32>, %r: tensor<4xf32>) -> (tensor<?xf32>, tensor<4xf32>) {
  %z = arith.select %c, %x, %y : tensor<?xi1>, tensor<?xf32>
  %t = arith.select %d, %s, %r : tensor<4xf32>
  return %z, %t : tensor<?xf32>, tensor<4xf32>
}
