// Views of buffers, and the operations on vectors that convert-to-llvm does not
// take; what it takes stays as it is.
// RUN: rlx-opt %s --rlx-lower-views-and-vectors --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @view(
// CHECK-NOT: memref.collapse_shape
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [64], strides: [1]
// CHECK: vector.load
// CHECK: vector.broadcast
func.func @view(%x: memref<4x16xf32>) -> vector<16xf32> {
  %c0 = arith.constant 0 : index
  %0 = memref.collapse_shape %x [[0, 1]] : memref<4x16xf32> into memref<64xf32>
  %1 = vector.load %0[%c0] : memref<64xf32>, vector<1xf32>
  %2 = vector.extract %1[0] : f32 from vector<1xf32>
  %3 = vector.broadcast %2 : f32 to vector<16xf32>
  return %3 : vector<16xf32>
}

// -----

// CHECK-LABEL: func.func @mask(
// CHECK-NOT: vector.create_mask
// CHECK: return %{{.*}} : vector<16xi1>
func.func @mask(%n: index) -> vector<16xi1> {
  %0 = vector.create_mask %n : vector<16xi1>
  return %0 : vector<16xi1>
}

// -----

// CHECK-LABEL: func.func @copy(
// CHECK: scf.for
// CHECK-NOT: vector.transfer_read
// CHECK: return
func.func @copy(%x: memref<4x16xf32>, %y: memref<4x16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %f0 = arith.constant 0.0 : f32
  %0 = vector.transfer_read %x[%n, %c0], %f0 : memref<4x16xf32>, vector<4x16xf32>
  vector.transfer_write %0, %y[%n, %c0] : vector<4x16xf32>, memref<4x16xf32>
  return
}

// -----

// What the passes for vectors leave of the views is what is expanded.
// CHECK-LABEL: func.func @both(
// CHECK-NOT: memref.cast
// CHECK-NOT: memref.collapse_shape
// CHECK: memref.reinterpret_cast
// CHECK-NOT: vector.transfer_read
// CHECK: return
func.func @both(%x: memref<4x16xf32>, %y: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %f0 = arith.constant 0.0 : f32
  %0 = memref.cast %x : memref<4x16xf32> to memref<?x16xf32>
  %1 = memref.cast %0 : memref<?x16xf32> to memref<4x16xf32>
  %2 = memref.collapse_shape %1 [[0, 1]] : memref<4x16xf32> into memref<64xf32>
  %3 = vector.transfer_read %2[%c0], %f0 : memref<64xf32>, vector<64xf32>
  vector.store %3, %y[%c0] : memref<64xf32>, vector<64xf32>
  return
}
