// RUN: rlx-opt %s --rlx-decompose-fake-quantize | FileCheck %s

// CHECK-LABEL: func @signed_max(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x64xf32>
func.func @signed_max(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK: %[[GROUPS:.*]] = tensor.expand_shape %[[X]] {{\[}}[0], [1, 2]] output_shape [%{{.*}}, 2, 32] : tensor<?x64xf32> into tensor<?x2x32xf32>
  // CHECK: %[[MOST:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[GROUPS]] : {{.*}}) outs(%{{.*}} : tensor<?x2xf32>)
  // CHECK: %[[VALUES:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel"]} ins(%[[GROUPS]], %[[MOST]] :
  // CHECK-NOT: f16
  // CHECK: tensor.collapse_shape %[[VALUES]] {{\[}}[0], [1, 2]] : tensor<?x2x32xf32> into tensor<?x64xf32>
  %y = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q4_0>} : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: func @minmax
func.func @minmax(%x: tensor<3x5x64xf32>) -> tensor<3x5x64xf32> {
  // CHECK: %{{.*}}:2 = linalg.generic
  // CHECK: linalg.generic
  // CHECK: math.fma
  %y = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q5_1>} : tensor<3x5x64xf32>
  return %y : tensor<3x5x64xf32>
}

// The nearest codes for a scale as it is stored: quotients are exact in
// integers, without f64; numbers of a table are chosen.
// CHECK-LABEL: func @exact
func.func @exact(%x: tensor<2x256xf32>) -> tensor<2x256xf32> {
  // CHECK-NOT: rlx.fake_quantize
  // CHECK-NOT: f64
  // CHECK: linalg.generic
  // CHECK: arith.shli
  // CHECK: tensor.collapse_shape
  %a = rlx.fake_quantize %x {scheme = #rlx.quant<int8/32>} : tensor<2x256xf32>
  // CHECK: tensor.collapse_shape
  %b = rlx.fake_quantize %a {scheme = #rlx.quant<int8a/32>} : tensor<2x256xf32>
  // CHECK: tensor.collapse_shape
  %c = rlx.fake_quantize %b {scheme = #rlx.quant<nf4/64>} : tensor<2x256xf32>
  // CHECK: tensor.collapse_shape
  %d = rlx.fake_quantize %c {scheme = #rlx.quant<fp8e4m3/channel>} : tensor<2x256xf32>
  return %d : tensor<2x256xf32>
}

// Beside an offset, too, the nearest code is found without f64.
// CHECK-LABEL: func @offset
// CHECK-NOT: f64
// CHECK: linalg.generic
// CHECK-NOT: f64
// CHECK: linalg.generic
// CHECK-NOT: f64
// CHECK-NOT: rlx.fake_quantize
// CHECK: return
func.func @offset(%x: tensor<2x256xf32>) -> tensor<2x256xf32> {
  %a = rlx.fake_quantize %x {scheme = #rlx.quant<affine4/64>} : tensor<2x256xf32>
  return %a : tensor<2x256xf32>
}

// What several scales or a search make stays.
// CHECK-LABEL: func @others
func.func @others(%x: tensor<2x256xf32>) -> tensor<2x256xf32> {
  // CHECK: rlx.fake_quantize
  %b = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q4k>} : tensor<2x256xf32>
  // CHECK: rlx.fake_quantize
  %c = rlx.fake_quantize %b {scheme = #rlx.quant<gguf_iq4_nl>} : tensor<2x256xf32>
  return %c : tensor<2x256xf32>
}
