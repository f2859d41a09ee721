// RUN: rlx-opt %s --allow-unregistered-dialect --rlx-read-globals --split-input-file --verify-diagnostics | FileCheck %s

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

// -----
// IREE's: a parameter of a file, numbers, and what nothing reads.
// CHECK-NOT: util.global
// CHECK-LABEL: func @iree(
// CHECK: rlx.weight "blk.0.weight" : tensor<4xf32>
// CHECK: rlx.weight "big" {rlx.value = dense_resource<big> : tensor<2048xf32>} : tensor<2048xf32>
// CHECK: arith.constant 2.0{{.*}} : f32
// CHECK: rlx.weight "later" : tensor<4xf32>
util.global private @w = #flow.parameter.named<"model"::"blk.0.weight"> : tensor<4xf32>
util.global private @big {noinline} = dense_resource<big> : tensor<2048xf32>
util.global private mutable @scale = 2.0 : f32
util.global private @later : tensor<4xf32>
util.global private @unread = #flow.other<"x"> : tensor<4xf32>
func.func @iree() -> (tensor<4xf32>, tensor<2048xf32>, f32, tensor<4xf32>) {
  %0 = util.global.load @w : tensor<4xf32>
  %1 = util.global.load immutable @big : tensor<2048xf32>
  %2 = util.global.load @scale : f32
  %3 = util.global.load @later : tensor<4xf32>
  return %0, %1, %2, %3 : tensor<4xf32>, tensor<2048xf32>, f32, tensor<4xf32>
}
{-#
  dialect_resources: {
    builtin: {
      big: "0x0400000000000000"
    }
  }
#-}

// -----
// expected-error@+1 {{'util.global' op holds #flow.other<"x"> : tensor<4xf32>, expected numbers or #flow.parameter.named<"scope"::"name">}}
util.global private @w = #flow.other<"x"> : tensor<4xf32>
func.func @main() -> tensor<4xf32> {
  %0 = util.global.load @w : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----
func.func @main() -> tensor<4xf32> {
  // expected-error@+1 {{reads the global 'w', which the program does not have}}
  %0 = util.global.load @w : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----
util.global private @w = #flow.parameter.named<"w"> : tensor<3xf32>
func.func @main() -> tensor<4xf32> {
  // expected-error@+1 {{is of 'tensor<4xf32>', but the global 'w' is of 'tensor<3xf32>'}}
  %0 = util.global.load @w : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----
util.global private mutable @t = dense<0.0> : tensor<4xf32>
func.func @main(%x: tensor<4xf32>) {
  // expected-error@+1 {{changes 't', but a function keeps nothing from one call to the next}}
  util.global.store %x, @t : tensor<4xf32>
  return
}
