// RUN: rlx-opt %s --split-input-file --rlx-outline-parallel --verify-diagnostics | FileCheck %s

// Constants are repeated, other values captured. Loops inside stay what they are.
// CHECK-LABEL: func @main(
// CHECK-SAME: %[[N:[a-z0-9]+]]: index, %[[X:[a-z0-9]+]]: memref<?xf32>
func.func @main(%n: index, %x: memref<?xf32>) {
  // CHECK: %[[COUNT:.*]] = affine.apply
  // CHECK: rlx.parallel_for @main.parallel0 count %[[COUNT]] captures(%[[X]]) : memref<?xf32>
  // CHECK: rlx.parallel_for @main.parallel1
  // CHECK-NOT: scf.forall
  // CHECK: return
  %c = arith.constant 1.0 : f32
  scf.forall (%i) in (%n) {
    memref.store %c, %x[%i] : memref<?xf32>
  }
  scf.forall (%i) = (%n) to (100) step (3) {
    scf.forall (%j) in (%n) {
      memref.store %c, %x[%j] : memref<?xf32>
    }
  }
  return
}

// CHECK: func private @main.parallel1(%[[BEGIN:[a-z0-9]+]]: index, %[[END:[a-z0-9]+]]: index
// CHECK-SAME: attributes {llvm.linkage = #llvm.linkage<internal>}
// CHECK: scf.for %[[I:.*]] = %[[BEGIN]] to %[[END]]
// CHECK: affine.apply #{{.*}}(%[[I]])
// CHECK: scf.forall

// CHECK: func private @main.parallel0(%[[BEGIN:[a-z0-9]+]]: index, %[[END:[a-z0-9]+]]: index, %[[X:[a-z0-9]+]]: memref<?xf32>)
// CHECK: %[[C:.*]] = arith.constant 1.0
// CHECK: scf.for %[[I:.*]] = %[[BEGIN]] to %[[END]]
// CHECK: %[[AT:.*]] = affine.apply #{{.*}}(%[[I]])
// CHECK: memref.store %[[C]], %[[X]][%[[AT]]]

// -----

// All indices become one, which counts iterations; bounds are captured.
// CHECK-LABEL: func @two_indices(
// CHECK-SAME: %[[A:[a-z0-9]+]]: index, %[[N:[a-z0-9]+]]: index, %[[X:[a-z0-9]+]]: memref<?x?xf32>
// CHECK: %[[COUNT:.*]] = arith.muli
// CHECK: rlx.parallel_for @two_indices.parallel0 count %[[COUNT]] captures(%[[X]], %[[A]], %[[N]])
// CHECK: func private @two_indices.parallel0(
// CHECK: scf.for %[[I:.*]] = %{{.*}} to
// CHECK: affine.delinearize_index %[[I]] into
func.func @two_indices(%a: index, %n: index, %x: memref<?x?xf32>) {
  %c = arith.constant 1.0 : f32
  scf.forall (%i, %j) = (%a, 0) to (%n, %n) step (2, 1) {
    memref.store %c, %x[%i, %j] : memref<?x?xf32>
  }
  return
}

// -----

func.func @results(%n: index, %x: tensor<?xf32>) -> tensor<?xf32> {
  // expected-error @below {{'scf.forall' op expected a parallel loop over buffers}}
  %y = scf.forall (%i) in (%n) shared_outs(%o = %x) -> tensor<?xf32> {
  }
  return %y : tensor<?xf32>
}

// -----

// A name that is taken is not taken again.
// CHECK-LABEL: func @named(
// CHECK: rlx.parallel_for @named.parallel0_0
func.func @named(%n: index, %x: memref<?xf32>) {
  %c = arith.constant 1.0 : f32
  scf.forall (%i) in (%n) {
    memref.store %c, %x[%i] : memref<?xf32>
  }
  return
}
func.func private @named.parallel0()
