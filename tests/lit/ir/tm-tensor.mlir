// What torch-mlir writes, in its own form and in the generic one.
// RUN: rlx-opt %s | rlx-opt | FileCheck %s
// RUN: rlx-opt %s --mlir-print-op-generic | rlx-opt | FileCheck %s

// CHECK-LABEL: func @scan
// CHECK: tm_tensor.scan dimension(1) inclusive(false) ins(%{{.*}} : tensor<2x3xi64>) outs(%{{.*}}, %{{.*}} : tensor<2x3xi64>, tensor<2xi64>)
func.func @scan(%x: tensor<2x3xi64>, %y: tensor<2x3xi64>, %a: tensor<2xi64>) -> (tensor<2x3xi64>, tensor<2xi64>) {
  %0:2 = "tm_tensor.scan"(%x, %y, %a) <{dimension = 1 : i64, inclusive = false, operandSegmentSizes = array<i32: 1, 2>}> ({
  ^bb0(%total: i64, %in: i64):
    %sum = "arith.addi"(%total, %in) : (i64, i64) -> i64
    "tm_tensor.yield"(%sum) : (i64) -> ()
  }) : (tensor<2x3xi64>, tensor<2x3xi64>, tensor<2xi64>) -> (tensor<2x3xi64>, tensor<2xi64>)
  return %0#0, %0#1 : tensor<2x3xi64>, tensor<2xi64>
}

// CHECK-LABEL: func @scatter
// CHECK: tm_tensor.scatter {dimension_map = array<i64: 0, 1>} unique_indices(false) ins(%{{.*}}, %{{.*}} : tensor<?xf32>, tensor<?x2xi64>) outs(%{{.*}} : tensor<3x4xf32>)
// CHECK: -> tensor<3x4xf32>
func.func @scatter(%u: tensor<?xf32>, %i: tensor<?x2xi64>, %x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = tm_tensor.scatter {dimension_map = array<i64: 0, 1>} unique_indices(false) ins(%u, %i : tensor<?xf32>, tensor<?x2xi64>) outs(%x : tensor<3x4xf32>) {
  ^bb0(%new: f32, %old: f32):
    tm_tensor.yield %new : f32
  } -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// CHECK-LABEL: func @sort
// CHECK: tm_tensor.sort dimension(0) outs(%{{.*}}, %{{.*}} : tensor<?xf32>, tensor<?xi64>)
func.func @sort(%x: tensor<?xf32>, %i: tensor<?xi64>) -> (tensor<?xf32>, tensor<?xi64>) {
  %0:2 = tm_tensor.sort dimension(0) outs(%x, %i : tensor<?xf32>, tensor<?xi64>) {
  ^bb0(%a: f32, %b: f32, %m: i64, %n: i64):
    %keep = arith.cmpf oge, %a, %b : f32
    tm_tensor.yield %keep : i1
  } -> tensor<?xf32>, tensor<?xi64>
  return %0#0, %0#1 : tensor<?xf32>, tensor<?xi64>
}

// CHECK-LABEL: func @topk
// CHECK: tm_tensor.topk dimension(1) ins(%{{.*}} : tensor<2x5xf32>) outs(%{{.*}}, %{{.*}} : tensor<2x3xf32>, tensor<2x3xi64>)
func.func @topk(%x: tensor<2x5xf32>, %v: tensor<2x3xf32>, %i: tensor<2x3xi64>) -> (tensor<2x3xf32>, tensor<2x3xi64>) {
  %0:2 = tm_tensor.topk dimension(1) ins(%x : tensor<2x5xf32>) outs(%v, %i : tensor<2x3xf32>, tensor<2x3xi64>) {
  ^bb0(%a: f32, %b: f32):
    %before = arith.cmpf ogt, %a, %b : f32
    tm_tensor.yield %before : i1
  } -> tensor<2x3xf32>, tensor<2x3xi64>
  return %0#0, %0#1 : tensor<2x3xf32>, tensor<2x3xi64>
}

// CHECK-LABEL: func @attention
// CHECK: tm_tensor.attention {scale = 1.250000e-01 : f64} ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<2x3x8xf32>, tensor<2x?x8xf32>, tensor<2x?x5xf32>, tensor<2x3x?xi1>) outs(%{{.*}} : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
func.func @attention(%q: tensor<2x3x8xf32>, %k: tensor<2x?x8xf32>, %v: tensor<2x?x5xf32>, %m: tensor<2x3x?xi1>, %o: tensor<2x3x5xf32>) -> tensor<2x3x5xf32> {
  %0 = tm_tensor.attention {scale = 1.250000e-01 : f64} ins(%q, %k, %v, %m : tensor<2x3x8xf32>, tensor<2x?x8xf32>, tensor<2x?x5xf32>, tensor<2x3x?xi1>) outs(%o : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  return %0 : tensor<2x3x5xf32>
}
