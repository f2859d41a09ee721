// RUN: rlx-opt %s "--pass-pipeline=builtin.module(rlx-attach-cpu-target{target=#rlx.cpu<vector_bits=512>},rlx-pack-contractions)" | FileCheck %s

// A weight [N, K], behind a transpose: zeros up to whole vectors and blocks, parts of indices, parts in their order.
// 300 of K are two blocks of 160.
// CHECK: #[[PACKED:.*]] = affine_map<(d0, d1, d2) -> (d2 floordiv 160, d1 floordiv 16, d2 mod 160, d1 mod 16)>
// CHECK-LABEL: func @transposed(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x300xf32>, %[[W:[a-z0-9]+]]: tensor<40x300xf32> {rlx.weight = "w"}
// CHECK: %[[PAD:.*]] = tensor.pad %[[W]] low[0, 0] high[8, 20]
// CHECK: %[[CUT:.*]] = tensor.expand_shape %[[PAD]] {{\[\[}}0, 1], [2, 3, 4]] output_shape [3, 16, 2, 160, 1]
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[CUT]] {{.*}} outs({{.*}} : tensor<2x3x160x16x1xf32>) permutation = [2, 0, 3, 1, 4]
// CHECK: %[[P:.*]] = tensor.collapse_shape %[[T]] {{\[\[}}0], [1], [2], [3, 4]] {{.*}} into tensor<2x3x160x16xf32>
// CHECK: linalg.generic {indexing_maps = [{{.*}}, #[[PACKED]], {{.*}}]{{.*}} ins(%[[X]], %[[P]] :
func.func @transposed(%x: tensor<?x300xf32>, %w: tensor<40x300xf32> {rlx.weight = "w"}, %y: tensor<?x40xf32>) -> tensor<?x40xf32> {
  %e = tensor.empty() : tensor<300x40xf32>
  %t = linalg.transpose ins(%w : tensor<40x300xf32>) outs(%e : tensor<300x40xf32>) permutation = [1, 0]
  %r = linalg.matmul ins(%x, %t : tensor<?x300xf32>, tensor<300x40xf32>) outs(%y : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %r : tensor<?x40xf32>
}

// [K, N], sizes that need nothing added.
// CHECK-LABEL: func @whole(
// CHECK-NOT: tensor.pad
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0, 1, 2], [3, 4]] output_shape [2, 256, 1, 4, 16]
// CHECK: permutation = [0, 3, 1, 4, 2]
func.func @whole(%x: tensor<3x512xf32>, %w: tensor<512x64xf32> {rlx.weight = "w"}, %y: tensor<3x64xf32>) -> tensor<3x64xf32> {
  %r = linalg.matmul ins(%x, %w : tensor<3x512xf32>, tensor<512x64xf32>) outs(%y : tensor<3x64xf32>) -> tensor<3x64xf32>
  return %r : tensor<3x64xf32>
}

// A single row reads the weight as it is bound, by a map of its own where a transpose was between.
// CHECK-LABEL: func @row(
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<40x300xf32> {rlx.weight = "w"}
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[W]] : tensor<1x300xf32>, tensor<40x300xf32>)
func.func @row(%x: tensor<1x300xf32>, %w: tensor<40x300xf32> {rlx.weight = "w"}, %y: tensor<1x40xf32>) -> tensor<1x40xf32> {
  %e = tensor.empty() : tensor<300x40xf32>
  %t = linalg.transpose ins(%w : tensor<40x300xf32>) outs(%e : tensor<300x40xf32>) permutation = [1, 0]
  %r = linalg.matmul ins(%x, %t : tensor<1x300xf32>, tensor<300x40xf32>) outs(%y : tensor<1x40xf32>) -> tensor<1x40xf32>
  return %r : tensor<1x40xf32>
}

// Left alone: arguments that are no weights, factors of rows (c has the other one side by side), batches of weights, few
// columns, no rows, and what would be mostly zeros.
// CHECK-LABEL: func @left(
// CHECK-COUNT-5: linalg.{{matmul|batch_matmul|contract}}
// CHECK-NOT: tensor.pad
// CHECK: return
func.func @left(%x: tensor<?x64xf32>, %a: tensor<64x32xf32>, %w: tensor<64x32xf32> {rlx.weight = "w"}, %few: tensor<64x4xf32> {rlx.weight = "few"},
                %batch: tensor<4x64x32xf32> {rlx.weight = "batch"}, %nine: tensor<4096x9xf32> {rlx.weight = "nine"}, %l: tensor<?x4096xf32>, %xb: tensor<4x?x64xf32>,
                %y: tensor<?x32xf32>, %yf: tensor<?x4xf32>, %yb: tensor<4x?x32xf32>, %y9: tensor<?x9xf32>, %none: tensor<0x64xf32>, %y0: tensor<0x32xf32>)
    -> (tensor<?x32xf32>, tensor<?x4xf32>, tensor<4x?x32xf32>, tensor<?x9xf32>, tensor<0x32xf32>) {
  %0 = linalg.matmul ins(%x, %a : tensor<?x64xf32>, tensor<64x32xf32>) outs(%y : tensor<?x32xf32>) -> tensor<?x32xf32>
  %1 = linalg.matmul ins(%x, %few : tensor<?x64xf32>, tensor<64x4xf32>) outs(%yf : tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = linalg.batch_matmul ins(%xb, %batch : tensor<4x?x64xf32>, tensor<4x64x32xf32>) outs(%yb : tensor<4x?x32xf32>) -> tensor<4x?x32xf32>
  %3 = linalg.matmul ins(%l, %nine : tensor<?x4096xf32>, tensor<4096x9xf32>) outs(%y9 : tensor<?x9xf32>) -> tensor<?x9xf32>
  %4 = linalg.matmul ins(%none, %w : tensor<0x64xf32>, tensor<64x32xf32>) outs(%y0 : tensor<0x32xf32>) -> tensor<0x32xf32>
  return %0, %1, %2, %3, %4 : tensor<?x32xf32>, tensor<?x4xf32>, tensor<4x?x32xf32>, tensor<?x9xf32>, tensor<0x32xf32>
}
