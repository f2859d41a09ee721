// Groups two a lane: where the target multiplies pairs of 16 bits, tiles say so,
// and rows may depend on how many they are.
// RUN: rlx-opt %s --split-input-file "--rlx-blocks-to-loops=instructions=avx512vnni" --canonicalize | FileCheck %s
// RUN: rlx-opt %s --split-input-file "--rlx-blocks-to-loops=instructions=avx512vnni deterministic" --canonicalize | FileCheck %s --check-prefix=ALONE
// RUN: rlx-opt %s --split-input-file "--rlx-blocks-to-loops=instructions=avx2 vector-length=16" --canonicalize | FileCheck %s --check-prefix=ALONE

// Scales that are integers stay what they are; minima are bytes already. Sums of
// products of 17 bits lose one.
// CHECK-LABEL: func @integers(
// CHECK: %[[SCALES:.*]] = memref.alloc() {alignment = 64 : i64} : memref<4x4x16xi32>
// CHECK: arith.fptosi
// CHECK: vector.shuffle
// CHECK: vector.store %{{.*}}, %[[SCALES]]
// CHECK: %[[EVEN:.*]] = rlx.dot {{.*}} below 16
// CHECK: %[[ODD:.*]] = rlx.dot {{.*}} below 16
// CHECK: arith.shrui
// CHECK: arith.shli
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpwssd.512"
// CHECK-COUNT-4: rlx.dot {{.*}} below 64
// ALONE-LABEL: func @integers(
// ALONE-NOT: vpdpwssd
func.func @integers(%x: memref<64x256xf32>, %p: memref<2368xi8>, %y: memref<64x16xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, lanes = 16 : i64,
      tiles = #rlx.tiles<mr = 8, min_m_panel = 16, mr_panel = 4, mc = 256, nc = 64, kc = 256, i16_pairs = true>}
      : (memref<64x256xf32>, memref<2368xi8>, memref<64x16xf32>) -> ()
  return
}

// -----

// Scales and minima that are floats become integers of the largest of a K block;
// sums of activations are kept as 16 bits too.
// CHECK-LABEL: func @floats(
// CHECK: %[[SUMS:.*]] = memref.alloc() {alignment = 64 : i64} : memref<1x64x8xi16>
// CHECK: arith.maximumf
// CHECK: arith.divf
// CHECK: math.roundeven
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpwssd.512"
// CHECK: vector.load %[[SUMS]]
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpwssd.512"
// ALONE-LABEL: func @floats(
// ALONE-NOT: vpdpwssd
func.func @floats(%x: memref<64x256xf32>, %p: memref<2560xi8>, %y: memref<64x16xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4_1>, activations = i8, lanes = 16 : i64,
      tiles = #rlx.tiles<mr = 8, min_m_panel = 16, mr_panel = 4, mc = 256, nc = 64, kc = 256, i16_pairs = true>}
      : (memref<64x256xf32>, memref<2560xi8>, memref<64x16xf32>) -> ()
  return
}

// -----

// One group a K block has nothing to be paired with, and i16 more bits.
// CHECK-LABEL: func @one_group(
// CHECK-NOT: vpdpwssd
func.func @one_group(%x: memref<64x96xf32>, %p: memref<960xi8>, %y: memref<64x16xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4_1>, activations = i8, lanes = 16 : i64,
      tiles = #rlx.tiles<mr = 8, min_m_panel = 16, mr_panel = 4, mc = 256, nc = 64, kc = 256, i16_pairs = true>}
      : (memref<64x96xf32>, memref<960xi8>, memref<64x16xf32>) -> ()
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4_1>, activations = i16, lanes = 16 : i64,
      tiles = #rlx.tiles<mr = 4, min_m_panel = 16, mr_panel = 4, mc = 256, nc = 64, kc = 256, i16_pairs = true>}
      : (memref<64x96xf32>, memref<960xi8>, memref<64x16xf32>) -> ()
  return
}
