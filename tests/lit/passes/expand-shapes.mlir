// Reshapes with several dynamic sizes in a group take the sizes that they are given.
// RUN: rlx-opt %s --rlx-expand-shapes | FileCheck %s
// RUN: rlx-opt %s --rlx-llvm | FileCheck %s --check-prefix=LLVM

// CHECK-LABEL: func @two
// CHECK-SAME: (%[[X:.*]]: memref<?x24xf32>, %[[A:.*]]: index, %[[B:.*]]: index)
// CHECK-DAG: %[[BASE:.*]], %{{.*}}, %{{.*}}:2, %{{.*}}:2 = memref.extract_strided_metadata %[[X]]
// CHECK-DAG: %[[STRIDE:.*]] = affine.apply {{.*}}[%[[B]]]
// CHECK: memref.reinterpret_cast %[[BASE]] to offset: [0], sizes: [%[[A]], %[[B]], 24], strides: [%[[STRIDE]], 24, 1]
// LLVM-LABEL: llvm.func @two
// LLVM-NOT: memref.
func.func @two(%x: memref<?x24xf32>, %a: index, %b: index) -> memref<?x?x24xf32> {
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%a, %b, 24] : memref<?x24xf32> into memref<?x?x24xf32>
  return %y : memref<?x?x24xf32>
}

// CHECK-LABEL: func @one
// CHECK: memref.expand_shape
func.func @one(%x: memref<?x24xf32>, %a: index) -> memref<?x4x24xf32> {
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%a, 4, 24] : memref<?x24xf32> into memref<?x4x24xf32>
  return %y : memref<?x4x24xf32>
}
