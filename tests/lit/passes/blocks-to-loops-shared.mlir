// Rows that are rounded for one matmul are read by the next one that multiplies
// them with a weight of the same scheme, unless something writes to them.
//
// RUN: rlx-opt %s --rlx-blocks-to-loops --canonicalize | FileCheck %s

#packed = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>
#six = #rlx.packed<lanes = 16, k_block = 256, group = 16, block_bytes = 3360, header = [1], steps = [2]>

// The largest magnitude of a K block is searched for once; the third matmul
// has another scheme.
// CHECK-LABEL: func @shared(
// CHECK: %[[CODES:.*]] = memref.alloc() {{.*}} : memref<1x3x1x64xi32>
// CHECK: arith.maxsi
// CHECK: vector.store %{{.*}}, %[[CODES]]
// CHECK-NOT: arith.maxsi
// CHECK: memref.collapse_shape %[[CODES]]
// CHECK-NOT: memref.dealloc %[[CODES]]
// CHECK: memref.collapse_shape %[[CODES]]
// CHECK-NOT: arith.maxsi
// CHECK: memref.dealloc %[[CODES]]
// CHECK: arith.maxsi
// CHECK-NOT: arith.maxsi
// CHECK: return
func.func @shared(%w: memref<2368xi8>, %v: memref<2368xi8>, %u: memref<3360xi8>, %a: memref<3x16xf32>, %b: memref<3x16xf32>, %c: memref<3x16xf32>) {
  %x = memref.alloc() : memref<3x256xf32>
  rlx.packed_matmul ins(%x, %w) outs(%a) {activations = i8, layout = #packed, scheme = #rlx.quant<gguf_q4k>} : (memref<3x256xf32>, memref<2368xi8>, memref<3x16xf32>) -> ()
  rlx.packed_matmul ins(%x, %v) outs(%b) {activations = i8, layout = #packed, scheme = #rlx.quant<gguf_q4k>} : (memref<3x256xf32>, memref<2368xi8>, memref<3x16xf32>) -> ()
  rlx.packed_matmul ins(%x, %u) outs(%c) {activations = i8, layout = #six, scheme = #rlx.quant<gguf_q6k>} : (memref<3x256xf32>, memref<3360xi8>, memref<3x16xf32>) -> ()
  memref.dealloc %x : memref<3x256xf32>
  return
}

// CHECK-LABEL: func @written(
// CHECK: arith.maxsi
// CHECK: memref.store
// CHECK: arith.maxsi
// CHECK: return
func.func @written(%w: memref<2368xi8>, %v: memref<2368xi8>, %a: memref<3x16xf32>, %b: memref<3x16xf32>, %number: f32, %i: index) {
  %x = memref.alloc() : memref<3x256xf32>
  %row = memref.subview %x[1, 0] [1, 256] [1, 1] : memref<3x256xf32> to memref<256xf32, strided<[1], offset: 256>>
  rlx.packed_matmul ins(%x, %w) outs(%a) {activations = i8, layout = #packed, scheme = #rlx.quant<gguf_q4k>} : (memref<3x256xf32>, memref<2368xi8>, memref<3x16xf32>) -> ()
  memref.store %number, %row[%i] : memref<256xf32, strided<[1], offset: 256>>
  rlx.packed_matmul ins(%x, %v) outs(%b) {activations = i8, layout = #packed, scheme = #rlx.quant<gguf_q4k>} : (memref<3x256xf32>, memref<2368xi8>, memref<3x16xf32>) -> ()
  memref.dealloc %x : memref<3x256xf32>
  return
}

// What an argument holds may be what another one does.
// CHECK-LABEL: func @arguments(
// CHECK: arith.maxsi
// CHECK: arith.maxsi
// CHECK: return
func.func @arguments(%x: memref<3x256xf32>, %w: memref<2368xi8>, %v: memref<2368xi8>, %a: memref<3x16xf32>, %b: memref<3x16xf32>) {
  rlx.packed_matmul ins(%x, %w) outs(%a) {activations = i8, layout = #packed, scheme = #rlx.quant<gguf_q4k>} : (memref<3x256xf32>, memref<2368xi8>, memref<3x16xf32>) -> ()
  rlx.packed_matmul ins(%x, %v) outs(%b) {activations = i8, layout = #packed, scheme = #rlx.quant<gguf_q4k>} : (memref<3x256xf32>, memref<2368xi8>, memref<3x16xf32>) -> ()
  return
}
