// RUN: rlx-opt %s --rlx-lower-tm-tensor | FileCheck %s

// CHECK-LABEL: func @scan
// CHECK: scf.for
// CHECK: %[[BEGIN:.*]] = tensor.extract
// CHECK: scf.for {{.*}} iter_args(%[[OUT:.*]] = %{{.*}}, %[[TOTAL:.*]] = %[[BEGIN]])
// CHECK: scf.if
// CHECK: %[[IN:.*]] = tensor.extract
// CHECK: arith.addf %[[TOTAL]], %[[IN]]
// CHECK: tensor.insert %{{.*}} into %[[OUT]]
func.func @scan(%x: tensor<2x3xf32>, %y: tensor<2x3xf32>, %a: tensor<2xf32>) -> (tensor<2x3xf32>, tensor<2xf32>) {
  %0:2 = tm_tensor.scan dimension(1) inclusive(true) ins(%x : tensor<2x3xf32>) outs(%y, %a : tensor<2x3xf32>, tensor<2xf32>) {
  ^bb0(%total: f32, %in: f32):
    %sum = arith.addf %total, %in : f32
    tm_tensor.yield %sum : f32
  } -> tensor<2x3xf32>, tensor<2xf32>
  return %0#0, %0#1 : tensor<2x3xf32>, tensor<2xf32>
}

// CHECK-LABEL: func @scatter
// CHECK: scf.for
// CHECK: %[[AT:.*]] = tensor.extract %{{.*}} : tensor<?x1xi64>
// CHECK: %[[I:.*]] = arith.index_cast %[[AT]]
// CHECK: rlx.check
// CHECK: tensor.extract %{{.*}}[%[[I]]] : tensor<4xf32>
// CHECK: tensor.insert %{{.*}} into %{{.*}}[%[[I]]]
func.func @scatter(%u: tensor<?xf32>, %i: tensor<?x1xi64>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tm_tensor.scatter {dimension_map = array<i64: 0>} unique_indices(false) ins(%u, %i : tensor<?xf32>, tensor<?x1xi64>) outs(%x : tensor<4xf32>) {
  ^bb0(%new: f32, %old: f32):
    tm_tensor.yield %new : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Runs are merged there and back.
// CHECK-LABEL: func @sort
// CHECK: scf.while
// CHECK-COUNT-2: arith.cmpf ole
// CHECK-NOT: arith.cmpf ole
func.func @sort(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = tm_tensor.sort dimension(0) outs(%x : tensor<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %keep = arith.cmpf ole, %a, %b : f32
    tm_tensor.yield %keep : i1
  } -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: func @attention
// CHECK: linalg.generic {{.*}}["parallel", "parallel", "parallel", "reduction"]
// CHECK: arith.maximumf
// CHECK: math.exp
// CHECK: linalg.generic {{.*}}["parallel", "parallel", "parallel", "reduction"]
func.func @attention(%q: tensor<2x3x8xf32>, %k: tensor<2x?x8xf32>, %v: tensor<2x?x5xf32>) -> tensor<2x3x5xf32> {
  %o = tensor.empty() : tensor<2x3x5xf32>
  %0 = tm_tensor.attention ins(%q, %k, %v : tensor<2x3x8xf32>, tensor<2x?x8xf32>, tensor<2x?x5xf32>) outs(%o : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  return %0 : tensor<2x3x5xf32>
}

// Threads share the dimension before the line that is longest, as many of it at a time as are worth it.
// CHECK-LABEL: func @lines
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<4x?x1000xf32>
// CHECK: %[[CALLS:.*]] = arith.ceildivsi
// CHECK: scf.forall (%[[CALL:.*]]) in (%[[CALLS]]) shared_outs(%[[Y:.*]] = %{{.*}}, %[[A:.*]] = %{{.*}})
// CHECK: tensor.extract_slice %[[X]][0, %[[BEGIN:.*]], 0] [4, %[[SIZE:.*]], 1000] [1, 1, 1]
// CHECK: tensor.extract_slice %[[Y]][0, %[[BEGIN]], 0] [4, %[[SIZE]], 1000] [1, 1, 1]
// CHECK: tensor.extract_slice %[[A]][0, %[[BEGIN]]] [4, %[[SIZE]]] [1, 1]
// CHECK: scf.for
// CHECK: scf.forall.in_parallel
// CHECK: tensor.parallel_insert_slice {{.*}} into %[[Y]]
// CHECK: tensor.parallel_insert_slice {{.*}} into %[[A]]
func.func @lines(%x: tensor<4x?x1000xf32>, %y: tensor<4x?x1000xf32>, %a: tensor<4x?xf32>) -> (tensor<4x?x1000xf32>, tensor<4x?xf32>) {
  %0:2 = tm_tensor.scan dimension(2) inclusive(true) ins(%x : tensor<4x?x1000xf32>) outs(%y, %a : tensor<4x?x1000xf32>, tensor<4x?xf32>) {
  ^bb0(%total: f32, %in: f32):
    %sum = arith.addf %total, %in : f32
    tm_tensor.yield %sum : f32
  } -> tensor<4x?x1000xf32>, tensor<4x?xf32>
  return %0#0, %0#1 : tensor<4x?x1000xf32>, tensor<4x?xf32>
}

// A row is updated as a whole, if its place is inside.
// CHECK-LABEL: func @rows
// CHECK: scf.for
// CHECK-NOT: scf.for
// CHECK: rlx.check
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
// CHECK: tensor.insert_slice
func.func @rows(%u: tensor<?x8x64xf32>, %i: tensor<?x1xi64>, %x: tensor<?x8x64xf32>) -> tensor<?x8x64xf32> {
  %0 = tm_tensor.scatter {dimension_map = array<i64: 0>} unique_indices(false) ins(%u, %i : tensor<?x8x64xf32>, tensor<?x1xi64>) outs(%x : tensor<?x8x64xf32>) {
  ^bb0(%new: f32, %old: f32):
    tm_tensor.yield %new : f32
  } -> tensor<?x8x64xf32>
  return %0 : tensor<?x8x64xf32>
}
