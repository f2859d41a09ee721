// RUN: rlx-opt %s --rlx-fuse-contractions=print-choices --split-input-file --verify-diagnostics | FileCheck %s
// RUN: rlx-opt %s --rlx-fuse-contractions --rlx-contractions-to-loops --split-input-file | FileCheck %s --check-prefix=LOOPS

#all = affine_map<(m, n) -> (m, n)>
#column = affine_map<(m, n) -> (n)>

// The sums are where the result is; what frees them is gone. Sizes and the result move before them.
// CHECK-LABEL: func @bias(
// CHECK-SAME: %[[A:.*]]: memref<?x64xf32>, %[[B:.*]]: memref<64x32xf32>, %[[BIAS:.*]]: memref<32xf32>
// CHECK-NOT: alloc
// CHECK: %[[Y:.*]] = memref.alloc(%{{.*}}) : memref<?x32xf32>
// CHECK-NOT: alloc
// CHECK: linalg.fill ins(%{{.*}}) outs(%[[Y]]
// CHECK: scf.execute_region {
// CHECK-NEXT: linalg.matmul ins(%[[A]], %[[B]] : {{.*}}) outs(%[[Y]]
// CHECK-NEXT: linalg.generic {{.*}} ins(%[[Y]], %[[BIAS]] : {{.*}}) outs(%[[Y]]
// CHECK: scf.yield
// CHECK-NEXT: } {rlx.fused = true}
// CHECK-NOT: dealloc

// LOOPS-LABEL: func @bias(
// LOOPS-NOT: execute_region
// LOOPS-NOT: linalg.matmul
// LOOPS: arith.addf {{.*}} : vector
// LOOPS: arith.maximumf {{.*}} : vector
// LOOPS-NOT: linalg.generic
// LOOPS-LABEL: func @shared(
func.func @bias(%a: memref<?x64xf32>, %b: memref<64x32xf32>, %bias: memref<32xf32>) -> memref<?x32xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = memref.dim %a, %c0 : memref<?x64xf32>
  %c = memref.alloc(%m) : memref<?x32xf32>
  linalg.fill ins(%zero : f32) outs(%c : memref<?x32xf32>)
  linalg.matmul ins(%a, %b : memref<?x64xf32>, memref<64x32xf32>) outs(%c : memref<?x32xf32>)
  %m1 = arith.addi %m, %c0 : index
  %y = memref.alloc(%m1) : memref<?x32xf32>
  // expected-remark@+1 {{fused: it is applied to the contraction's sums}}
  linalg.generic {indexing_maps = [#all, #column, #all], iterator_types = ["parallel", "parallel"]}
      ins(%c, %bias : memref<?x32xf32>, memref<32xf32>) outs(%y : memref<?x32xf32>) {
    ^bb0(%sum: f32, %add: f32, %out: f32):
      %s = arith.addf %sum, %add : f32
      %p = arith.maximumf %s, %zero : f32
      linalg.yield %p : f32
  }
  memref.dealloc %c : memref<?x32xf32>
  return %y : memref<?x32xf32>
}

// -----

#all = affine_map<(m, n) -> (m, n)>

// Others read the sums, too: they are stored, and read again for the result.
// CHECK-LABEL: func @shared(
// CHECK: scf.execute_region
// CHECK: } {rlx.fused = false}
func.func @shared(%a: memref<64x64xf32>, %b: memref<64x64xf32>, %c: memref<64x64xf32>, %y: memref<64x64xf32> {bufferize.result}) {
  linalg.matmul ins(%a, %b : memref<64x64xf32>, memref<64x64xf32>) outs(%c : memref<64x64xf32>)
  // expected-remark@+1 {{fused: it is applied to the contraction's sums}}
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%c : memref<64x64xf32>) outs(%y : memref<64x64xf32>) {
    ^bb0(%sum: f32, %out: f32):
      %p = arith.negf %sum : f32
      linalg.yield %p : f32
  }
  return
}

// -----

#all = affine_map<(m, n) -> (m, n)>

// What it reads is written in between.
// CHECK-LABEL: func @between(
// CHECK-NOT: execute_region
func.func @between(%a: memref<64x64xf32>, %b: memref<64x64xf32>, %r: memref<64x64xf32>, %y: memref<64x64xf32> {bufferize.result}) {
  %zero = arith.constant 0.0 : f32
  %c = memref.alloc() : memref<64x64xf32>
  linalg.matmul ins(%a, %b : memref<64x64xf32>, memref<64x64xf32>) outs(%c : memref<64x64xf32>)
  linalg.fill ins(%zero : f32) outs(%r : memref<64x64xf32>)
  // expected-remark@+1 {{not fused with the contraction before it: an operation between the two writes what it reads}}
  linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%c, %r : memref<64x64xf32>, memref<64x64xf32>) outs(%y : memref<64x64xf32>) {
    ^bb0(%sum: f32, %old: f32, %out: f32):
      %p = arith.addf %sum, %old : f32
      linalg.yield %p : f32
  }
  memref.dealloc %c : memref<64x64xf32>
  return
}

// -----

#all = affine_map<(m, n) -> (m, n)>

// Two arguments may be the same memory: the first results would be read as factors.
// CHECK-LABEL: func @factor(
// CHECK-NOT: execute_region
func.func @factor(%a: memref<64x64xf32>, %b: memref<64x64xf32>, %y: memref<64x64xf32>) {
  %c = memref.alloc() : memref<64x64xf32>
  linalg.matmul ins(%a, %b : memref<64x64xf32>, memref<64x64xf32>) outs(%c : memref<64x64xf32>)
  // expected-remark@+1 {{not fused with the contraction before it: it writes what the contraction reads}}
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%c : memref<64x64xf32>) outs(%y : memref<64x64xf32>) {
    ^bb0(%sum: f32, %out: f32):
      %p = arith.negf %sum : f32
      linalg.yield %p : f32
  }
  memref.dealloc %c : memref<64x64xf32>
  return
}

// -----

#all = affine_map<(m, n) -> (m, n)>
#other = affine_map<(m, n) -> (n, m)>

// CHECK-LABEL: func @index(
// CHECK-NOT: execute_region
func.func @index(%a: memref<64x64xf32>, %b: memref<64x64xf32>, %y: memref<64x64xindex> {bufferize.result}) {
  %c = memref.alloc() : memref<64x64xf32>
  linalg.matmul ins(%a, %b : memref<64x64xf32>, memref<64x64xf32>) outs(%c : memref<64x64xf32>)
  // expected-remark@+1 {{not fused with the contraction before it: it is not elementwise, or permutes the sums or an input}}
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%c : memref<64x64xf32>) outs(%y : memref<64x64xindex>) {
    ^bb0(%sum: f32, %out: index):
      %i = linalg.index 0 : index
      %k = arith.fptosi %sum : f32 to i64
      %l = arith.index_cast %k : i64 to index
      %p = arith.addi %l, %i : index
      linalg.yield %p : index
  }
  memref.dealloc %c : memref<64x64xf32>
  return
}

// -----

#all = affine_map<(m, n) -> (m, n)>
#other = affine_map<(m, n) -> (n, m)>

// In place a transposed result would lie on sums that are still to be read.
// CHECK-LABEL: func @transposed(
// CHECK: %[[SUMS:.*]] = memref.alloc
// CHECK: linalg.matmul {{.*}} outs(%[[SUMS]]
// CHECK-NEXT: linalg.generic {{.*}} ins(%[[SUMS]]
func.func @transposed(%a: memref<64x64xf32>, %b: memref<64x64xf32>, %y: memref<64x64xf32> {bufferize.result}) {
  %c = memref.alloc() : memref<64x64xf32>
  linalg.matmul ins(%a, %b : memref<64x64xf32>, memref<64x64xf32>) outs(%c : memref<64x64xf32>)
  // expected-remark@+1 {{fused: it is applied to the contraction's sums}}
  linalg.generic {indexing_maps = [#other, #all], iterator_types = ["parallel", "parallel"]}
      ins(%c : memref<64x64xf32>) outs(%y : memref<64x64xf32>) {
    ^bb0(%sum: f32, %out: f32):
      %p = arith.negf %sum : f32
      linalg.yield %p : f32
  }
  memref.dealloc %c : memref<64x64xf32>
  return
}
