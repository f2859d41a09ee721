// RUN: rlx-opt %s --rlx-dense-scalars | FileCheck %s

// CHECK-LABEL: func @constants
// CHECK: arith.constant dense<2.500000e+00> : tensor<f32>
// CHECK: arith.constant dense_resource<four> : tensor<4xf32>
func.func @constants() -> (tensor<f32>, tensor<4xf32>) {
  %0 = arith.constant dense_resource<one> : tensor<f32>
  %1 = arith.constant dense_resource<four> : tensor<4xf32>
  return %0, %1 : tensor<f32>, tensor<4xf32>
}

{-#
  dialect_resources: {
    builtin: {
      one: "0x0400000000002040",
      four: "0x040000000000803F000000400000404000008040"
    }
  }
#-}
