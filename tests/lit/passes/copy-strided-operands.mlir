// Kernels read and write rows without strides: others are copied.
// RUN: rlx-opt %s --rlx-copy-strided-operands --split-input-file | FileCheck %s
// RUN: not rlx-opt %s --rlx-blocks-to-loops --split-input-file 2>&1 | FileCheck %s --check-prefix=ERROR

// CHECK-LABEL: func @strided
// CHECK: %[[X:.*]] = memref.alloc() : memref<3x64xf32>
// CHECK-NEXT: memref.copy %arg0, %[[X]]
// CHECK: %[[Y:.*]] = memref.alloc(%{{.*}}) : memref<?x8xf32>
// CHECK: rlx.block_matmul ins(%[[X]], %arg1) outs(%[[Y]])
// CHECK-NEXT: memref.copy %[[Y]], %arg2
// CHECK-DAG: memref.dealloc %[[Y]]
// CHECK-DAG: memref.dealloc %[[X]]
// ERROR: error: 'rlx.block_matmul' op expected operand 0 to be contiguous in its last dimension, but got 'memref<3x64xf32, strided<[128, 2], offset: 1>>'; --rlx-copy-strided-operands copies it
func.func @strided(%x: memref<3x64xf32, strided<[128, 2], offset: 1>>, %w: memref<8x68xi8>, %y: memref<?x8xf32, strided<[?, ?]>>) {
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<3x64xf32, strided<[128, 2], offset: 1>>, memref<8x68xi8>, memref<?x8xf32, strided<[?, ?]>>) -> ()
  return
}

// -----
// Rows that lie apart are read as they lie.
// CHECK-LABEL: func @rows
// CHECK-NOT: memref.alloc
func.func @rows(%x: memref<3x64xf32, strided<[100, 1], offset: 7>>, %w: memref<8x68xi8>, %y: memref<3x8xf32>) {
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<3x64xf32, strided<[100, 1], offset: 7>>, memref<8x68xi8>, memref<3x8xf32>) -> ()
  return
}

// -----
// Experts read the rows of all tokens as one list; ids are read one by one.
// CHECK-LABEL: func @experts
// CHECK: memref.alloc() : memref<5x2x64xf32>
// CHECK-NOT: memref.alloc()
func.func @experts(%x: memref<5x2x64xf32, strided<[200, 64, 1]>>, %w: memref<4x8x68xi8>, %i: memref<5x2xi32, strided<[4, 2]>>, %y: memref<5x2x8xf32>) {
  rlx.block_matmul ins(%x, %w, %i) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<5x2x64xf32, strided<[200, 64, 1]>>, memref<4x8x68xi8>, memref<5x2xi32, strided<[4, 2]>>, memref<5x2x8xf32>) -> ()
  return
}
