// Codes that are multiplied with integer scales before activations are
// multiplied with them. Products of q2_K are 0 to 45.
// RUN: rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni]>}" --rlx-blocks-to-loops --canonicalize | FileCheck %s

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
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q2k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 16, block_bytes = 1344, header = [1, 3], steps = [2], minimum = 4>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 6, mc = 516, nc = 64, kc = 256, kernels = [<magic>, <prescaled, min_m = 16, min_m_panel = 1>], nr_panel = 2, prefetch_bytes = 4096>}
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
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q2k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 16, block_bytes = 1344, header = [1, 3], steps = [2], minimum = 4>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 6, mc = 516, nc = 64, kc = 256, kernels = [<magic>, <prescaled, min_m = 16, min_m_panel = 1>], nr_panel = 2, prefetch_bytes = 4096>}
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
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q3k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 16, block_bytes = 1824, header = [1], steps = [2]>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 8, mc = 256, nc = 64, kc = 256, kernels = [<i32, min_m_panel = 16>, <prescaled, min_m = 8, min_m_panel = 16>]>}
      : (memref<8x256xf32>, memref<7296xi8>, memref<8x64xf32>) -> ()
  return
}
