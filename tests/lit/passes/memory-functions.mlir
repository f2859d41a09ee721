// RUN: rlx-opt %s --rlx-memory-functions --canonicalize --cse --split-input-file | FileCheck %s

// A line of the cache in front of each tensor, which takes whole lines. Both are there at the same time.
// CHECK-LABEL: func @two(
// CHECK-NOT: attributes
// CHECK-LABEL: func @two.memory(
// CHECK-SAME: %{{.*}}: memref<16xf32>, %[[BYTES:.*]]: memref<1xi64>
// CHECK: %[[MOST:.*]] = arith.constant 384 : i64
// CHECK: memref.store %[[MOST]], %[[BYTES]]
func.func @two(%x: memref<16xf32>) attributes {rlx.memory} {
  %a = memref.alloc() : memref<17xf32>
  %b = memref.alloc() : memref<32xf32>
  memref.dealloc %b : memref<32xf32>
  memref.dealloc %a : memref<17xf32>
  return
}

// -----

// One after the other.
// CHECK-LABEL: func @after.memory(
// CHECK: %[[MOST:.*]] = arith.constant 192 : i64
func.func @after(%x: memref<16xf32>) attributes {rlx.memory} {
  %a = memref.alloc() : memref<17xf32>
  memref.dealloc %a : memref<17xf32>
  %b = memref.alloc() : memref<32xf32>
  memref.dealloc %b : memref<32xf32>
  return
}

// -----

// Sizes are those of the argument, through views and calls.
// CHECK-LABEL: func @sizes.memory(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<?x4xf32>
// CHECK: %[[DIM:.*]] = memref.dim %[[X]]
// CHECK-NOT: alloc
// CHECK: arith.muli %[[DIM]]
// CHECK: memref.store
func.func @sizes(%x: memref<?x4xf32>) attributes {rlx.memory} {
  %flat = memref.collapse_shape %x [[0, 1]] : memref<?x4xf32> into memref<?xf32>
  call @inner(%flat) : (memref<?xf32>) -> ()
  return
}
func.func private @inner(%x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %a = memref.alloc(%n) : memref<?xf32>
  memref.dealloc %a : memref<?xf32>
  return
}

// -----

// Of branches the larger one, of a loop an iteration and what is handed on.
// CHECK-LABEL: func @control.memory(
// CHECK: %[[MOST:.*]] = arith.constant 320 : i64
func.func @control(%x: memref<16xf32>, %c: i1) attributes {rlx.memory} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  scf.if %c {
    %a = memref.alloc() : memref<16xf32>
    memref.dealloc %a : memref<16xf32>
  } else {
    %a = memref.alloc() : memref<32xf32>
    memref.dealloc %a : memref<32xf32>
  }
  scf.for %i = %c0 to %c9 step %c1 {
    %a = memref.alloc() : memref<64xf32>
    memref.dealloc %a : memref<64xf32>
  }
  return
}

// -----

// Each thread has its own, as many as there are iterations at most.
// CHECK-LABEL: func @threads.memory(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<?xf32>, %[[BYTES:.*]]: memref<1xi64>
// CHECK: %[[GIVEN:.*]] = memref.load %[[BYTES]]
// CHECK: %[[THREADS:.*]] = arith.index_cast %[[GIVEN]]
// CHECK: %[[N:.*]] = memref.dim %[[X]]
// CHECK: %[[RUNNING:.*]] = arith.minsi %[[THREADS]], %[[N]]
// CHECK: arith.muli %[[RUNNING]], %c128
func.func @threads(%x: memref<?xf32>) attributes {rlx.memory} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  scf.forall (%i) in (%n) {
    %a = memref.alloc() : memref<16xf32>
    memref.dealloc %a : memref<16xf32>
  }
  return
}

// -----

// What an input says is known; what is computed is not.
// CHECK-LABEL: func @known.memory(
// CHECK: memref.load
// CHECK: arith.muli
// CHECK-LABEL: func @unknown.memory(
// CHECK: %[[NONE:.*]] = arith.constant -1 : i64
// CHECK: memref.store %[[NONE]]
func.func @known(%x: memref<index>) attributes {rlx.memory} {
  %n = memref.load %x[] : memref<index>
  %a = memref.alloc(%n) : memref<?xf32>
  memref.dealloc %a : memref<?xf32>
  return
}
func.func @unknown(%x: memref<index>) attributes {rlx.memory} {
  %y = memref.alloc() : memref<index>
  memref.copy %x, %y : memref<index> to memref<index>
  %n = memref.load %y[] : memref<index>
  %a = memref.alloc(%n) : memref<?xf32>
  memref.dealloc %a : memref<?xf32>
  memref.dealloc %y : memref<index>
  return
}

// -----

// Nobody asks.
// CHECK-LABEL: func @other(
// CHECK-NOT: .memory
func.func @other(%x: memref<16xf32>) {
  return
}
