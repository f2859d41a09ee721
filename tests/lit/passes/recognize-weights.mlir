// RUN: rlx-opt %s --rlx-recognize-weights | FileCheck %s

// CHECK-DAG: #[[CHANNEL:.*]] = #rlx.scheme<"graph si8", block = 64, bytes = 64, code = si8 at (d0) -> (d0, 0), scale = f32 in scales at (d0, d1) -> (d0)>
// CHECK-DAG: #[[GROUPS:.*]] = #rlx.scheme<"graph si8/32", block = 32, bytes = 32, code = si8 at (d0) -> (d0, 0), zero = si8 in zero_points at (d0, d1) -> (d0, d1 floordiv 32), scale = f32 in scales at (d0, d1) -> (d0, d1 floordiv 32)>
// CHECK-DAG: #[[NIBBLES:.*]] = #rlx.scheme<"graph ui4/32", block = 32, bytes = 16, code = ui4 at (d0) -> (0, d0 * 4), zero = f32 in zero_points at (d0, d1) -> (d0, d1 floordiv 32), scale = f16 in scales at (d0, d1) -> (d0, d1 floordiv 32)>
// CHECK-DAG: #[[HALVES:.*]] = #rlx.scheme<"graph si4", block = 64, bytes = 32, code = si4 at (d0) -> (d0 mod 32, (d0 floordiv 32) * 4), scale = f32 in scales at (d0, d1) -> (0)>
// CHECK-DAG: #[[SHIFTS:.*]] = #rlx.scheme<"graph ui4", block = 64, bytes = 32, code = ui4 at (d0) -> (0, d0 * 4) - 8, scale = f32 in scales at (d0, d1) -> (0)>
// CHECK-DAG: #[[FLOATS:.*]] = #rlx.scheme<"graph f8E4M3FN", block = 64, bytes = 64, code = f8E4M3FN at (d0) -> (d0, 0), scale = bf16 in scales at (d0, d1) -> (d0)>
// CHECK-DAG: #[[TABLE:.*]] = #rlx.scheme<"graph ui2 codebook", block = 256, bytes = 64, code = ui2 at (d0) -> (0, d0 * 2) as [-1.000000e+00, -2.500000e-01, 2.500000e-01, 1.500000e+00], scale = f32 in scales at (d0, d1) -> (d0)>
// CHECK-DAG: #[[CONSTANT:.*]] = #rlx.scheme<"graph si4", block = 4, bytes = 2, code = si4 at (d0) -> (0, d0 * 4), scale = f32 in scales at (d0, d1) -> (d0)>

#mk = affine_map<(m, n, k) -> (m, k)>
#nk3 = affine_map<(m, n, k) -> (n, k)>
#kn3 = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nk = affine_map<(n, k) -> (n, k)>
#n = affine_map<(n, k) -> (n)>
#k = affine_map<(n, k) -> (k)>
#all = affine_map<(n, k) -> ()>
#ngk = affine_map<(n, g, k) -> (n, g, k)>
#ng = affine_map<(n, g, k) -> (n, g)>
#ng0 = affine_map<(n, g, k) -> (n, g, 0)>

// One scale a row, and a transpose between (PT2E).
// CHECK-LABEL: func @channel(
func.func @channel(%x: tensor<?x64xf32>, %q: tensor<8x64xi8>, %s: tensor<8xf32>, %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[W:.*]] = rlx.encoded_view %arg1 : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<#[[CHANNEL]]>>
  // CHECK: %[[Y:.*]] = rlx.matmul %arg0, %[[W]] scales(%arg2)
  // CHECK-NEXT: return %[[Y]]
  %e = tensor.empty() : tensor<8x64xf32>
  %w = linalg.generic {indexing_maps = [#nk, #n, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<8x64xi8>, tensor<8xf32>) outs(%e : tensor<8x64xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<8x64xf32>
  %zero = arith.constant 0.0 : f32
  %te = tensor.empty() : tensor<64x8xf32>
  %t = linalg.transpose ins(%w : tensor<8x64xf32>) outs(%te : tensor<64x8xf32>) permutation = [1, 0]
  %zeros = linalg.fill ins(%zero : f32) outs(%y : tensor<?x8xf32>) -> tensor<?x8xf32>
  %r = linalg.matmul ins(%x, %t : tensor<?x64xf32>, tensor<64x8xf32>) outs(%zeros : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}

// A generic for each step, scales and zero points [N, G, 1] (torch-mlir, torchao).
// CHECK-LABEL: func @groups(
func.func @groups(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %s: tensor<8x2xf32>, %zp: tensor<8x2xi8>) -> tensor<3x8xf32> {
  // CHECK: rlx.encoded_view %arg1 : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<#[[GROUPS]]>>
  // CHECK: rlx.matmul %arg0, %{{.*}} scales(%arg2) zero_points(%arg3)
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %q3 = tensor.expand_shape %q [[0], [1, 2]] output_shape [8, 2, 32] : tensor<8x64xi8> into tensor<8x2x32xi8>
  %s3 = tensor.expand_shape %s [[0], [1, 2]] output_shape [8, 2, 1] : tensor<8x2xf32> into tensor<8x2x1xf32>
  %z3 = tensor.expand_shape %zp [[0], [1, 2]] output_shape [8, 2, 1] : tensor<8x2xi8> into tensor<8x2x1xi8>
  %e = tensor.empty() : tensor<8x2x32xf32>
  %1 = linalg.generic {indexing_maps = [#ngk, #ngk], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q3 : tensor<8x2x32xi8>) outs(%e : tensor<8x2x32xf32>) {
  ^bb0(%a: i8, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    linalg.yield %f : f32
  } -> tensor<8x2x32xf32>
  %2 = linalg.generic {indexing_maps = [#ngk, #ng0, #ngk], iterator_types = ["parallel", "parallel", "parallel"]} ins(%1, %z3 : tensor<8x2x32xf32>, tensor<8x2x1xi8>) outs(%e : tensor<8x2x32xf32>) {
  ^bb0(%a: f32, %b: i8, %o: f32):
    %z = arith.sitofp %b : i8 to f32
    %f = arith.subf %a, %z : f32
    linalg.yield %f : f32
  } -> tensor<8x2x32xf32>
  %3 = linalg.generic {indexing_maps = [#ngk, #ng0, #ngk], iterator_types = ["parallel", "parallel", "parallel"]} ins(%2, %s3 : tensor<8x2x32xf32>, tensor<8x2x1xf32>) outs(%e : tensor<8x2x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %f = arith.mulf %a, %b : f32
    linalg.yield %f : f32
  } -> tensor<8x2x32xf32>
  %w = tensor.collapse_shape %3 [[0], [1, 2]] : tensor<8x2x32xf32> into tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// Nibbles of bytes, side by side, less zero points (AWQ, HQQ).
// CHECK-LABEL: func @nibbles(
func.func @nibbles(%x: tensor<3x64xf32>, %p: tensor<8x32xi8>, %s: tensor<8x2xf16>, %zp: tensor<8x2xf32>) -> tensor<3x8xf32> {
  // CHECK: rlx.encoded_view %arg1 : tensor<8x32xi8> to tensor<8x64xf32, #rlx.quant<#[[NIBBLES]]>>
  // CHECK: rlx.matmul %arg0, %{{.*}} scales(%arg2) zero_points(%arg3)
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %c15 = arith.constant 15 : i8
  %c4 = arith.constant 4 : i8
  %pe = tensor.empty() : tensor<8x32xi8>
  %lo = linalg.generic {indexing_maps = [#nk, #nk], iterator_types = ["parallel", "parallel"]} ins(%p : tensor<8x32xi8>) outs(%pe : tensor<8x32xi8>) {
  ^bb0(%a: i8, %o: i8):
    %f = arith.andi %a, %c15 : i8
    linalg.yield %f : i8
  } -> tensor<8x32xi8>
  %hi = linalg.generic {indexing_maps = [#nk, #nk], iterator_types = ["parallel", "parallel"]} ins(%p : tensor<8x32xi8>) outs(%pe : tensor<8x32xi8>) {
  ^bb0(%a: i8, %o: i8):
    %f = arith.shrui %a, %c4 : i8
    linalg.yield %f : i8
  } -> tensor<8x32xi8>
  %lo3 = tensor.expand_shape %lo [[0], [1, 2]] output_shape [8, 32, 1] : tensor<8x32xi8> into tensor<8x32x1xi8>
  %hi3 = tensor.expand_shape %hi [[0], [1, 2]] output_shape [8, 32, 1] : tensor<8x32xi8> into tensor<8x32x1xi8>
  %cc = tensor.concat dim(2) %lo3, %hi3 : (tensor<8x32x1xi8>, tensor<8x32x1xi8>) -> tensor<8x32x2xi8>
  %q3 = tensor.collapse_shape %cc [[0], [1, 2]] : tensor<8x32x2xi8> into tensor<8x64xi8>
  %q = tensor.expand_shape %q3 [[0], [1, 2]] output_shape [8, 2, 32] : tensor<8x64xi8> into tensor<8x2x32xi8>
  %e = tensor.empty() : tensor<8x2x32xf32>
  %w3 = linalg.generic {indexing_maps = [#ngk, #ng, #ng, #ngk], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %s, %zp : tensor<8x2x32xi8>, tensor<8x2xf16>, tensor<8x2xf32>) outs(%e : tensor<8x2x32xf32>) {
  ^bb0(%a: i8, %b: f16, %c: f32, %o: f32):
    %f = arith.uitofp %a : i8 to f32
    %d = arith.subf %f, %c : f32
    %t = arith.extf %b : f16 to f32
    %m = arith.mulf %d, %t : f32
    linalg.yield %m : f32
  } -> tensor<8x2x32xf32>
  %w = tensor.collapse_shape %w3 [[0], [1, 2]] : tensor<8x2x32xf32> into tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// The low half of a row in the low nibbles, signed: shifted up and down again.
// CHECK-LABEL: func @halves(
func.func @halves(%x: tensor<3x64xf32>, %p: tensor<8x32xi8>, %s: tensor<f32>) -> tensor<3x8xf32> {
  // CHECK: %[[S:.*]] = tensor.expand_shape %arg2 [] output_shape [1]
  // CHECK: rlx.encoded_view %arg1 : tensor<8x32xi8> to tensor<8x64xf32, #rlx.quant<#[[HALVES]]>>
  // CHECK: rlx.matmul %arg0, %{{.*}} scales(%[[S]])
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %c4 = arith.constant 4 : i8
  %pe = tensor.empty() : tensor<8x32xi8>
  %lo = linalg.generic {indexing_maps = [#nk, #nk], iterator_types = ["parallel", "parallel"]} ins(%p : tensor<8x32xi8>) outs(%pe : tensor<8x32xi8>) {
  ^bb0(%a: i8, %o: i8):
    %f = arith.shli %a, %c4 : i8
    %g = arith.shrsi %f, %c4 : i8
    linalg.yield %g : i8
  } -> tensor<8x32xi8>
  %hi = linalg.generic {indexing_maps = [#nk, #nk], iterator_types = ["parallel", "parallel"]} ins(%p : tensor<8x32xi8>) outs(%pe : tensor<8x32xi8>) {
  ^bb0(%a: i8, %o: i8):
    %f = arith.shrsi %a, %c4 : i8
    linalg.yield %f : i8
  } -> tensor<8x32xi8>
  %q = tensor.concat dim(1) %lo, %hi : (tensor<8x32xi8>, tensor<8x32xi8>) -> tensor<8x64xi8>
  %y = linalg.generic {indexing_maps = [#mk, #nk3, affine_map<(m, n, k) -> ()>, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %q, %s : tensor<3x64xf32>, tensor<8x64xi8>, tensor<f32>) outs(%zeros : tensor<3x8xf32>) {
  ^bb0(%a: f32, %b: i8, %c: f32, %o: f32):
    %f = arith.sitofp %b : i8 to f32
    %d = arith.mulf %f, %c : f32
    %m = arith.mulf %a, %d : f32
    %t = arith.addf %o, %m : f32
    linalg.yield %t : f32
  } -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// Codes of 4 bits, shifted by a table, less a constant; constant scales.
// CHECK-LABEL: func @shifts(
func.func @shifts(%x: tensor<3x64xf32>, %p: tensor<8x32xi8>) -> tensor<3x8xf32> {
  // CHECK: %[[S:.*]] = arith.constant dense<1.250000e-01> : tensor<1xf32>
  // CHECK: rlx.encoded_view %arg1 : tensor<8x32xi8> to tensor<8x64xf32, #rlx.quant<#[[SHIFTS]]>>
  // CHECK: rlx.matmul %arg0, %{{.*}} scales(%[[S]])
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %shifts = arith.constant dense<[0, 4]> : tensor<2xi8>
  %c15 = arith.constant 15 : i8
  %eight = arith.constant 8.0 : f32
  %scale = arith.constant 0.125 : f32
  %e = tensor.empty() : tensor<8x32x2xf32>
  %q = linalg.generic {indexing_maps = [affine_map<(n, b, i) -> (n, b)>, affine_map<(n, b, i) -> (i)>, affine_map<(n, b, i) -> (n, b, i)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%p, %shifts : tensor<8x32xi8>, tensor<2xi8>) outs(%e : tensor<8x32x2xf32>) {
  ^bb0(%a: i8, %b: i8, %o: f32):
    %t = arith.shrui %a, %b : i8
    %u = arith.andi %t, %c15 : i8
    %f = arith.uitofp %u : i8 to f32
    %d = arith.subf %f, %eight : f32
    %m = arith.mulf %d, %scale : f32
    linalg.yield %m : f32
  } -> tensor<8x32x2xf32>
  %w = tensor.collapse_shape %q [[0], [1, 2]] : tensor<8x32x2xf32> into tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// [K, N] codes are transposed (ONNX, JAX).
// CHECK-LABEL: func @columns(
func.func @columns(%x: tensor<3x64xf32>, %q: tensor<64x8xi8>, %s: tensor<8xf32>) -> tensor<3x8xf32> {
  // CHECK: %[[T:.*]] = linalg.transpose ins(%arg1 : tensor<64x8xi8>) {{.*}} permutation = [1, 0]
  // CHECK: rlx.encoded_view %[[T]] : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<#[[CHANNEL]]>>
  // CHECK: rlx.matmul %arg0, %{{.*}} scales(%arg2)
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %e = tensor.empty() : tensor<64x8xf32>
  %w = linalg.generic {indexing_maps = [#nk, #k, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<64x8xi8>, tensor<8xf32>) outs(%e : tensor<64x8xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<64x8xf32>
  %y = linalg.matmul ins(%x, %w : tensor<3x64xf32>, tensor<64x8xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// The scale and a bias follow (F.linear(x, q) * s + b).
// CHECK-LABEL: func @scale_after(
func.func @scale_after(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %s: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<3x8xf32> {
  // CHECK: rlx.encoded_view %arg1 : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<#[[CHANNEL]]>>
  // CHECK: %[[Y:.*]] = rlx.matmul %arg0, %{{.*}} scales(%arg2) bias(%arg3)
  // CHECK: return %[[Y]]
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %e = tensor.empty() : tensor<8x64xf32>
  %w = arith.sitofp %q : tensor<8x64xi8> to tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  %ye = tensor.empty() : tensor<3x8xf32>
  %r = linalg.generic {indexing_maps = [#nk, #k, #k, #nk], iterator_types = ["parallel", "parallel"]} ins(%y, %s, %b : tensor<3x8xf32>, tensor<8xf32>, tensor<8xf32>) outs(%ye : tensor<3x8xf32>) {
  ^bb0(%a: f32, %c: f32, %d: f32, %o: f32):
    %m = arith.mulf %a, %c : f32
    %t = arith.addf %m, %d : f32
    linalg.yield %t : f32
  } -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}

// Floats of 8 bits, scales of bf16.
// CHECK-LABEL: func @floats(
func.func @floats(%x: tensor<3x64xbf16>, %q: tensor<8x64xf8E4M3FN>, %s: tensor<8x1xbf16>, %b: tensor<8xbf16>, %e: tensor<3x8xbf16>) -> tensor<3x8xbf16> {
  // CHECK: %[[S:.*]] = tensor.collapse_shape %arg2 {{.*}} : tensor<8x1xbf16> into tensor<8xbf16>
  // CHECK: rlx.encoded_view %arg1 : tensor<8x64xf8E4M3FN> to tensor<8x64xf32, #rlx.quant<#[[FLOATS]]>>
  // CHECK: rlx.matmul %arg0, %{{.*}} scales(%[[S]]) bias(%arg3)
  %init = linalg.broadcast ins(%b : tensor<8xbf16>) outs(%e : tensor<3x8xbf16>) dimensions = [0]
  %y = linalg.generic {indexing_maps = [#mk, #nk3, affine_map<(m, n, k) -> (n, 0)>, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %q, %s : tensor<3x64xbf16>, tensor<8x64xf8E4M3FN>, tensor<8x1xbf16>) outs(%init : tensor<3x8xbf16>) {
  ^bb0(%a: bf16, %c: f8E4M3FN, %d: bf16, %o: bf16):
    %f = arith.extf %c : f8E4M3FN to f32
    %t = arith.extf %d : bf16 to f32
    %v = arith.mulf %f, %t : f32
    %u = arith.extf %a : bf16 to f32
    %m = arith.mulf %u, %v : f32
    %r = arith.truncf %m : f32 to bf16
    %p = arith.addf %o, %r : bf16
    linalg.yield %p : bf16
  } -> tensor<3x8xbf16>
  return %y : tensor<3x8xbf16>
}

// Codes that name entries of a table, four in a byte.
// CHECK-LABEL: func @table(
func.func @table(%x2: tensor<3x256xf32>, %p: tensor<8x64xi8>, %s: tensor<8xf32>) -> tensor<3x8xf32> {
  // CHECK: rlx.encoded_view %arg1 : tensor<8x64xi8> to tensor<8x256xf32, #rlx.quant<#[[TABLE]]>>
  // CHECK: rlx.matmul %arg0, %{{.*}} scales(%arg2)
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %c3 = arith.constant 3 : i8
  %levels = arith.constant dense<[-1.0, -0.25, 0.25, 1.5]> : tensor<4xf32>
  %e = tensor.empty() : tensor<8x64x4xf32>
  %two = arith.constant 2 : i8
  %w = linalg.generic {indexing_maps = [affine_map<(n, k, i) -> (n, k)>, affine_map<(n, k, i) -> (n)>, affine_map<(n, k, i) -> (n, k, i)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%p, %s : tensor<8x64xi8>, tensor<8xf32>) outs(%e : tensor<8x64x4xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %i = linalg.index 2 : index
    %j = arith.index_cast %i : index to i8
    %t = arith.muli %j, %two : i8
    %u = arith.shrui %a, %t : i8
    %c = arith.andi %u, %c3 : i8
    %at = arith.index_castui %c : i8 to index
    %f = tensor.extract %levels[%at] : tensor<4xf32>
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<8x64x4xf32>
  %v = tensor.collapse_shape %w [[0], [1, 2]] : tensor<8x64x4xf32> into tensor<8x256xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x2, %v : tensor<3x256xf32>, tensor<8x256xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// A constant of 4 bits becomes bytes.
// CHECK-LABEL: func @constant(
func.func @constant(%x: tensor<3x4xf32>, %s: tensor<2xf32>) -> tensor<3x2xf32> {
  // CHECK: %[[Q:.*]] = arith.constant dense<{{\[\[}}-31, 67], [120, -16]]> : tensor<2x2xi8>
  // CHECK: rlx.encoded_view %[[Q]] : tensor<2x2xi8> to tensor<2x4xf32, #rlx.quant<#[[CONSTANT]]>>
  %zeros = arith.constant dense<0.0> : tensor<3x2xf32>
  %q = arith.constant dense<[[1, -2, 3, 4], [-8, 7, 0, -1]]> : tensor<2x4xi4>
  %e = tensor.empty() : tensor<2x4xf32>
  %w = linalg.generic {indexing_maps = [#nk, #n, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<2x4xi4>, tensor<2xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%a: i4, %b: f32, %o: f32):
    %i = arith.extsi %a : i4 to i32
    %f = arith.sitofp %i : i32 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<2x4xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x4xf32>, tensor<2x4xf32>) outs(%zeros : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// Both dimensions are summed up, and the weight is one for all of a batch (SHARK).
// CHECK-LABEL: func @two_sums(
func.func @two_sums(%x: tensor<5x2x32xf32>, %q: tensor<8x2x32xi8>, %s: tensor<8x2xf32>) -> tensor<5x8xf32> {
  // CHECK: %[[Q:.*]] = tensor.collapse_shape %arg1 {{\[\[}}0], [1, 2]] : tensor<8x2x32xi8> into tensor<8x64xi8>
  // CHECK: rlx.encoded_view %[[Q]]
  // CHECK: %[[X:.*]] = tensor.collapse_shape %arg0 {{\[\[}}0], [1, 2]]
  // CHECK: rlx.matmul %[[X]], %{{.*}} scales(%arg2)
  %zeros = arith.constant dense<0.0> : tensor<5x8xf32>
  %e = tensor.empty() : tensor<8x2x32xf32>
  %w = linalg.generic {indexing_maps = [#ngk, #ng, #ngk], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %s : tensor<8x2x32xi8>, tensor<8x2xf32>) outs(%e : tensor<8x2x32xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<8x2x32xf32>
  %be = tensor.empty() : tensor<5x8x2x32xf32>
  %b = linalg.broadcast ins(%w : tensor<8x2x32xf32>) outs(%be : tensor<5x8x2x32xf32>) dimensions = [0]
  %y = linalg.generic {indexing_maps = [affine_map<(b, n, g, k) -> (b, g, k)>, affine_map<(b, n, g, k) -> (b, n, g, k)>, affine_map<(b, n, g, k) -> (b, n)>], iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%x, %b : tensor<5x2x32xf32>, tensor<5x8x2x32xf32>) outs(%zeros : tensor<5x8xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %m = arith.mulf %a, %c : f32
    %t = arith.addf %m, %o : f32
    linalg.yield %t : f32
  } -> tensor<5x8xf32>
  return %y : tensor<5x8xf32>
}

// A weight for each batch: experts.
// CHECK-LABEL: func @experts(
func.func @experts(%x: tensor<4x3x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %y: tensor<4x3x8xf32>) -> tensor<4x3x8xf32> {
  // CHECK: %[[X:.*]] = tensor.collapse_shape %arg0 {{\[\[}}0, 1], [2]]
  // CHECK: %[[IDS:.*]] = arith.constant dense<{{\[\[}}0], [0], [0], [1], [1], [1], [2], [2], [2], [3], [3], [3]]> : tensor<12x1xi32>
  // CHECK: rlx.gather_matmul %[[X]], %arg1, %[[IDS]]
  %v = rlx.dequantize %w : (tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<4x8x64xf32>
  %r = linalg.contract indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>] ins(%x, %v : tensor<4x3x64xf32>, tensor<4x8x64xf32>) outs(%y : tensor<4x3x8xf32>) -> tensor<4x3x8xf32>
  return %r : tensor<4x3x8xf32>
}

// A difference that may wrap around in 8 bits gives codes that are computed.
// CHECK-LABEL: func @computed(
func.func @computed(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %y: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // CHECK: %[[D:.*]] = arith.subi
  // CHECK: rlx.encoded_view %[[D]]
  %eight = arith.constant dense<8> : tensor<8x64xi8>
  %d = arith.subi %q, %eight : tensor<8x64xi8>
  %w = arith.sitofp %d : tensor<8x64xi8> to tensor<8x64xf32>
  %r = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf32>, tensor<8x64xf32>) outs(%y : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %r : tensor<3x8xf32>
}
