// Rows of a quantized table that ids name, before or after they are
// dequantized, and experts.
//
// RUN: rlx-opt %s --rlx-recognize-weights --verify-diagnostics | FileCheck %s

// CHECK-DAG: #[[CHANNEL:.*]] = #rlx.scheme<"graph si8", {{.*}}code = si8 at (d0) -> (d0, 0), scale = f32 in scales at (d0, d1) -> (d0)>
// CHECK-DAG: #[[GROUPS:.*]] = #rlx.scheme<"graph ui4/32", {{.*}}scale = f32 in scales at (d0, d1) -> (d0, d1 floordiv 32)>
// CHECK-DAG: #[[ROUNDED:.*]] = #rlx.scheme<"graph si8 as bf16", {{.*}}scale = bf16 in scales at (d0, d1) -> (d0), rounded = bf16>

#nk = affine_map<(n, k) -> (n, k)>
#n = affine_map<(n, k) -> (n)>
#btk = affine_map<(b, t, k) -> (b, t, k)>
#bt = affine_map<(b, t, k) -> (b, t)>

// The whole table is dequantized (torch-mlir's embedding).
// CHECK-LABEL: func @table(
func.func @table(%ids: tensor<7xi64>, %q: tensor<100x64xi8>, %s: tensor<100xf32>) -> tensor<7x64xf32> {
  // CHECK: %[[IDS:.*]] = linalg.generic {{.*}} ins(%arg0 : tensor<7xi64>)
  // CHECK: arith.maxsi
  // CHECK: arith.trunci
  // CHECK: %[[W:.*]] = rlx.encoded_view %arg1 : tensor<100x64xi8> to tensor<100x64xf32, #rlx.quant<#[[CHANNEL]]>>
  // CHECK: %[[Y:.*]] = rlx.embedding %[[W]], %[[IDS]] scales(%arg2)
  // CHECK-NEXT: return %[[Y]]
  %e = tensor.empty() : tensor<100x64xf32>
  %w = linalg.generic {indexing_maps = [#nk, #n, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<100x64xi8>, tensor<100xf32>) outs(%e : tensor<100x64xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<100x64xf32>
  %ye = tensor.empty() : tensor<7x64xf32>
  %y = linalg.generic {indexing_maps = [#n, #nk], iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<7xi64>) outs(%ye : tensor<7x64xf32>) {
  ^bb0(%id: i64, %o: f32):
    %row = arith.index_cast %id : i64 to index
    %k = linalg.index 1 : index
    %v = tensor.extract %w[%row, %k] : tensor<100x64xf32>
    linalg.yield %v : f32
  } -> tensor<7x64xf32>
  return %y : tensor<7x64xf32>
}

// Rows of codes and of scales are taken, and dequantized then (JAX, torchao);
// ids of any number of dimensions and sizes.
// CHECK-LABEL: func @parts(
func.func @parts(%ids: tensor<2x?xi32>, %p: tensor<100x32xi8>, %s: tensor<100x2xf32>, %ye: tensor<2x?x64xf32>, %ce: tensor<2x?x64xi8>, %se: tensor<2x?x2xf32>) -> tensor<2x?x64xf32> {
  // CHECK: rlx.encoded_view %arg1 : tensor<100x32xi8> to tensor<100x64xf32, #rlx.quant<#[[GROUPS]]>>
  // CHECK: rlx.embedding %{{.*}}, %{{.*}} scales(%arg2) : {{.*}} -> tensor<2x?x64xf32>
  // CHECK-NEXT: return
  %codes = linalg.generic {indexing_maps = [#bt, #btk], iterator_types = ["parallel", "parallel", "parallel"]} ins(%ids : tensor<2x?xi32>) outs(%ce : tensor<2x?x64xi8>) {
  ^bb0(%id: i32, %o: i8):
    %row = arith.index_cast %id : i32 to index
    %k = linalg.index 2 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : i8
    %c15 = arith.constant 15 : i8
    %byte = arith.divui %k, %c2 : index
    %half = arith.remui %k, %c2 : index
    %v = tensor.extract %p[%row, %byte] : tensor<100x32xi8>
    %h = arith.index_cast %half : index to i8
    %d = arith.muli %h, %c4 : i8
    %u = arith.shrui %v, %d : i8
    %c = arith.andi %u, %c15 : i8
    linalg.yield %c : i8
  } -> tensor<2x?x64xi8>
  %scales = linalg.generic {indexing_maps = [#bt, #btk], iterator_types = ["parallel", "parallel", "parallel"]} ins(%ids : tensor<2x?xi32>) outs(%se : tensor<2x?x2xf32>) {
  ^bb0(%id: i32, %o: f32):
    %row = arith.index_cast %id : i32 to index
    %g = linalg.index 2 : index
    %v = tensor.extract %s[%row, %g] : tensor<100x2xf32>
    linalg.yield %v : f32
  } -> tensor<2x?x2xf32>
  %y = linalg.generic {indexing_maps = [#btk, affine_map<(b, t, k) -> (b, t, k floordiv 32)>, #btk], iterator_types = ["parallel", "parallel", "parallel"]} ins(%codes, %scales : tensor<2x?x64xi8>, tensor<2x?x2xf32>) outs(%ye : tensor<2x?x64xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.uitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<2x?x64xf32>
  return %y : tensor<2x?x64xf32>
}

// bf16, rounded once, as the scheme then says.
// CHECK-LABEL: func @bf16(
func.func @bf16(%ids: tensor<7x1xi64>, %q: tensor<100x64xi8>, %s: tensor<100x1xbf16>) -> tensor<7x64xbf16> {
  // CHECK: rlx.encoded_view %arg1 : tensor<100x64xi8> to tensor<100x64xf32, #rlx.quant<#[[ROUNDED]]>>
  // CHECK: rlx.embedding {{.*}} -> tensor<7x64xbf16>
  %e = tensor.empty() : tensor<100x64xbf16>
  %w = linalg.generic {indexing_maps = [#nk, affine_map<(n, k) -> (n, 0)>, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<100x64xi8>, tensor<100x1xbf16>) outs(%e : tensor<100x64xbf16>) {
  ^bb0(%a: i8, %b: bf16, %o: bf16):
    %f = arith.sitofp %a : i8 to bf16
    %m = arith.mulf %f, %b : bf16
    linalg.yield %m : bf16
  } -> tensor<100x64xbf16>
  %i = arith.index_cast %ids : tensor<7x1xi64> to tensor<7x1xindex>
  %y = tensor.gather %w[%i] gather_dims([0]) : (tensor<100x64xbf16>, tensor<7x1xindex>) -> tensor<7x64xbf16>
  return %y : tensor<7x64xbf16>
}

// CHECK-LABEL: func @dequantized(
func.func @dequantized(%ids: tensor<7xi32>, %w: tensor<100x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<7x64xf32> {
  // CHECK: rlx.embedding %arg1, %{{.*}} : (tensor<100x64xf32, #rlx.quant<gguf_q8_0>>, tensor<7xi32>) -> tensor<7x64xf32>
  %v = rlx.dequantize %w : (tensor<100x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<100x64xf32>
  %ye = tensor.empty() : tensor<7x64xf32>
  %y = linalg.generic {indexing_maps = [#n, #nk], iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<7xi32>) outs(%ye : tensor<7x64xf32>) {
  ^bb0(%id: i32, %o: f32):
    %row = arith.index_cast %id : i32 to index
    %k = linalg.index 1 : index
    %r = tensor.extract %v[%row, %k] : tensor<100x64xf32>
    linalg.yield %r : f32
  } -> tensor<7x64xf32>
  return %y : tensor<7x64xf32>
}

// The scale of another row is none of the table's.
// CHECK-LABEL: func @other_scale(
func.func @other_scale(%ids: tensor<7xi64>, %others: tensor<7xi64>, %q: tensor<100x64xi8>, %s: tensor<100xf32>) -> tensor<7x64xf32> {
  // CHECK-NOT: rlx.
  // CHECK: return
  %ye = tensor.empty() : tensor<7x64xf32>
  %y = linalg.generic {indexing_maps = [#n, #n, #nk], iterator_types = ["parallel", "parallel"]} ins(%ids, %others : tensor<7xi64>, tensor<7xi64>) outs(%ye : tensor<7x64xf32>) {
  ^bb0(%id: i64, %other: i64, %o: f32):
    %row = arith.index_cast %id : i64 to index
    %k = linalg.index 1 : index
    %at = arith.index_cast %other : i64 to index
    %c = tensor.extract %q[%row, %k] : tensor<100x64xi8>
    %f = arith.sitofp %c : i8 to f32
    // expected-remark @+1 {{a quantized weight is not multiplied as it is stored: it is indexed by another number than tensors before}}
    %b = tensor.extract %s[%at] : tensor<100xf32>
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<7x64xf32>
  return %y : tensor<7x64xf32>
}

// Floats are no codes: an embedding of plain numbers stays, and is not spoken of.
// CHECK-LABEL: func @plain(
func.func @plain(%ids: tensor<7xi64>, %w: tensor<100x64xf32>) -> tensor<7x64xf32> {
  // CHECK-NOT: rlx.
  // CHECK: return
  %ye = tensor.empty() : tensor<7x64xf32>
  %y = linalg.generic {indexing_maps = [#n, #nk], iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<7xi64>) outs(%ye : tensor<7x64xf32>) {
  ^bb0(%id: i64, %o: f32):
    %row = arith.index_cast %id : i64 to index
    %k = linalg.index 1 : index
    %v = tensor.extract %w[%row, %k] : tensor<100x64xf32>
    linalg.yield %v : f32
  } -> tensor<7x64xf32>
  return %y : tensor<7x64xf32>
}

// Experts that ids name, a weight for each row.
// CHECK-LABEL: func @experts(
func.func @experts(%x: tensor<5x64xf32>, %ids: tensor<5xi64>, %q: tensor<4x8x64xi8>, %s: tensor<4x8xf32>) -> tensor<5x8xf32> {
  // CHECK: %[[IDS:.*]] = tensor.expand_shape %{{.*}} : tensor<5xi32> into tensor<5x1xi32>
  // CHECK: rlx.gather_matmul %arg0, %{{.*}}, %[[IDS]] scales(%arg3) : {{.*}} -> tensor<5x1x8xf32>
  %zeros = arith.constant dense<0.0> : tensor<5x8xf32>
  %we = tensor.empty() : tensor<5x8x64xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(t, n, k) -> (t)>, affine_map<(t, n, k) -> (t, n, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%ids : tensor<5xi64>) outs(%we : tensor<5x8x64xf32>) {
  ^bb0(%id: i64, %o: f32):
    %e = arith.index_cast %id : i64 to index
    %n = linalg.index 1 : index
    %k = linalg.index 2 : index
    %c = tensor.extract %q[%e, %n, %k] : tensor<4x8x64xi8>
    %f = arith.sitofp %c : i8 to f32
    %b = tensor.extract %s[%e, %n] : tensor<4x8xf32>
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<5x8x64xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(t, n, k) -> (t, k)>, affine_map<(t, n, k) -> (t, n, k)>, affine_map<(t, n, k) -> (t, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<5x64xf32>, tensor<5x8x64xf32>) outs(%zeros : tensor<5x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %r = arith.addf %o, %p : f32
    linalg.yield %r : f32
  } -> tensor<5x8xf32>
  return %y : tensor<5x8xf32>
}

// rlx.embedding checks its ids: that of the loops goes with them. So does one
// of an index that is the loop's. Others stay.
// CHECK-LABEL: func @checked(
func.func @checked(%ids: tensor<7xi64>, %others: tensor<7xi64>, %q: tensor<100x64xi8>, %s: tensor<100xf32>, %t: tensor<50xf32>) -> (tensor<7x64xf32>, tensor<7xf32>) {
  // CHECK-NOT: rlx.check
  // CHECK: rlx.embedding
  // CHECK: linalg.generic
  // CHECK-COUNT-1: rlx.check {{.*}}"other"
  // CHECK-NOT: rlx.check
  // CHECK: return
  %c100 = arith.constant 100 : index
  %c64 = arith.constant 64 : index
  %c50 = arith.constant 50 : index
  %e = tensor.empty() : tensor<100x64xf32>
  %w = linalg.generic {indexing_maps = [#nk, #n, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<100x64xi8>, tensor<100xf32>) outs(%e : tensor<100x64xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<100x64xf32>
  %ye = tensor.empty() : tensor<7x64xf32>
  %y = linalg.generic {indexing_maps = [#n, #nk], iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<7xi64>) outs(%ye : tensor<7x64xf32>) {
  ^bb0(%id: i64, %o: f32):
    %row = arith.index_cast %id : i64 to index
    %k = linalg.index 1 : index
    %fits = arith.cmpi ult, %row, %c100 : index
    rlx.check %fits, "id"
    %inside = arith.cmpi ult, %k, %c64 : index
    rlx.check %inside, "column"
    %v = tensor.extract %w[%row, %k] : tensor<100x64xf32>
    linalg.yield %v : f32
  } -> tensor<7x64xf32>
  %ze = tensor.empty() : tensor<7xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(n) -> (n)>, affine_map<(n) -> (n)>], iterator_types = ["parallel"]} ins(%others : tensor<7xi64>) outs(%ze : tensor<7xf32>) {
  ^bb0(%id: i64, %o: f32):
    %row = arith.index_cast %id : i64 to index
    %fits = arith.cmpi ult, %row, %c50 : index
    rlx.check %fits, "other"
    %v = tensor.extract %t[%row] : tensor<50xf32>
    linalg.yield %v : f32
  } -> tensor<7xf32>
  return %y, %z : tensor<7x64xf32>, tensor<7xf32>
}
