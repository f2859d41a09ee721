// Kernels multiply rows of f32; leading dimensions and smaller floats are for those around them.
// RUN: rlx-opt %s --rlx-normalize-matmuls | FileCheck %s
// RUN: not rlx-opt %s --rlx-lower-encodings 2>&1 | FileCheck %s --check-prefix=RAW
// RAW: error: 'rlx.matmul' op expected activations [M, K], bias and result of f32, as --rlx-normalize-matmuls makes them

// CHECK-LABEL: func @leading
// CHECK: %[[WIDE:.*]] = arith.extf %arg0 : tensor<?x?x64xbf16> to tensor<?x?x64xf32>
// CHECK: %[[BIAS:.*]] = arith.extf %arg2 : tensor<8xf16> to tensor<8xf32>
// CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[WIDE]] {{\[\[}}0, 1], [2]] : tensor<?x?x64xf32> into tensor<?x64xf32>
// CHECK: %[[SUMS:.*]] = rlx.matmul %[[ROWS]], %arg1 bias(%[[BIAS]]) {activations = bf16} : (tensor<?x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<8xf32>) -> tensor<?x8xf32>
// CHECK: %[[ALL:.*]] = tensor.expand_shape %[[SUMS]] {{\[\[}}0, 1], [2]] output_shape {{.*}} : tensor<?x8xf32> into tensor<?x?x8xf32>
// CHECK: %[[CAST:.*]] = tensor.cast %[[ALL]] : tensor<?x?x8xf32> to tensor<2x?x8xf32>
// CHECK: arith.truncf %[[CAST]] : tensor<2x?x8xf32> to tensor<2x?x8xbf16>
func.func @leading(%x: tensor<?x?x64xbf16>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %b: tensor<8xf16>) -> tensor<2x?x8xbf16> {
  %y = rlx.matmul %x, %w bias(%b) {activations = bf16} : (tensor<?x?x64xbf16>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<8xf16>) -> tensor<2x?x8xbf16>
  return %y : tensor<2x?x8xbf16>
}

// CHECK-LABEL: func @row
// CHECK: tensor.expand_shape %arg0 {{\[\[}}0, 1]] output_shape [1, 64]
// CHECK: rlx.matmul {{.*}} -> tensor<1x8xf32>
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0, 1]] : tensor<1x8xf32> into tensor<8xf32>
func.func @row(%x: tensor<64xf32>, %w: tensor<8x64xf32>) -> tensor<8xf32> {
  %y = rlx.matmul %x, %w : (tensor<64xf32>, tensor<8x64xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// A weight that is the activations too stays what it is.
// CHECK-LABEL: func @square
// CHECK: rlx.matmul %{{.*}}, %arg0 : (tensor<8x8xf32>, tensor<8x8xbf16>) -> tensor<8x8xf32>
func.func @square(%x: tensor<8x8xbf16>) -> tensor<8x8xf32> {
  %y = rlx.matmul %x, %x : (tensor<8x8xbf16>, tensor<8x8xbf16>) -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// CHECK-LABEL: func @experts
// CHECK: rlx.gather_matmul %{{.*}}, %arg1, %arg2 : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
// CHECK: arith.truncf %{{.*}} : tensor<5x2x8xf32> to tensor<5x2x8xf16>
func.func @experts(%x: tensor<5x64xf16>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<5x2xi32>) -> tensor<5x2x8xf16> {
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<5x64xf16>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf16>
  return %y : tensor<5x2x8xf16>
}

// What is decoded to fewer bits is decoded to f32, and rounded then.
// CHECK-LABEL: func @decoded
// CHECK: %[[ALL:.*]] = rlx.dequantize %arg0 : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32>
// CHECK: %[[HALF:.*]] = arith.truncf %[[ALL]] : tensor<8x64xf32> to tensor<8x64xf16>
// CHECK: %[[ROWS:.*]] = rlx.embedding %arg0, %arg1 : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<?xi32>) -> tensor<?x64xf32>
// CHECK: %[[NARROW:.*]] = arith.truncf %[[ROWS]] : tensor<?x64xf32> to tensor<?x64xbf16>
// CHECK: return %[[HALF]], %[[NARROW]]
func.func @decoded(%w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<?xi32>) -> (tensor<8x64xf16>, tensor<?x64xbf16>) {
  %a = rlx.dequantize %w : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf16>
  %b = rlx.embedding %w, %ids : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %a, %b : tensor<8x64xf16>, tensor<?x64xbf16>
}
