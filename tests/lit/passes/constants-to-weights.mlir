// RUN: rlx-opt %s --rlx-constants-to-weights --split-input-file --verify-diagnostics | FileCheck %s
// RUN: rlx-opt %s --rlx-constants-to-weights=in-code --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=CODE

// What the program does not have is a weight of the resource's name, also for code that has its constants in it; small
// constants, and those that are one number, stay.
// CHECK-LABEL: func @named(
// CHECK: rlx.weight "fc.weight" : tensor<4x4xf32>
// CHECK: arith.constant dense<[1.0{{.*}}, 2.0{{.*}}]> : tensor<2xf32>
// CHECK: arith.constant dense<1.0{{.*}}> : tensor<64x64xf32>
// CODE-LABEL: func @named(
// CODE: rlx.weight "fc.weight" : tensor<4x4xf32>
func.func @named() -> (tensor<4x4xf32>, tensor<2xf32>, tensor<64x64xf32>) {
  %0 = arith.constant dense_resource<fc.weight> : tensor<4x4xf32>
  %1 = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %2 = arith.constant dense<1.0> : tensor<64x64xf32>
  return %0, %1, %2 : tensor<4x4xf32>, tensor<2xf32>, tensor<64x64xf32>
}

// -----
// Two types of one resource, and a weight that has the name already, are different weights.
// CHECK-LABEL: func @names(
// CHECK-DAG: rlx.weight "w" : tensor<8xf32>
// CHECK-DAG: rlx.weight "w.1" : tensor<4x4xf32>
// CHECK-DAG: rlx.weight "w.2" : tensor<16xf32>
// CODE-LABEL: func @names(
func.func @names() -> (tensor<8xf32>, tensor<4x4xf32>, tensor<16xf32>, tensor<16xf32>) {
  %w = rlx.weight "w" : tensor<8xf32>
  %0 = arith.constant dense_resource<w> : tensor<4x4xf32>
  %1 = arith.constant dense_resource<w> : tensor<16xf32>
  %2 = arith.constant dense_resource<w> : tensor<16xf32>
  return %w, %0, %1, %2 : tensor<8xf32>, tensor<4x4xf32>, tensor<16xf32>, tensor<16xf32>
}

// -----
// Constants in code, again.
// CHECK-LABEL: func @back(
// CHECK: rlx.weight "w"
// CODE-LABEL: func @back(
// CODE: arith.constant dense<[1.0{{.*}}, 2.0{{.*}}]> : tensor<2xf32>
func.func @back() -> tensor<2xf32> {
  %0 = rlx.weight "w" {rlx.value = dense<[1.0, 2.0]> : tensor<2xf32>} : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----
func.func private @called() -> tensor<4x4xf32> {
  // expected-error @below {{refers to the resource 'w', which the program does not have}}
  %0 = arith.constant dense_resource<w> : tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----
func.func @bits() -> tensor<4xi1> {
  // expected-error @below {{refers to the resource 'w', which the program does not have}}
  %0 = arith.constant dense_resource<w> : tensor<4xi1>
  return %0 : tensor<4xi1>
}
