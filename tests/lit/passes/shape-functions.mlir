// RUN: rlx-opt %s --rlx-shape-functions | FileCheck %s --implicit-check-not=.shapes
// What is left after clean-up: sizes of arguments.
// RUN: rlx-opt %s --rlx-shape-functions --resolve-shaped-type-result-dims --canonicalize | FileCheck %s --check-prefix=CLEAN

// CHECK-LABEL: func @dynamic(
// CHECK: func @dynamic.shapes(%{{.*}}: tensor<?x64xf32> {test.kept}) -> tensor<4xi64>
// CHECK: tensor.dim
// CHECK: tensor.from_elements %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<4xi64>

// CLEAN-LABEL: func @dynamic.shapes(
// CLEAN-SAME: %[[X:[a-z0-9]+]]:
// CLEAN-DAG: %[[ZERO:.*]] = arith.constant 0 : index
// CLEAN-DAG: %[[EIGHT:.*]] = arith.constant 8 : i64
// CLEAN: %[[DIM:.*]] = tensor.dim %[[X]], %[[ZERO]]
// CLEAN: %[[M:.*]] = arith.index_cast %[[DIM]] : index to i64
// CLEAN-NOT: linalg
// CLEAN: tensor.from_elements %[[M]], %[[EIGHT]], %
func.func @dynamic(%x: tensor<?x64xf32> {test.kept}) -> (tensor<?x8xf32> {test.dropped}, tensor<3x4xf32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %x, %c0 : tensor<?x64xf32>
  %empty = tensor.empty(%m) : tensor<?x8xf32>
  %y = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = tensor.empty() : tensor<3x4xf32>
  return %y, %z : tensor<?x8xf32>, tensor<3x4xf32>
}

// These have none: static results, private, declared only.
// CHECK-LABEL: func @static
func.func @static(%x: tensor<?x64xf32>) -> tensor<8xf32> {
  %y = tensor.empty() : tensor<8xf32>
  return %y : tensor<8xf32>
}
// CHECK-LABEL: func private @private
func.func private @private(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}
// CHECK-LABEL: func private @declared
func.func private @declared(tensor<?xf32>) -> tensor<?xf32>

// What a loop writes into has the sizes that it began with: nothing is computed.
// CHECK-LABEL: func @written(
// CHECK: func @written.shapes(%[[X:.*]]: tensor<?xf32>)
// CHECK: scf.yield
// CHECK: %[[SIZE:.*]] = tensor.dim %[[X]], %{{.*}} : tensor<?xf32>
// CHECK-NEXT: arith.index_cast %[[SIZE]]
func.func @written(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %y = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x) -> tensor<?xf32> {
    %v = tensor.extract %a[%i] : tensor<?xf32>
    %w = arith.negf %v : f32
    %b = tensor.insert %w into %a[%i] : tensor<?xf32>
    scf.yield %b : tensor<?xf32>
  }
  return %y : tensor<?xf32>
}
