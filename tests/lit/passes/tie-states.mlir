// RUN: rlx-opt %s --rlx-tie-states --split-input-file | FileCheck %s

// What is in the state's buffer is returned by being there.
// CHECK-LABEL: func @in_place(
// CHECK-SAME: %[[S:[a-z0-9]+]]: memref<4xf32> {rlx.state = "s"}) -> memref<4xf32> {
// CHECK-NOT: memref.copy
// CHECK: return %{{.*}} : memref<4xf32>
func.func @in_place(%x: memref<4xf32>, %s: memref<4xf32> {rlx.state = "s"}) -> (memref<4xf32> {rlx.state = "s"}, memref<4xf32>) {
  %c = memref.cast %s : memref<4xf32> to memref<?xf32>
  %d = memref.cast %c : memref<?xf32> to memref<4xf32>
  return %d, %x : memref<4xf32>, memref<4xf32>
}

// -----
// Anything else is copied there.
// CHECK-LABEL: func @elsewhere(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<4xf32>, %[[S:[a-z0-9]+]]: memref<4xf32> {rlx.state = "s"}) {
// CHECK-NEXT: memref.copy %[[X]], %[[S]]
// CHECK-NEXT: return
func.func @elsewhere(%x: memref<4xf32>, %s: memref<4xf32> {rlx.state = "s"}) -> (memref<4xf32> {rlx.state = "s"}) {
  return %x : memref<4xf32>
}

// -----
// States that change places go through copies.
// CHECK-LABEL: func @swap(
// CHECK-SAME: %[[A:[a-z0-9]+]]: memref<?xf32> {rlx.state = "a"}, %[[B:[a-z0-9]+]]: memref<?xf32> {rlx.state = "b"}) {
// CHECK: %[[OLD_B:[a-z0-9_]+]] = memref.alloc(
// CHECK: memref.copy %[[B]], %[[OLD_B]]
// CHECK: %[[OLD_A:[a-z0-9_]+]] = memref.alloc(
// CHECK: memref.copy %[[A]], %[[OLD_A]]
// CHECK: memref.copy %[[OLD_B]], %[[A]]
// CHECK: memref.copy %[[OLD_A]], %[[B]]
// CHECK-NEXT: return
func.func @swap(%a: memref<?xf32> {rlx.state = "a"}, %b: memref<?xf32> {rlx.state = "b"})
    -> (memref<?xf32> {rlx.state = "a"}, memref<?xf32> {rlx.state = "b"}) {
  return %b, %a : memref<?xf32>, memref<?xf32>
}

// -----
// A result that is the old state is copied before the new one is.
// CHECK-LABEL: func @old(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<4xf32>, %[[S:[a-z0-9]+]]: memref<4xf32> {rlx.state = "s"}) -> memref<4xf32> {
// CHECK: %[[OLD:[a-z0-9_]+]] = memref.alloc()
// CHECK: memref.copy %[[S]], %[[OLD]]
// CHECK: memref.copy %[[X]], %[[S]]
// CHECK: return %[[OLD]]
func.func @old(%x: memref<4xf32>, %s: memref<4xf32> {rlx.state = "s"}) -> (memref<4xf32> {rlx.state = "s"}, memref<4xf32>) {
  return %x, %s : memref<4xf32>, memref<4xf32>
}
