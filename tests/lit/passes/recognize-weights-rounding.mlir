// What a graph rounds to 16 bits, once and last, a scheme says too; all else
// stays, unless rounding may be left out.
//
// RUN: rlx-opt %s --rlx-recognize-weights --verify-diagnostics | FileCheck %s

#mk = affine_map<(m, n, k) -> (m, k)>
#nk3 = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nk = affine_map<(n, k) -> (n, k)>
#n = affine_map<(n, k) -> (n)>

// CHECK-DAG: #[[ONCE:.*]] = #rlx.scheme<"graph si8 as f16", block = 64, bytes = 64, code = si8 at (d0) -> (d0, 0), scale = f16 in scales at (d0, d1) -> (d0), rounded = f16>
// CHECK-DAG: #[[ZERO:.*]] = #rlx.scheme<"graph ui8 as bf16", block = 64, bytes = 64, code = ui8 at (d0) -> (d0, 0), zero = ui8 in zero_points at (d0, d1) -> (d0), scale = bf16 in scales at (d0, d1) -> (d0), rounded = bf16>

// CHECK-LABEL: func @rounded(
func.func @rounded(%x: tensor<3x64xbf16>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %y: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // CHECK: linalg.contract
  %v = rlx.dequantize %w : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32>
  // expected-remark @+1 {{'arith.truncf' rounds to bf16, which a kernel would not do; with 'unrounded' it need not}}
  %b = arith.truncf %v : tensor<8x64xf32> to tensor<8x64xbf16>
  %r = linalg.contract indexing_maps = [#mk, #nk3, #mn] ins(%x, %b : tensor<3x64xbf16>, tensor<8x64xbf16>) outs(%y : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}

// Activations of the same type lose nothing where they are computed in it.
// CHECK-LABEL: func @product(
func.func @product(%x: tensor<3x64xf16>, %q: tensor<8x64xi8>, %s: tensor<8x1xf16>, %y: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // CHECK: %[[W:.*]] = rlx.encoded_view %arg1 : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<#[[ONCE]]>>
  // CHECK: rlx.matmul %arg0, %[[W]] scales(%{{.*}}) {activations = f16}
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

// Differences of codes of 4 bits are bf16 as they are, and so are those of
// unsigned bytes (torchao, AWQ).
// CHECK-LABEL: func @zeros(
func.func @zeros(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %z: tensor<8x64xi8>, %zn: tensor<8xi8>, %s: tensor<8xbf16>, %y: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // CHECK: rlx.encoded_view %arg1 : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<#[[ZERO]]>>
  // CHECK-NOT: activations
  // CHECK: return
  %we = tensor.empty() : tensor<8x64xf32>
  %v = linalg.generic {indexing_maps = [#nk, #n, #n, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %zn, %s : tensor<8x64xi8>, tensor<8xi8>, tensor<8xbf16>) outs(%we : tensor<8x64xf32>) {
  ^bb0(%a: i8, %b: i8, %c: bf16, %o: f32):
    %i = arith.uitofp %a : i8 to bf16
    %j = arith.uitofp %b : i8 to bf16
    %d = arith.subf %i, %j : bf16
    %m = arith.mulf %d, %c : bf16
    %w = arith.extf %m : bf16 to f32
    linalg.yield %w : f32
  } -> tensor<8x64xf32>
  %r = linalg.contract indexing_maps = [#mk, #nk3, #mn] ins(%x, %v : tensor<3x64xf32>, tensor<8x64xf32>) outs(%y : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}

// Rounded twice: a scale behind the rounding, an offset behind a product.
// CHECK-LABEL: func @twice(
func.func @twice(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %s: tensor<8xf16>, %t: tensor<8xf16>, %y: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // CHECK-NOT: rlx.
  // CHECK: return
  %we = tensor.empty() : tensor<8x64xf32>
  %v = linalg.generic {indexing_maps = [#nk, #n, #n, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s, %t : tensor<8x64xi8>, tensor<8xf16>, tensor<8xf16>) outs(%we : tensor<8x64xf32>) {
  ^bb0(%a: i8, %b: f16, %c: f16, %o: f32):
    %i = arith.sitofp %a : i8 to f16
    %m = arith.mulf %i, %b : f16
    // expected-remark @+1 {{'arith.addf' does not leave scale * (code - zero) + offset}}
    %p = arith.addf %m, %c : f16
    %w = arith.extf %p : f16 to f32
    linalg.yield %w : f32
  } -> tensor<8x64xf32>
  %r = linalg.contract indexing_maps = [#mk, #nk3, #mn] ins(%x, %v : tensor<3x64xf32>, tensor<8x64xf32>) outs(%y : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}

// Scales behind a rounded weight are no factors of it.
// CHECK-LABEL: func @scale_behind(
func.func @scale_behind(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %s: tensor<8xf32>, %t: tensor<8xf32>) -> tensor<3x8xf32> {
  // CHECK: rlx.matmul
  // CHECK: arith.mulf
  // CHECK: return
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %we = tensor.empty() : tensor<8x64xf16>
  %v = linalg.generic {indexing_maps = [#nk, #n, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<8x64xi8>, tensor<8xf32>) outs(%we : tensor<8x64xf16>) {
  ^bb0(%a: i8, %b: f32, %o: f16):
    %i = arith.sitofp %a : i8 to f32
    %m = arith.mulf %i, %b : f32
    %p = arith.truncf %m : f32 to f16
    linalg.yield %p : f16
  } -> tensor<8x64xf16>
  %f = arith.extf %v : tensor<8x64xf16> to tensor<8x64xf32>
  %y = linalg.contract indexing_maps = [#mk, #nk3, #mn] ins(%x, %f : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  %ye = tensor.empty() : tensor<3x8xf32>
  %r = linalg.generic {indexing_maps = [#nk, affine_map<(m, n) -> (n)>, #nk], iterator_types = ["parallel", "parallel"]} ins(%y, %t : tensor<3x8xf32>, tensor<8xf32>) outs(%ye : tensor<3x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}

// Integers of 8 bits are f16 as they are.
// CHECK-LABEL: func @exact(
func.func @exact(%x: tensor<3x64xf16>, %q: tensor<8x64xi8>, %y: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // CHECK: rlx.matmul
  %w = arith.sitofp %q : tensor<8x64xi8> to tensor<8x64xf16>
  %r = linalg.contract indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf16>, tensor<8x64xf16>) outs(%y : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}
