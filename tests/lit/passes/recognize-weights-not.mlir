// What looks alike but is not: it stays as it was, and a remark says why.
//
// RUN: rlx-opt %s --rlx-recognize-weights --verify-diagnostics | FileCheck %s

#mk = affine_map<(m, n, k) -> (m, k)>
#nk3 = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nm = affine_map<(m, n, k) -> (n, m)>
#nk = affine_map<(n, k) -> (n, k)>
#n = affine_map<(n, k) -> (n)>
#nmod = affine_map<(n, k) -> (n, k mod 32)>

// CHECK-NOT: rlx.

// Something is done to the values.
func.func @squared(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %zeros: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %w = arith.sitofp %q : tensor<8x64xi8> to tensor<8x64xf32>
  %v = arith.mulf %w, %w : tensor<8x64xf32>
  // expected-remark @+1 {{a quantized weight is not multiplied as it is stored: expected one tensor of codes, with an element for each of the weight}}
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %v : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// A scale for each column of a group is none of a scheme: its index does not grow.
func.func @other_axis(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %s: tensor<8x32xf32>, %zeros: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %e = tensor.empty() : tensor<8x64xf32>
  %w = linalg.generic {indexing_maps = [#nk, #nmod, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<8x64xi8>, tensor<8x32xf32>) outs(%e : tensor<8x64xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<8x64xf32>
  // expected-remark @+1 {{a quantized weight is not multiplied as it is stored: expected the index of 'scale factor 1' to grow with n and k}}
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// A part of the scales.
func.func @part_of_scales(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %s: tensor<16xf32>, %zeros: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %some = tensor.extract_slice %s[0] [8] [1] : tensor<16xf32> to tensor<8xf32>
  %e = tensor.empty() : tensor<8x64xf32>
  %w = linalg.generic {indexing_maps = [#nk, #n, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %some : tensor<8x64xi8>, tensor<8xf32>) outs(%e : tensor<8x64xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<8x64xf32>
  // expected-remark @+1 {{scales or zero points are 16 along dimension 0, of which the weight reads 8}}
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// Codes that are wider than a byte.
func.func @words(%x: tensor<3x64xf32>, %q: tensor<8x64xi16>, %zeros: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %w = arith.sitofp %q : tensor<8x64xi16> to tensor<8x64xf32>
  // expected-remark @+1 {{codes lie in elements of 16 bits, expected bytes}}
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// Numbers become codes in between.
func.func @rounded_again(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %s: tensor<8xf32>, %zeros: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %e = tensor.empty() : tensor<8x64xf32>
  %w = linalg.generic {indexing_maps = [#nk, #n, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<8x64xi8>, tensor<8xf32>) outs(%e : tensor<8x64xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    // expected-remark @+1 {{'math.roundeven' does not leave scale * (code - zero) + offset}}
    %r = math.roundeven %m : f32
    linalg.yield %r : f32
  } -> tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// Numbers that are not quantized are not spoken of.
func.func @plain(%x: tensor<3x64xf32>, %w: tensor<8x64xbf16>, %zeros: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %v = arith.extf %w : tensor<8x64xbf16> to tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %v : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}
