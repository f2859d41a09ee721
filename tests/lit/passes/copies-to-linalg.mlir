// RUN: rlx-opt %s --rlx-copies-to-linalg | FileCheck %s

// CHECK-LABEL: func @strided_source(
// CHECK-SAME: %[[A:[a-z0-9]+]]: memref<8x8xf32, strided<[16, 1]>>, %[[B:[a-z0-9]+]]: memref<8x8xf32>
func.func @strided_source(%a: memref<8x8xf32, strided<[16, 1]>>, %b: memref<8x8xf32>) {
  // CHECK-NOT: memref.copy
  // CHECK: linalg.generic
  // CHECK-SAME: ins(%[[A]] : memref<8x8xf32, strided<[16, 1]>>) outs(%[[B]] : memref<8x8xf32>)
  memref.copy %a, %b : memref<8x8xf32, strided<[16, 1]>> to memref<8x8xf32>
  return
}

// CHECK-LABEL: func @strided_target
func.func @strided_target(%a: memref<8x?xf32>, %b: memref<8x?xf32, strided<[?, 1], offset: ?>>) {
  // CHECK-NOT: memref.copy
  // CHECK: linalg.generic
  scf.execute_region {
    memref.copy %a, %b : memref<8x?xf32> to memref<8x?xf32, strided<[?, 1], offset: ?>>
    scf.yield
  }
  return
}

// What lies in one piece stays.
// CHECK-LABEL: func @plain
func.func @plain(%a: memref<8x?xf32>, %b: memref<8x?xf32>) {
  // CHECK-NEXT: memref.copy
  memref.copy %a, %b : memref<8x?xf32> to memref<8x?xf32>
  return
}

// Of how many dimensions there are, loops have to know.
// CHECK-LABEL: func @unranked
// CHECK-NEXT: memref.copy
func.func @unranked(%a: memref<*xf32>, %b: memref<*xf32>) {
  memref.copy %a, %b : memref<*xf32> to memref<*xf32>
  return
}
