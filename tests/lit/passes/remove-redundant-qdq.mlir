// RUN: split-file %s %t
// RUN: rlx-opt %t/pairs.mlir --rlx-remove-redundant-qdq --verify-diagnostics | FileCheck %t/pairs.mlir
// With what stands between two pairs, and the same numbers.
// RUN: python3 %S/../tools/record.py write %t/r.json a::6:-2:1.5 b::24:-2:1.5
// RUN: rlx-opt %t/between.mlir "--rlx-insert-qdq=record=%t/r.json" -o %t/inserted.mlir
// RUN: rlx-opt %t/inserted.mlir --rlx-propagate-qdq --rlx-remove-redundant-qdq -o %t/removed.mlir
// RUN: FileCheck %t/between.mlir --input-file %t/removed.mlir
// RUN: python3 %S/../tools/npy.py write %t/x.npy '<f4' 4,6 -2 1.5 0.3 -0.7 1.1 0.45 -3.2 0.9 0.05 -0.01 0.008
// RUN: rlx-run %t/inserted.mlir --input %t/x.npy --output %t/two.npy --verify
// RUN: rlx-run %t/removed.mlir --input %t/x.npy --output %t/one.npy --verify
// RUN: cmp %t/one.npy %t/two.npy

//--- between.mlir
// CHECK-LABEL: func @main
// CHECK: arith.divf
// CHECK-NOT: arith.divf
// CHECK: linalg.transpose {{.*}}xi8>
// CHECK: arith.maxsi
// CHECK: tensor.collapse_shape {{.*}}xi8>
// CHECK-NOT: arith.divf
// CHECK: arith.mulf
// CHECK-NOT: arith.divf
// CHECK: return
func.func @main(%x: tensor<4x6xf32> {rlx.observe = "a"}) -> tensor<24xf32> {
  %zero = arith.constant dense<0.0> : tensor<6x4xf32>
  %e = tensor.empty() : tensor<6x4xf32>
  %t = linalg.transpose ins(%x : tensor<4x6xf32>) outs(%e : tensor<6x4xf32>) permutation = [1, 0]
  %r = arith.maximumf %t, %zero : tensor<6x4xf32>
  %c = tensor.collapse_shape %r [[0, 1]] {rlx.observe = "b"} : tensor<6x4xf32> into tensor<24xf32>
  %n = arith.negf %c : tensor<24xf32>
  return %n : tensor<24xf32>
}

//--- pairs.mlir
#id = affine_map<(a) -> (a)>
// CHECK-LABEL: func @same
func.func @same(%x: tensor<4xf32>) -> tensor<4xi8> {
  %s = arith.constant 0.5 : f32
  %low = arith.constant -127.0 : f32
  %high = arith.constant 127.0 : f32
  %e = tensor.empty() : tensor<4xi8>
  %f = tensor.empty() : tensor<4xf32>
  // CHECK: %[[Q:.*]] = linalg.generic
  // CHECK: arith.fptosi
  %q = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xi8>) {
  ^bb0(%in: f32, %out: i8):
    %0 = arith.divf %in, %s : f32
    %1 = math.round %0 : f32
    %2 = arith.maxnumf %1, %low : f32
    %3 = arith.minnumf %2, %high : f32
    %4 = arith.fptosi %3 : f32 to i8
    linalg.yield %4 : i8
  } -> tensor<4xi8>
  %d = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%q : tensor<4xi8>) outs(%f : tensor<4xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.sitofp %in : i8 to f32
    %1 = arith.mulf %0, %s : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  %p = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%d : tensor<4xf32>) outs(%e : tensor<4xi8>) {
  ^bb0(%in: f32, %out: i8):
    %0 = arith.divf %in, %s : f32
    %1 = math.roundeven %0 : f32
    %2 = arith.maximumf %1, %low : f32
    %3 = arith.minimumf %2, %high : f32
    %4 = arith.fptosi %3 : f32 to i8
    linalg.yield %4 : i8
  } -> tensor<4xi8>
  // CHECK-NOT: linalg.generic
  // CHECK: return %[[Q]]
  return %p : tensor<4xi8>
}

// CHECK-LABEL: func @others
// CHECK-COUNT-3: arith.fptosi
func.func @others(%q: tensor<4xi8>, %x: tensor<4xf32>) -> (tensor<4xi8>, tensor<4xi8>, tensor<4xi8>) {
  %s = arith.constant 0.5 : f32
  %r = arith.constant 0.25 : f32
  %low = arith.constant -127.0 : f32
  %high = arith.constant 127.0 : f32
  %e = tensor.empty() : tensor<4xi8>
  %f = tensor.empty() : tensor<4xf32>
  %d = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%q : tensor<4xi8>) outs(%f : tensor<4xf32>) {
  ^bb0(%in: i8, %out: f32):
    %0 = arith.sitofp %in : i8 to f32
    %1 = arith.mulf %0, %s : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  // expected-remark@+1 {{numbers that codes gave are quantized again: scales are 0.5 and 0.25}}
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%d : tensor<4xf32>) outs(%e : tensor<4xi8>) {
  ^bb0(%in: f32, %out: i8):
    %0 = arith.divf %in, %r : f32
    %1 = math.round %0 : f32
    %2 = arith.maxnumf %1, %low : f32
    %3 = arith.minnumf %2, %high : f32
    %4 = arith.fptosi %3 : f32 to i8
    linalg.yield %4 : i8
  } -> tensor<4xi8>
  // -128 may be among the codes.
  // expected-remark@+1 {{numbers that codes gave are quantized again: codes are -128 to 127, but at most -127 to 127 are kept}}
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%d : tensor<4xf32>) outs(%e : tensor<4xi8>) {
  ^bb0(%in: f32, %out: i8):
    %0 = arith.divf %in, %s : f32
    %1 = math.round %0 : f32
    %2 = arith.maxnumf %1, %low : f32
    %3 = arith.minnumf %2, %high : f32
    %4 = arith.fptosi %3 : f32 to i8
    linalg.yield %4 : i8
  } -> tensor<4xi8>
  // Plain numbers: no remark.
  %c = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xi8>) {
  ^bb0(%in: f32, %out: i8):
    %0 = arith.divf %in, %s : f32
    %1 = math.round %0 : f32
    %2 = arith.maxnumf %1, %low : f32
    %3 = arith.minnumf %2, %high : f32
    %4 = arith.fptosi %3 : f32 to i8
    linalg.yield %4 : i8
  } -> tensor<4xi8>
  return %a, %b, %c : tensor<4xi8>, tensor<4xi8>, tensor<4xi8>
}
