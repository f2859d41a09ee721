// Codes that are multiplied with integer scales before activations are
// multiplied with them. Products of q2_K are 0 to 45.
// RUN: rlx-opt %s --split-input-file "--rlx-blocks-to-loops=instructions=avx512vnni" --canonicalize | FileCheck %s

// A row's two words: one product makes two codes. Register tiles have no scales
// of groups: what is converted are sums of the whole K block.
// CHECK-LABEL: func @panels(
// CHECK: %[[BOTH:.*]] = arith.ori {{.*}} : vector<16xi32>
// CHECK: %[[SCALE:.*]] = vector.bitcast %{{.*}} : vector<16xi32> to vector<32xi16>
// CHECK: %[[CODES:.*]] = vector.bitcast %{{.*}} : vector<64xi8> to vector<32xi16>
// CHECK: %[[NEW:.*]] = arith.muli %[[CODES]], %{{.*}} : vector<32xi16>
// CHECK-NEXT: vector.bitcast %[[NEW]] : vector<32xi16> to vector<64xi8>
// CHECK-COUNT-96: rlx.dot {{.*}} below 46
// CHECK-NEXT: scf.yield
// CHECK-NOT: below 4
// CHECK: arith.sitofp
func.func @panels(%x: memref<60x256xf32>, %p: memref<5376xi8>, %y: memref<60x64xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q2k>, activations = i8, lanes = 16 : i64,
      tiles = #rlx.tiles<mr = 8, min_m_panel = 16, mr_panel = 6, mc = 516, nc = 64, kc = 256, nr_panel = 2, magic_numbers = true, min_m_prescaled = 16, prefetch_bytes = 4096>}
      : (memref<60x256xf32>, memref<5376xi8>, memref<60x64xf32>) -> ()
  return
}

// -----

// Of any M: few rows are multiplied with codes as they are stored.
// CHECK-LABEL: func @any(
// CHECK: arith.cmpi uge
// CHECK: scf.if
// CHECK: rlx.dot {{.*}} below 46
// CHECK: } else {
// CHECK-NOT: rlx.dot {{.*}} below 46
// CHECK: rlx.dot {{.*}} below 193
// CHECK: return
func.func @any(%x: memref<?x256xf32>, %p: memref<5376xi8>, %y: memref<?x64xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q2k>, activations = i8, lanes = 16 : i64,
      tiles = #rlx.tiles<mr = 8, min_m_panel = 16, mr_panel = 6, mc = 516, nc = 64, kc = 256, nr_panel = 2, magic_numbers = true, min_m_prescaled = 16, prefetch_bytes = 4096>}
      : (memref<?x256xf32>, memref<5376xi8>, memref<?x64xf32>) -> ()
  return
}

// -----

// Signed codes and scales: -124 to 128, whose least is subtracted.
// CHECK-LABEL: func @direct(
// CHECK: arith.muli {{.*}} : vector<32xi16>
// CHECK-NEXT: arith.addi {{.*}} : vector<32xi16>
// CHECK: rlx.dot {{.*}} below 253
func.func @direct(%x: memref<8x256xf32>, %p: memref<7296xi8>, %y: memref<8x64xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q3k>, activations = i8, lanes = 16 : i64,
      tiles = #rlx.tiles<mr = 8, min_m_panel = 16, mr_panel = 8, mc = 256, nc = 64, kc = 256, min_m_prescaled = 8>}
      : (memref<8x256xf32>, memref<7296xi8>, memref<8x64xf32>) -> ()
  return
}

// -----

// Products of q6_K do not fit: nothing changes.
// CHECK-LABEL: func @too_large(
// CHECK-NOT: arith.muli {{.*}} : vector<32xi16>
// CHECK: rlx.dot {{.*}} below 64
func.func @too_large(%x: memref<8x256xf32>, %p: memref<13440xi8>, %y: memref<8x64xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q6k>, activations = i8, lanes = 16 : i64,
      tiles = #rlx.tiles<mr = 8, min_m_panel = 16, mr_panel = 8, mc = 256, nc = 64, kc = 256, min_m_prescaled = 8>}
      : (memref<8x256xf32>, memref<13440xi8>, memref<8x64xf32>) -> ()
  return
}

// -----

// Nor for panels, which there are from the same M on.
// CHECK-LABEL: func @too_large_for_panels(
// CHECK: memref.alloc() {{.*}} : memref<4x64x64xi8>
// CHECK-NOT: arith.muli {{.*}} : vector<32xi16>
// CHECK: rlx.dot {{.*}} below 64
func.func @too_large_for_panels(%x: memref<60x256xf32>, %p: memref<13440xi8>, %y: memref<60x64xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q6k>, activations = i8, lanes = 16 : i64,
      tiles = #rlx.tiles<mr = 8, min_m_panel = 16, mr_panel = 8, mc = 256, nc = 64, kc = 256, min_m_prescaled = 16>}
      : (memref<60x256xf32>, memref<13440xi8>, memref<60x64xf32>) -> ()
  return
}
