// What is known without running: bits that stay where they are, products with zeros, loops without iterations.
// RUN: rlx-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func @bits(
// CHECK-SAME: %[[B:[a-z0-9]+]]: vector<64xi8>
// CHECK: return %[[B]]
func.func @bits(%b: vector<64xi8>) -> vector<64xi8> {
  %v = rlx.extract_bits %b from 0 to 0 width 8 : vector<64xi8>
  return %v : vector<64xi8>
}

// CHECK-LABEL: func @zeros(
// CHECK-SAME: %[[C:[a-z0-9]+]]: vector<64xi8>, %[[S:[a-z0-9]+]]: vector<16xi32>
// CHECK: %[[D:.*]] = rlx.dot
// CHECK: return %[[S]], %[[S]], %[[D]]
func.func @zeros(%c: vector<64xi8>, %s: vector<16xi32>) -> (vector<16xi32>, vector<16xi32>, vector<16xi32>) {
  %zero = arith.constant dense<0> : vector<64xi8>
  %one = arith.constant dense<1> : vector<64xi8>
  %0 = rlx.dot %c, %zero, %s below 256 : vector<64xi8>, vector<16xi32>
  %1 = rlx.dot %zero, %c, %s below 256 : vector<64xi8>, vector<16xi32>
  %2 = rlx.dot %c, %one, %s below 256 : vector<64xi8>, vector<16xi32>
  return %0, %1, %2 : vector<16xi32>, vector<16xi32>, vector<16xi32>
}

// CHECK-LABEL: func @loops(
// CHECK-NOT: count %c0
// CHECK: rlx.parallel_for @body count %{{.*}}
// CHECK-NEXT: return
func.func @loops(%n: index) {
  %none = arith.constant 0 : index
  rlx.parallel_for @body count %none
  rlx.parallel_for @body count %n
  return
}
func.func private @body(index, index)
