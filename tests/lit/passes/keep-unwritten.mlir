// What a body does not write of an output stays.
// RUN: rlx-opt %s --rlx-keep-unwritten | FileCheck %s

// CHECK-LABEL: func @diagonal
// CHECK: ^bb0(%[[IN:.*]]: f32, %[[OUT:.*]]: f32):
// CHECK: %[[KEPT:.*]] = arith.select %{{.*}}, %[[IN]], %[[OUT]] : f32
// CHECK: linalg.yield %[[KEPT]]
func.func @diagonal(%x: tensor<6xf32>, %c: tensor<6x6xf32>) -> tensor<6x6xf32> {
  %y = linalg.generic {indexing_maps = [affine_map<(a) -> (a)>, affine_map<(a) -> (a, a)>], iterator_types = ["parallel"]} ins(%x : tensor<6xf32>) outs(%c : tensor<6x6xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<6x6xf32>
  return %y : tensor<6x6xf32>
}

// A reduction that may have no iterations.
// CHECK-LABEL: func @last
// CHECK: arith.select
func.func @last(%x: tensor<9x?xf32>, %c: tensor<9xf32>) -> tensor<9xf32> {
  %y = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (a)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<9x?xf32>) outs(%c : tensor<9xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<9xf32>
  return %y : tensor<9xf32>
}

// All is written, or nothing was there.
// CHECK-LABEL: func @whole
// CHECK-NOT: arith.select
func.func @whole(%x: tensor<9x5xf32>, %c: tensor<9x5xf32>, %r: tensor<9xf32>) -> (tensor<9x5xf32>, tensor<9xf32>, tensor<9x9xf32>) {
  %y = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<9x5xf32>) outs(%c : tensor<9x5xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<9x5xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (a)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<9x5xf32>) outs(%r : tensor<9xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<9xf32>
  %e = tensor.empty() : tensor<9x9xf32>
  %d = linalg.generic {indexing_maps = [affine_map<(a) -> (a)>, affine_map<(a) -> (a, a)>], iterator_types = ["parallel"]} ins(%r : tensor<9xf32>) outs(%e : tensor<9x9xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<9x9xf32>
  return %y, %z, %d : tensor<9x5xf32>, tensor<9xf32>, tensor<9x9xf32>
}
