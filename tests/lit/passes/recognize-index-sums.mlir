// Elements at places that are sums of indices and of what a tensor says: no weight is there, and nothing else happens.
//
// RUN: rlx-opt %s --rlx-recognize-weights | FileCheck %s

// CHECK-LABEL: func @places
// CHECK-NOT: rlx.
// CHECK: arith.addi {{.*}} : index
// CHECK: linalg.matmul
// CHECK-NOT: rlx.
func.func @places(%x: tensor<4x16xf32>, %table: tensor<40x8xi8>, %ids: tensor<16xi32>) -> tensor<4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16x8xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(k, n) -> (k)>, affine_map<(k, n) -> (k, n)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%ids : tensor<16xi32>) outs(%e : tensor<16x8xf32>) {
  ^bb0(%id: i32, %o: f32):
    %k = linalg.index 0 : index
    %n = linalg.index 1 : index
    %j = arith.index_cast %id : i32 to index
    %row = arith.addi %j, %k : index
    %code = tensor.extract %table[%row, %n] : tensor<40x8xi8>
    %v = arith.sitofp %code : i8 to f32
    linalg.yield %v : f32
  } -> tensor<16x8xf32>
  %f = tensor.empty() : tensor<4x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%f : tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x16xf32>, tensor<16x8xf32>) outs(%z : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
