// Codes and zero points in words of 32 bits, along K (GPTQ) or along N in an
// order of its own (AWQ), are put into bytes.
//
// RUN: rlx-opt %s --rlx-recognize-weights --verify-diagnostics | FileCheck %s

// CHECK-DAG: #[[GPTQ:.*]] = #rlx.scheme<"graph ui4/32", block = 32, bytes = 16, code = ui4 at (d0) -> (0, d0 * 4) - 8, scale = f32 in scales at (d0, d1) -> (d1 floordiv 32, d0)>
// CHECK-DAG: #[[AWQ:.*]] = #rlx.scheme<"graph ui4/32", block = 32, bytes = 16, code = ui4 at (d0) -> (0, d0 * 4), zero = ui8 in zero_points at (d0, d1) -> (d0, d1 floordiv 32), scale = f32 in scales at (d0, d1) -> (d1 floordiv 32, d0)>

#id3 = affine_map<(a, b, c) -> (a, b, c)>
#kn = affine_map<(k, n) -> (k, n)>
#gn = affine_map<(k, n) -> (k floordiv 32, n)>

// Eight codes of a column in a word.
// CHECK-LABEL: func @along_k(
func.func @along_k(%x: tensor<3x64xf32>, %q: tensor<8x16xi32>, %s: tensor<2x16xf32>) -> tensor<3x16xf32> {
  // CHECK: %[[C:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<16x32xi8>)
  // CHECK: tensor.extract %arg1
  // CHECK: tensor.extract %arg1
  // CHECK: %[[W:.*]] = rlx.encoded_view %[[C]] : tensor<16x32xi8> to tensor<16x64xf32, #rlx.quant<#[[GPTQ]]>>
  // CHECK: rlx.matmul %arg0, %[[W]] scales(%arg2)
  %zeros = arith.constant dense<0.0> : tensor<3x16xf32>
  %shifts = arith.constant dense<[0, 4, 8, 12, 16, 20, 24, 28]> : tensor<8xi32>
  %ce = tensor.empty() : tensor<8x8x16xi32>
  %c = linalg.generic {indexing_maps = [affine_map<(w, i, n) -> (w, n)>, affine_map<(w, i, n) -> (i)>, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %shifts : tensor<8x16xi32>, tensor<8xi32>) outs(%ce : tensor<8x8x16xi32>) {
  ^bb0(%a: i32, %b: i32, %o: i32):
    %c15 = arith.constant 15 : i32
    %d = arith.shrsi %a, %b : i32
    %m = arith.andi %d, %c15 : i32
    linalg.yield %m : i32
  } -> tensor<8x8x16xi32>
  %k = tensor.collapse_shape %c [[0, 1], [2]] : tensor<8x8x16xi32> into tensor<64x16xi32>
  %e = tensor.empty() : tensor<64x16xf32>
  %w = linalg.generic {indexing_maps = [#kn, #gn, #kn], iterator_types = ["parallel", "parallel"]} ins(%k, %s : tensor<64x16xi32>, tensor<2x16xf32>) outs(%e : tensor<64x16xf32>) {
  ^bb0(%a: i32, %b: f32, %o: f32):
    %c8 = arith.constant 8 : i32
    %z = arith.subi %a, %c8 : i32
    %f = arith.sitofp %z : i32 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<64x16xf32>
  %y = linalg.matmul ins(%x, %w : tensor<3x64xf32>, tensor<64x16xf32>) outs(%zeros : tensor<3x16xf32>) -> tensor<3x16xf32>
  return %y : tensor<3x16xf32>
}

// Eight codes of a row in a word, 0, 4, 1, 5, ..., and bytes on the way; zero
// points are stored alike.
// CHECK-LABEL: func @along_n(
func.func @along_n(%x: tensor<3x64xf32>, %q: tensor<64x2xi32>, %zq: tensor<2x2xi32>, %s: tensor<2x16xf32>) -> tensor<3x16xf32> {
  // CHECK: %[[Z:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<16x2xi8>)
  // CHECK: tensor.extract %arg2
  // CHECK: %[[C:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<16x32xi8>)
  // CHECK: tensor.extract %arg1
  // CHECK: %[[W:.*]] = rlx.encoded_view %[[C]] : tensor<16x32xi8> to tensor<16x64xf32, #rlx.quant<#[[AWQ]]>>
  // CHECK: rlx.matmul %arg0, %[[W]] scales(%arg3) zero_points(%[[Z]])
  %zeros = arith.constant dense<0.0> : tensor<3x16xf32>
  %shifts = arith.constant dense_resource<shifts> : tensor<8xi32>
  %ce = tensor.empty() : tensor<64x2x8xi8>
  %c = linalg.generic {indexing_maps = [affine_map<(k, w, i) -> (k, w)>, affine_map<(k, w, i) -> (i)>, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %shifts : tensor<64x2xi32>, tensor<8xi32>) outs(%ce : tensor<64x2x8xi8>) {
  ^bb0(%a: i32, %b: i32, %o: i8):
    %c15 = arith.constant 15 : i8
    %d = arith.shrsi %a, %b : i32
    %t = arith.trunci %d : i32 to i8
    %m = arith.andi %t, %c15 : i8
    linalg.yield %m : i8
  } -> tensor<64x2x8xi8>
  %k = tensor.collapse_shape %c [[0], [1, 2]] : tensor<64x2x8xi8> into tensor<64x16xi8>
  %ze = tensor.empty() : tensor<2x2x8xi8>
  %zc = linalg.generic {indexing_maps = [affine_map<(k, w, i) -> (k, w)>, affine_map<(k, w, i) -> (i)>, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%zq, %shifts : tensor<2x2xi32>, tensor<8xi32>) outs(%ze : tensor<2x2x8xi8>) {
  ^bb0(%a: i32, %b: i32, %o: i8):
    %c15 = arith.constant 15 : i8
    %d = arith.shrsi %a, %b : i32
    %t = arith.trunci %d : i32 to i8
    %m = arith.andi %t, %c15 : i8
    linalg.yield %m : i8
  } -> tensor<2x2x8xi8>
  %z = tensor.collapse_shape %zc [[0], [1, 2]] : tensor<2x2x8xi8> into tensor<2x16xi8>
  %e = tensor.empty() : tensor<64x16xf32>
  %w = linalg.generic {indexing_maps = [#kn, #gn, #gn, #kn], iterator_types = ["parallel", "parallel"]} ins(%k, %z, %s : tensor<64x16xi8>, tensor<2x16xi8>, tensor<2x16xf32>) outs(%e : tensor<64x16xf32>) {
  ^bb0(%a: i8, %zero: i8, %b: f32, %o: f32):
    %d = arith.subi %a, %zero : i8
    %f = arith.sitofp %d : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<64x16xf32>
  %y = linalg.matmul ins(%x, %w : tensor<3x64xf32>, tensor<64x16xf32>) outs(%zeros : tensor<3x16xf32>) -> tensor<3x16xf32>
  return %y : tensor<3x16xf32>
}

// Columns in an order that a table says, by indices that may count from the end
// (torch's indexing).
// CHECK-LABEL: func @ordered(
func.func @ordered(%x: tensor<3x64xf32>, %q: tensor<64x2xi32>) -> tensor<3x16xf32> {
  // CHECK: %[[C:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<16x32xi8>)
  // CHECK: tensor.extract %arg1
  // CHECK: %[[W:.*]] = rlx.encoded_view %[[C]] : tensor<16x32xi8> to tensor<16x64xf32
  // CHECK: rlx.matmul %arg0, %[[W]]
  %zeros = arith.constant dense<0.0> : tensor<3x16xf32>
  %shifts = arith.constant dense<[0, 4, 8, 12, 16, 20, 24, 28]> : tensor<8xi32>
  %order = arith.constant dense<[0, 4, -7, 5, 2, 6, 3, 7]> : tensor<8xi64>
  %ce = tensor.empty() : tensor<64x2x8xi8>
  %c = linalg.generic {indexing_maps = [affine_map<(k, w, i) -> (k, w)>, affine_map<(k, w, i) -> (i)>, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %shifts : tensor<64x2xi32>, tensor<8xi32>) outs(%ce : tensor<64x2x8xi8>) {
  ^bb0(%a: i32, %b: i32, %o: i8):
    %d = arith.shrsi %a, %b : i32
    %t = arith.trunci %d : i32 to i8
    linalg.yield %t : i8
  } -> tensor<64x2x8xi8>
  %k = tensor.collapse_shape %c [[0], [1, 2]] : tensor<64x2x8xi8> into tensor<64x16xi8>
  %pe = tensor.empty() : tensor<2x8xi64>
  %numbers = linalg.generic {indexing_maps = [affine_map<(w, i) -> (w, i)>], iterator_types = ["parallel", "parallel"]} outs(%pe : tensor<2x8xi64>) {
  ^bb0(%o: i64):
    %c8 = arith.constant 8 : index
    %w = linalg.index 0 : index
    %i = linalg.index 1 : index
    %first = arith.muli %w, %c8 : index
    %sum = arith.addi %first, %i : index
    %n = arith.index_cast %sum : index to i64
    linalg.yield %n : i64
  } -> tensor<2x8xi64>
  %p = linalg.generic {indexing_maps = [affine_map<(w, i) -> (i)>, affine_map<(w, i) -> (w, i)>], iterator_types = ["parallel", "parallel"]} ins(%order : tensor<8xi64>) outs(%pe : tensor<2x8xi64>) {
  ^bb0(%a: i64, %o: i64):
    %c0 = arith.constant 0 : i64
    %c8 = arith.constant 8 : i64
    %less = arith.cmpi slt, %a, %c0 : i64
    %more = arith.addi %a, %c8 : i64
    %at = arith.select %less, %more, %a : i64
    %i = arith.index_cast %at : i64 to index
    %w = linalg.index 0 : index
    %n = tensor.extract %numbers[%w, %i] : tensor<2x8xi64>
    linalg.yield %n : i64
  } -> tensor<2x8xi64>
  %places = tensor.collapse_shape %p [[0, 1]] : tensor<2x8xi64> into tensor<16xi64>
  %e = tensor.empty() : tensor<64x16xf32>
  %v = linalg.generic {indexing_maps = [affine_map<(k, n) -> (n)>, #kn], iterator_types = ["parallel", "parallel"]} ins(%places : tensor<16xi64>) outs(%e : tensor<64x16xf32>) {
  ^bb0(%a: i64, %o: f32):
    %c0 = arith.constant 0 : i64
    %c16 = arith.constant 16 : i64
    %c15 = arith.constant 15 : i8
    %less = arith.cmpi slt, %a, %c0 : i64
    %more = arith.addi %a, %c16 : i64
    %at = arith.select %less, %more, %a : i64
    %i = arith.index_cast %at : i64 to index
    %row = linalg.index 0 : index
    %code = tensor.extract %k[%row, %i] : tensor<64x16xi8>
    %m = arith.andi %code, %c15 : i8
    %f = arith.uitofp %m : i8 to f32
    linalg.yield %f : f32
  } -> tensor<64x16xf32>
  %y = linalg.matmul ins(%x, %v : tensor<3x64xf32>, tensor<64x16xf32>) outs(%zeros : tensor<3x16xf32>) -> tensor<3x16xf32>
  return %y : tensor<3x16xf32>
}

// A group of each row that numbers of the program name (GPTQ's g_idx) follows
// no rule.
// CHECK-LABEL: func @named_groups(
func.func @named_groups(%x: tensor<3x64xf32>, %q: tensor<64x16xi8>, %g: tensor<64xi32>, %s: tensor<2x16xf32>) -> tensor<3x16xf32> {
  // CHECK-NOT: rlx.
  // CHECK: return
  %zeros = arith.constant dense<0.0> : tensor<3x16xf32>
  %e = tensor.empty() : tensor<64x16xf32>
  %w = linalg.generic {indexing_maps = [#kn, affine_map<(k, n) -> (k)>, #kn], iterator_types = ["parallel", "parallel"]} ins(%q, %g : tensor<64x16xi8>, tensor<64xi32>) outs(%e : tensor<64x16xf32>) {
  ^bb0(%a: i8, %b: i32, %o: f32):
    %i = arith.index_cast %b : i32 to index
    %n = linalg.index 1 : index
    %c = tensor.extract %s[%i, %n] : tensor<2x16xf32>
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %c : f32
    linalg.yield %m : f32
  } -> tensor<64x16xf32>
  // expected-remark @+1 {{rows and columns of the weight are named by numbers of the program, expected experts alone to be}}
  %y = linalg.matmul ins(%x, %w : tensor<3x64xf32>, tensor<64x16xf32>) outs(%zeros : tensor<3x16xf32>) -> tensor<3x16xf32>
  return %y : tensor<3x16xf32>
}

{-#
  dialect_resources: {
    builtin: {
      shifts: "0x040000000000000010000000040000001400000008000000180000000C0000001C000000"
    }
  }
#-}
