// RUN: rlx-opt %s --rlx-split-rank-reductions | FileCheck %s

// What a slice leaves out is said where it keeps a size that is 1 before.
// CHECK-LABEL: func @extracted
// CHECK: %[[S:.*]] = tensor.extract_slice %{{.*}}[0, 0, 0, 1] [1, %{{.*}}, 3, 1] [1, 1, 1, 1] : tensor<4x9x3x2xf32> to tensor<1x?x3x1xf32>
// CHECK: tensor.collapse_shape %[[S]] {{\[}}[0], [1], [2, 3]] : tensor<1x?x3x1xf32> into tensor<1x?x3xf32>
func.func @extracted(%x: tensor<4x9x3x2xf32>, %n: index) -> tensor<1x?x3xf32> {
  %y = tensor.extract_slice %x[0, 0, 0, 1] [1, %n, 3, 1] [1, 1, 1, 1] : tensor<4x9x3x2xf32> to tensor<1x?x3xf32>
  return %y : tensor<1x?x3xf32>
}

// CHECK-LABEL: func @inserted
// CHECK: %[[S:.*]] = tensor.expand_shape %{{.*}} {{\[}}[0, 1]] output_shape [%{{.*}}, 1] : tensor<?xf32> into tensor<?x1xf32>
// CHECK: tensor.insert_slice %[[S]] into %{{.*}}[0, 1] [%{{.*}}, 1] [1, 1] : tensor<?x1xf32> into tensor<9x2xf32>
func.func @inserted(%x: tensor<?xf32>, %y: tensor<9x2xf32>, %n: index) -> tensor<9x2xf32> {
  %z = tensor.insert_slice %x into %y[0, 1] [%n, 1] [1, 1] : tensor<?xf32> into tensor<9x2xf32>
  return %z : tensor<9x2xf32>
}

// Leading sizes are the ones that are left out anyway.
// CHECK-LABEL: func @leading
// CHECK-NOT: collapse_shape
// CHECK: tensor.extract_slice {{.*}} to tensor<?x3xf32>
func.func @leading(%x: tensor<4x9x3xf32>, %n: index) -> tensor<?x3xf32> {
  %y = tensor.extract_slice %x[2, 0, 0] [1, %n, 3] [1, 1, 1] : tensor<4x9x3xf32> to tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
