// What is not a contraction: loops along memory, reductions in registers, squares, threads.
// RUN: rlx-opt %s --rlx-linalg-to-loops --canonicalize --cse | FileCheck %s
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<deterministic = true>}" --rlx-linalg-to-loops --canonicalize --cse | FileCheck %s --check-prefix=FIXED
// RUN: rlx-opt %s --rlx-linalg-to-loops=print-choices 2>&1 | FileCheck %s --check-prefix=REMARK

#ij = affine_map<(i, j) -> (i, j)>
#ji = affine_map<(i, j) -> (j, i)>
#i = affine_map<(i, j) -> (i)>

// CHECK-LABEL: func @sum_of_rows(
// CHECK: scf.forall
// CHECK: scf.for
// CHECK: %[[START:.*]] = memref.load
// CHECK-NEXT: %[[SUM:.*]] = scf.for {{.*}} iter_args({{.*}} = %[[START]]) -> (f32)
// CHECK: arith.addf {{.*}} fastmath<reassoc>
// CHECK: memref.store %[[SUM]]
// FIXED-LABEL: func @sum_of_rows(
// FIXED-NOT: reassoc
// FIXED: arith.addf
// REMARK: remark: loops in the order 0, 1, results kept in registers; an iteration costs 2 reads; on several threads
func.func @sum_of_rows(%x: memref<4096x1024xf32>, %y: memref<4096xf32>) {
  linalg.reduce { arith.addf } ins(%x : memref<4096x1024xf32>) outs(%y : memref<4096xf32>) dimensions = [1]
  return
}

// Sums of f16 are rounded at each step, in the order of the program.
// CHECK-LABEL: func @sum_of_short_rows(
// CHECK-NOT: reassoc
// CHECK: arith.addf {{.*}} : f16
func.func @sum_of_short_rows(%x: memref<4x1024xf16>, %y: memref<4xf16>) {
  linalg.reduce { arith.addf } ins(%x : memref<4x1024xf16>) outs(%y : memref<4xf16>) dimensions = [1]
  return
}

// Columns are added up along rows.
// CHECK-LABEL: func @sum_of_columns(
// CHECK: scf.for %[[I:[a-z0-9]+]] = %c0 to %c64 step %c1
// CHECK-NEXT: scf.for %[[J:[a-z0-9]+]] = %c0 to %c128 step %c1
// CHECK-DAG: memref.load %{{.*}}[%[[I]], %[[J]]]
// CHECK-DAG: memref.load %{{.*}}[%[[J]]]
// CHECK: memref.store
// REMARK: remark: loops in the order 0, 1; an iteration costs 2 reads{{$}}
func.func @sum_of_columns(%x: memref<64x128xf32>, %y: memref<128xf32>) {
  linalg.reduce { arith.addf } ins(%x : memref<64x128xf32>) outs(%y : memref<128xf32>) dimensions = [0]
  return
}

// Loops that go across memory change places.
// CHECK-LABEL: func @interchanged(
// CHECK: scf.for %[[J:[a-z0-9]+]] = %c0 to %c8 step %c1
// CHECK-NEXT: scf.for %[[I:[a-z0-9]+]] = %c0 to %c64 step %c1
// CHECK: memref.load %{{.*}}[%[[J]], %[[I]]]
func.func @interchanged(%x: memref<8x64xf32>, %y: memref<8x64xf32>) {
  linalg.generic {indexing_maps = [#ji, #ji], iterator_types = ["parallel", "parallel"]} ins(%x : memref<8x64xf32>) outs(%y : memref<8x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  }
  return
}

// A square at a time, transposed in vectors; what is left number by number.
// CHECK-LABEL: func @transpose(
// CHECK-COUNT-16: vector.load
// CHECK-COUNT-64: vector.shuffle
// CHECK-COUNT-16: vector.store
// CHECK: else
// CHECK: memref.load
// REMARK: remark: loops in the order 0, 1, 0 and 1 in squares;
func.func @transpose(%x: memref<64x70xf32>, %y: memref<70x64xf32>) {
  linalg.transpose ins(%x : memref<64x70xf32>) outs(%y : memref<70x64xf32>) permutation = [1, 0]
  return
}

// Squares of what is more than moved.
// CHECK-LABEL: func @crossing(
// CHECK: scf.for {{.*}} step %c16
// CHECK: scf.for {{.*}} step %c16
// CHECK: scf.for {{.*}} step %c1
// CHECK: scf.for {{.*}} step %c1
// CHECK: arith.addf
func.func @crossing(%x: memref<64x64xf32>, %z: memref<64x64xf32>, %y: memref<64x64xf32>) {
  linalg.generic {indexing_maps = [#ij, #ji, #ij], iterator_types = ["parallel", "parallel"]} ins(%x, %z : memref<64x64xf32>, memref<64x64xf32>) outs(%y : memref<64x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  }
  return
}

// One loop, of which nobody knows how long it is, in parts.
// CHECK-LABEL: func @vector(
// CHECK: scf.forall
// CHECK: scf.for
// CHECK-LABEL: func @windows(
// CHECK-NOT: linalg.conv
// CHECK: affine.apply
func.func @vector(%x: memref<?xf32>, %y: memref<?xf32>) {
  linalg.exp ins(%x : memref<?xf32>) outs(%y : memref<?xf32>)
  return
}
func.func @windows(%x: memref<40xf32>, %w: memref<5xf32>, %y: memref<36xf32>) {
  linalg.conv_1d ins(%x, %w : memref<40xf32>, memref<5xf32>) outs(%y : memref<36xf32>)
  return
}

// What goes through the same rows goes through a row together; what lies between has one row.
// CHECK-LABEL: func @rows(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<512x4096xf32>, %[[Y:[a-z0-9]+]]: memref<512x4096xf32>
// CHECK: scf.forall
// CHECK-DAG: %[[SUM:.*]] = memref.alloc() {alignment = 64 : i64} : memref<f32>
// CHECK-DAG: %[[ROW:.*]] = memref.alloc() {alignment = 64 : i64} : memref<4096xf32>
// CHECK: scf.for %[[I:.*]] =
// CHECK: memref.store %{{.*}}, %[[SUM]][]
// CHECK: scf.for
// CHECK: memref.load %[[X]][%[[I]], %{{.*}}]
// CHECK: memref.store %{{.*}}, %[[SUM]][]
// CHECK: scf.for
// CHECK: memref.store %{{.*}}, %[[ROW]][%{{.*}}]
// CHECK: scf.for
// CHECK: memref.load %[[ROW]][%{{.*}}]
// CHECK: memref.store %{{.*}}, %[[Y]][%[[I]], %{{.*}}]
// CHECK-DAG: memref.dealloc %[[SUM]]
// CHECK-DAG: memref.dealloc %[[ROW]]
// CHECK-NOT: scf.for
// CHECK: return
// REMARK: remark: row by row with 3 operations before it, 2 buffers have one row
func.func @rows(%x: memref<512x4096xf32>, %y: memref<512x4096xf32>) {
  %zero = arith.constant 0.0 : f32
  %sum = memref.alloc() : memref<512xf32>
  %between = memref.alloc() : memref<512x4096xf32>
  linalg.fill ins(%zero : f32) outs(%sum : memref<512xf32>)
  linalg.reduce { arith.addf } ins(%x : memref<512x4096xf32>) outs(%sum : memref<512xf32>) dimensions = [1]
  linalg.generic {indexing_maps = [#ij, #i, #ij], iterator_types = ["parallel", "parallel"]} ins(%x, %sum : memref<512x4096xf32>, memref<512xf32>) outs(%between : memref<512x4096xf32>) {
  ^bb0(%v: f32, %s: f32, %o: f32):
    %r = arith.divf %v, %s : f32
    linalg.yield %r : f32
  }
  linalg.generic {indexing_maps = [#ij, #ij], iterator_types = ["parallel", "parallel"]} ins(%between : memref<512x4096xf32>) outs(%y : memref<512x4096xf32>) {
  ^bb0(%v: f32, %o: f32):
    %r = math.exp %v : f32
    linalg.yield %r : f32
  }
  memref.dealloc %sum : memref<512xf32>
  memref.dealloc %between : memref<512x4096xf32>
  return
}

// A row that another one reads is no row of its own.
// CHECK-LABEL: func @other_rows(
// CHECK-COUNT-2: scf.forall
func.func @other_rows(%x: memref<512x512xf32>, %y: memref<512x512xf32>, %z: memref<512x512xf32>) {
  linalg.generic {indexing_maps = [#ij, #ij], iterator_types = ["parallel", "parallel"]} ins(%x : memref<512x512xf32>) outs(%y : memref<512x512xf32>) {
  ^bb0(%v: f32, %o: f32):
    %r = math.exp %v : f32
    linalg.yield %r : f32
  }
  linalg.generic {indexing_maps = [#ji, #ij, #ij], iterator_types = ["parallel", "parallel"]} ins(%y, %x : memref<512x512xf32>, memref<512x512xf32>) outs(%z : memref<512x512xf32>) {
  ^bb0(%v: f32, %w: f32, %o: f32):
    %r = arith.addf %v, %w : f32
    linalg.yield %r : f32
  }
  return
}
