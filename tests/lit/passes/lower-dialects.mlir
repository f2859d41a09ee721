// RUN: rlx-opt %s --rlx-read-globals --rlx-lower-dialects --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-NOT: ml_program.global
// CHECK-LABEL: func @global
// CHECK: %[[G:.*]] = arith.constant dense<2.000000e+00> : tensor<3xf32>
// CHECK: arith.mulf %{{.*}}, %[[G]]
ml_program.global private mutable @g(dense<2.0> : tensor<3xf32>) : tensor<3xf32>
ml_program.global private @unused(dense<0> : tensor<i64>) : tensor<i64>
func.func @global(%x: tensor<3xf32>) -> tensor<3xf32> {
  %g = ml_program.global_load @g : tensor<3xf32>
  %y = arith.mulf %x, %g : tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

// CHECK-LABEL: func @tosa
// CHECK-NOT: tosa.
// CHECK: math.exp
func.func @tosa(%x: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %y = tosa.exp %x : (tensor<1x3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}

// -----

// CHECK-LABEL: func @quant
// CHECK-SAME: %{{.*}}: tensor<4xi8>
// CHECK-NOT: quant.
// CHECK: arith.sitofp
!q = !quant.uniform<i8:f32, 0.5>
func.func @quant(%x: tensor<4x!q>) -> tensor<4xf32> {
  %y = quant.dcast %x : tensor<4x!q> to tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// CHECK-LABEL: func @complex
// CHECK-NOT: complex.abs
// CHECK: math.sqrt
func.func @complex(%a: f32, %b: f32) -> f32 {
  %c = complex.create %a, %b : complex<f32>
  %d = complex.abs %c : complex<f32>
  return %d : f32
}

// -----

// Nothing happens where there is nothing to do.
// CHECK-LABEL: func @plain
// CHECK-NEXT: %[[C:.*]] = arith.constant
// CHECK-NEXT: return
func.func @plain(%x: f32) -> f32 {
  %c = arith.constant 1.0 : f32
  return %x : f32
}

// -----

ml_program.global private mutable @g(dense<2.0> : tensor<3xf32>) : tensor<3xf32>
func.func @stored(%x: tensor<3xf32>) {
  // expected-error @+1 {{changes 'g', but a function keeps nothing from one call to the next; expected an argument and a result with rlx.state}}
  ml_program.global_store @g = %x : tensor<3xf32>
  return
}
