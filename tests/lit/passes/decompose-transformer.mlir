// RUN: rlx-opt %s --rlx-decompose-transformer | FileCheck %s
// RUN: rlx-opt %s --rlx-decompose-transformer=keep-attention | FileCheck %s --check-prefix=KEPT

// CHECK-LABEL: func @rms_norm
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x64xbf16>, %[[G:[a-z0-9]+]]: tensor<64xf32>
// CHECK-NOT: rlx.rms_norm
// CHECK: %[[SUMS:.*]] = linalg.generic {{.*}}iterator_types = ["parallel", "reduction"]} ins(%[[X]] : tensor<?x64xbf16>)
// CHECK: arith.extf
// CHECK: arith.mulf
// CHECK: arith.addf
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]} ins(%[[X]], %[[SUMS]], %[[G]] :
// CHECK: math.rsqrt
// CHECK: linalg.yield %{{.*}} : f32
func.func @rms_norm(%x: tensor<?x64xbf16>, %g: tensor<64xf32>) -> tensor<?x64xf32> {
  %y = rlx.rms_norm %x weight(%g) {epsilon = 1.0e-05} : (tensor<?x64xbf16>, tensor<64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: func @layer_norm
// CHECK-NOT: rlx.layer_norm
// CHECK: arith.subf
// CHECK: math.rsqrt
func.func @layer_norm(%x: tensor<3x64xf32>, %b: tensor<64xf32>) -> tensor<3x64xf32> {
  %y = rlx.layer_norm %x bias(%b) {epsilon = 1.0e-05} : (tensor<3x64xf32>, tensor<64xf32>) -> tensor<3x64xf32>
  return %y : tensor<3x64xf32>
}

// A turn is 2^32 steps: 1 / (2 pi) of a turn a position, 1 / (200 pi).
// CHECK-LABEL: func @rope_table
// CHECK-DAG: arith.constant dense<[683565274, 6835652]> : tensor<2xi32>
// CHECK: arith.muli
// CHECK: math.cos
// CHECK: math.sin
// CHECK: tensor.insert_slice {{.*}}[0, 0, 0] [1, %{{.*}}, 2] [1, 1, 1]
// CHECK: tensor.insert_slice {{.*}}[1, 0, 0] [1, %{{.*}}, 2] [1, 1, 1]
func.func @rope_table(%p: index, %n: index) -> tensor<2x?x2xf32> {
  %t = rlx.rope_table from %p count %n {dims = 4, base = 1.0e+04} : (index, index) -> tensor<2x?x2xf32>
  return %t : tensor<2x?x2xf32>
}

// CHECK-LABEL: func @rope_pairs
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 0] [%{{.*}}, 2, 4] [1, 1, 2]
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 1] [%{{.*}}, 2, 4] [1, 1, 2]
// The numbers that are not rotated:
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 8] [%{{.*}}, 2, 3] [1, 1, 1]
func.func @rope_pairs(%x: tensor<?x2x11xf32>, %t: tensor<2x?x4xf32>) -> tensor<?x2x11xf32> {
  %y = rlx.rope pairs %x, %t : tensor<?x2x11xf32>, tensor<2x?x4xf32>
  return %y : tensor<?x2x11xf32>
}

// CHECK-LABEL: func @rope_halves
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 0] [3, 2, 4] [1, 1, 1]
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 4] [3, 2, 4] [1, 1, 1]
func.func @rope_halves(%x: tensor<3x2x8xf16>, %t: tensor<2x3x4xf32>) -> tensor<3x2x8xf16> {
  %y = rlx.rope halves %x, %t : tensor<3x2x8xf16>, tensor<2x3x4xf32>
  return %y : tensor<3x2x8xf16>
}

// CHECK-LABEL: func @append
// CHECK-SAME: %[[ROWS:[a-z0-9]+]]: tensor<?x8x64xf32>, %[[CACHE:[a-z0-9]+]]: tensor<1024x8x64xf32>, %[[P:[a-z0-9]+]]: index
// CHECK: tensor.insert_slice %[[ROWS]] into %[[CACHE]][%[[P]], 0, 0] [%{{.*}}, 8, 64] [1, 1, 1]
func.func @append(%rows: tensor<?x8x64xf32>, %cache: tensor<1024x8x64xf32>, %p: index) -> tensor<1024x8x64xf32> {
  %y = rlx.append %rows into %cache at %p : tensor<?x8x64xf32> into tensor<1024x8x64xf32>
  return %y : tensor<1024x8x64xf32>
}

// CHECK-LABEL: func @append_quantized
// CHECK: %[[Q:.*]] = rlx.quantize %{{.*}} rule "absmax 127" : (tensor<?x8x64xf32>) -> tensor<?x8x64xf32, #rlx.quant<gguf_q8_0>>
// CHECK: tensor.insert_slice %[[Q]] into
func.func @append_quantized(%rows: tensor<?x8x64xf32>, %cache: tensor<?x8x64xf32, #rlx.quant<gguf_q8_0>>, %p: index) -> tensor<?x8x64xf32, #rlx.quant<gguf_q8_0>> {
  %y = rlx.append %rows into %cache at %p rule "absmax 127" : tensor<?x8x64xf32> into tensor<?x8x64xf32, #rlx.quant<gguf_q8_0>>
  return %y : tensor<?x8x64xf32, #rlx.quant<gguf_q8_0>>
}

// CHECK-LABEL: func @attention
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 0] [%{{.*}}, 2, 16] [1, 1, 1] : tensor<?x2x16xf32, #rlx.quant<f16>> to tensor<?x2x16xf32, #rlx.quant<f16>>
// CHECK: rlx.dequantize
// CHECK: iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]
// CHECK: math.tanh
// CHECK: arith.cmpi sle
// CHECK: arith.cmpi sgt
// CHECK: arith.maximumf
// CHECK: math.exp
// CHECK: arith.divf
// KEPT-LABEL: func @attention
// KEPT-NEXT: rlx.attention
func.func @attention(%q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32, #rlx.quant<f16>>, %v: tensor<?x2x16xf32>, %n: index, %s: tensor<4xf32>) -> tensor<?x4x16xf32> {
  %y = rlx.attention %q, %k, %v length(%n) sinks(%s) {causal, window = 8, softcap = 5.0e+01}
      : (tensor<?x4x16xf32>, tensor<?x2x16xf32, #rlx.quant<f16>>, tensor<?x2x16xf32>, index, tensor<4xf32>) -> tensor<?x4x16xf32>
  return %y : tensor<?x4x16xf32>
}

// CHECK-LABEL: func @topk
// CHECK-COUNT-3: iterator_types = ["parallel", "reduction"]
// CHECK-NOT: iterator_types
func.func @topk(%x: tensor<?x32xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>) {
  %v, %i = rlx.topk %x : tensor<?x32xf32> -> tensor<?x3xf32>, tensor<?x3xi32>
  return %v, %i : tensor<?x3xf32>, tensor<?x3xi32>
}
