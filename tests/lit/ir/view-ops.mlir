// RUN: rlx-opt %s | rlx-opt | FileCheck %s

// CHECK-LABEL: func @encoded_view
func.func @encoded_view(%q: tensor<8x64xi8>, %x: tensor<?x64xf32>, %s: tensor<8x2xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[W:.*]] = rlx.encoded_view %{{.*}} : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<int8/32>>
  // CHECK: rlx.matmul %{{.*}}, %[[W]] scales
  %w = rlx.encoded_view %q : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<int8/32>>
  %y = rlx.matmul %x, %w scales(%s) : (tensor<?x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @experts
func.func @experts(%q: tensor<4x8x68xi8>) -> tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>> {
  // CHECK: rlx.encoded_view %{{.*}} : tensor<4x8x68xi8> to tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>
  %w = rlx.encoded_view %q : tensor<4x8x68xi8> to tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>
  return %w : tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>
}

// CHECK-LABEL: func @floats
func.func @floats(%q: tensor<8x64xf8E4M3FN>) -> tensor<8x64xf32, #rlx.quant<fp8e4m3>> {
  // CHECK: rlx.encoded_view %{{.*}} : tensor<8x64xf8E4M3FN> to
  %w = rlx.encoded_view %q : tensor<8x64xf8E4M3FN> to tensor<8x64xf32, #rlx.quant<fp8e4m3>>
  return %w : tensor<8x64xf32, #rlx.quant<fp8e4m3>>
}

// A side operand without a sign has the one that the scheme says.
// CHECK-LABEL: func @signless
func.func @signless(%w: tensor<8x64xf32, #rlx.quant<#rlx.scheme<"z", block = 32, code = ui8 at (i) -> (i, 0), zero = ui8 in zero_points at (n, k) -> (n, k floordiv 32)>>>, %z: tensor<8x2xi8>) -> tensor<8x64xf32> {
  // CHECK: rlx.dequantize %{{.*}} zero_points
  %v = rlx.dequantize %w zero_points(%z) : (tensor<8x64xf32, #rlx.quant<#rlx.scheme<"z", block = 32, code = ui8 at (i) -> (i, 0), zero = ui8 in zero_points at (n, k) -> (n, k floordiv 32)>>>, tensor<8x2xi8>) -> tensor<8x64xf32>
  return %v : tensor<8x64xf32>
}
