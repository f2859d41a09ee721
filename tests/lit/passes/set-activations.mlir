// RUN: rlx-opt %s --rlx-set-activations=i8 --verify-diagnostics | FileCheck %s
// RUN: rlx-opt %s "--rlx-set-activations=activations=i16 weights=reencoded" 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// RUN: not rlx-opt %s --rlx-set-activations=activations=i7 2>&1 | FileCheck %s --check-prefix=ERROR
// RUN: not rlx-opt %s "--rlx-set-activations=activations=i8 weights=rounded" 2>&1 | FileCheck %s --check-prefix=ROUNDED
// RUN: not rlx-opt %s "--rlx-set-activations=activations=f32 weights=reencoded" 2>&1 | FileCheck %s --check-prefix=FLOATS

// RUN: not rlx-opt %s "--rlx-set-activations=activations=i24 weights=reencoded" 2>&1 | FileCheck %s --check-prefix=BYTES
// RUN: rlx-opt %s --rlx-set-activations=i24 2>&1 | FileCheck %s --check-prefix=THREE

// THREE: remark: activations are computed in 'i24'
// THREE-LABEL: func @main
// THREE: rlx.matmul %{{.*}}, %{{.*}} {activations = i24}
// BYTES: expected 'activations' to be i16 or i8 with 'weights=reencoded', but got 'i24'
// ERROR: expected the option 'activations' to be f32, bf16, f16, i24, i16 or i8, but got 'i7'
// ROUNDED: expected the option 'weights' to be reencoded, but got 'rounded'
// FLOATS: expected 'activations' to be i16 or i8 with 'weights=reencoded', but got 'f32'
// WEIGHTS: remark: activations are computed in 'i16'
// WEIGHTS: remark: weights are reencoded for many rows
// WEIGHTS-LABEL: func @main
// WEIGHTS: rlx.matmul %{{.*}}, %{{.*}} weights = reencoded {activations = i16}
// WEIGHTS: rlx.matmul %{{.*}}, %{{.*}} {activations = f32}
!w = tensor<8x64xf32, #rlx.quant<gguf_q8_0>>

// CHECK-LABEL: func @main
func.func @main(%x: tensor<2x64xf32>, %w: !w, %p: tensor<8x64xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) {
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} {activations = i8}
  // expected-remark @below {{activations are computed in 'i8'}}
  %a = rlx.matmul %x, %w : (tensor<2x64xf32>, !w) -> tensor<2x8xf32>
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} {activations = f32}
  %b = rlx.matmul %x, %w {activations = f32} : (tensor<2x64xf32>, !w) -> tensor<2x8xf32>
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} : (tensor<2x64xf32>, tensor<8x64xf32>)
  %c = rlx.matmul %x, %p : (tensor<2x64xf32>, tensor<8x64xf32>) -> tensor<2x8xf32>
  return %a, %b, %c : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>
}

// Experts too.
// CHECK-LABEL: func @experts
// CHECK: rlx.gather_matmul %{{.*}}, %{{.*}}, %{{.*}} {activations = i8}
// WEIGHTS-LABEL: func @experts
// WEIGHTS: rlx.gather_matmul %{{.*}}, %{{.*}}, %{{.*}} weights = reencoded {activations = i16}
func.func @experts(%x: tensor<2x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<2x3xi32>) -> tensor<2x3x8xf32> {
  // expected-remark @below {{activations are computed in 'i8'}}
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<2x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<2x3xi32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}
