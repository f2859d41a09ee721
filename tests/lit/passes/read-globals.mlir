// RUN: rlx-opt %s --rlx-read-globals --split-input-file --verify-diagnostics | FileCheck %s

// Small globals, and those that are one number, are constants, whether or not they could be written.
// CHECK-NOT: ml_program.global
// CHECK-LABEL: func @small(
// CHECK: arith.constant dense<[1.0{{.*}}, 2.0{{.*}}]> : tensor<2xf32>
// CHECK: arith.constant dense<2.0{{.*}}> : tensor<64x64xf32>
ml_program.global private @small_one(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
ml_program.global private mutable @splat(dense<2.0> : tensor<64x64xf32>) : tensor<64x64xf32>
func.func @small() -> (tensor<2xf32>, tensor<64x64xf32>) {
  %0 = ml_program.global_load_const @small_one : tensor<2xf32>
  %1 = ml_program.global_load @splat : tensor<64x64xf32>
  return %0, %1 : tensor<2xf32>, tensor<64x64xf32>
}

// -----
// Numbers, and tensors that are loaded with other sizes than they have.
// CHECK-LABEL: func @odd(
// CHECK: arith.constant 3 : i64
// CHECK: %[[C:.*]] = arith.constant dense<1.0{{.*}}> : tensor<2xf32>
// CHECK: tensor.cast %[[C]] : tensor<2xf32> to tensor<?xf32>
ml_program.global private @number(3 : i64) : i64
ml_program.global private @sized(dense<1.0> : tensor<2xf32>) : tensor<?xf32>
func.func @odd() -> (i64, tensor<?xf32>) {
  %0 = ml_program.global_load_const @number : i64
  %1 = ml_program.global_load_const @sized : tensor<?xf32>
  return %0, %1 : i64, tensor<?xf32>
}

// -----
// What is declared only comes from a file.
// CHECK-LABEL: func @declared(
// CHECK: rlx.weight "layers.0.weight" : tensor<4x4xf32>
ml_program.global private @"layers.0.weight"(#ml_program.extern<tensor<4x4xf32>>) : tensor<4x4xf32>
func.func @declared() -> tensor<4x4xf32> {
  %0 = ml_program.global_load_const @"layers.0.weight" : tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----
ml_program.global private mutable @seed(dense<0> : tensor<i64>) : tensor<i64>
func.func @written() -> tensor<i64> {
  // expected-error @below {{reads the global 'seed', which the program writes; expected what calls change to be an argument and a result with rlx.state}}
  %0 = ml_program.global_load @seed : tensor<i64>
  ml_program.global_store @seed = %0 : tensor<i64>
  return %0 : tensor<i64>
}
