// What a graph rounds to 16 bits between codes and sum may be left out.
//
// RUN: rlx-opt %s --rlx-recognize-weights=unrounded=true | FileCheck %s

#mk = affine_map<(m, n, k) -> (m, k)>
#nk3 = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nk = affine_map<(n, k) -> (n, k)>

// CHECK-LABEL: func @rounded(
func.func @rounded(%x: tensor<3x64xbf16>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %y: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // CHECK: rlx.matmul %arg0, %arg1
  // CHECK: linalg.add
  %v = rlx.dequantize %w : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32>
  %b = arith.truncf %v : tensor<8x64xf32> to tensor<8x64xbf16>
  %r = linalg.contract indexing_maps = [#mk, #nk3, #mn] ins(%x, %b : tensor<3x64xbf16>, tensor<8x64xbf16>) outs(%y : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}

// CHECK-LABEL: func @product(
func.func @product(%x: tensor<3x64xf16>, %q: tensor<8x64xi8>, %s: tensor<8x1xf16>, %y: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // CHECK: rlx.matmul %arg0, %{{.*}} scales
  %w = arith.sitofp %q : tensor<8x64xi8> to tensor<8x64xf16>
  %we = tensor.empty() : tensor<8x64xf16>
  %v = linalg.generic {indexing_maps = [#nk, affine_map<(n, k) -> (n, 0)>, #nk], iterator_types = ["parallel", "parallel"]} ins(%w, %s : tensor<8x64xf16>, tensor<8x1xf16>) outs(%we : tensor<8x64xf16>) {
  ^bb0(%a: f16, %c: f16, %o: f16):
    %m = arith.mulf %a, %c : f16
    linalg.yield %m : f16
  } -> tensor<8x64xf16>
  %r = linalg.contract indexing_maps = [#mk, #nk3, #mn] ins(%x, %v : tensor<3x64xf16>, tensor<8x64xf16>) outs(%y : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}
