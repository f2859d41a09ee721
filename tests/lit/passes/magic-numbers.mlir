// Sums of products that are floats from the start: 1262485504 are the bits of
// 1.5 * 2^23, which is subtracted times the scales of a K block.
// RUN: rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni]>}" --rlx-blocks-to-loops --canonicalize | FileCheck %s

// Codes of 4 bits lie highest in their bytes. Sums of a bias start from it too;
// panels keep what corrects the sums, six rows times two tiles begin with it.
// CHECK-LABEL: func @bias(
// CHECK: arith.constant 1262485504 : i32
// CHECK: memref.alloc() {alignment = 64 : i64} : memref<4x1x16xf32>
// CHECK: rlx.extract_bits {{.*}} width 4 : vector<64xi8>
// CHECK: vector.fma {{.*}} : vector<16xf32>
// CHECK-COUNT-96: rlx.dot {{.*}} below 241
// CHECK: vector.bitcast %{{.*}} : vector<16xi32> to vector<16xf32>
// CHECK-NOT: arith.sitofp
// CHECK: scf.yield
func.func @bias(%x: memref<60x256xf32>, %p: memref<9216xi8>, %y: memref<60x64xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2304, steps = [1]>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 6, mc = 516, nc = 64, kc = 256, kernels = [<magic, min_m_panel = 16>], nr_panel = 2, prefetch_bytes = 4096>}
      : (memref<60x256xf32>, memref<9216xi8>, memref<60x64xf32>) -> ()
  return
}

// -----

// Without a bias all start from a constant. Without a panel the scales are
// summed up beside the products; weights are asked for 4096 bytes ahead.
// CHECK-LABEL: func @direct(
// CHECK: arith.constant dense<1262485504> : vector<16xi32>
// CHECK: memref.prefetch {{.*}}, read, locality<3>, data
// CHECK: rlx.dot {{.*}} below 241
// CHECK: arith.addf
// CHECK: vector.fma
func.func @direct(%x: memref<2x256xf32>, %p: memref<9472xi8>, %y: memref<2x64xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 6, mc = 516, nc = 64, kc = 256, kernels = [<magic, min_m_panel = 16>], nr_panel = 2, prefetch_bytes = 4096>}
      : (memref<2x256xf32>, memref<9472xi8>, memref<2x64xf32>) -> ()
  return
}

// -----

// Of two bytes, the last one's sums start as floats. Those of the other count
// 256 times as much, so that they are converted.
// CHECK-LABEL: func @two_bytes(
// CHECK-DAG: arith.constant dense<1262485504> : vector<16xi32>
// CHECK-DAG: arith.constant dense<2.560000e+02> : vector<16xf32>
// CHECK: rlx.dot {{.*}} below 241
// CHECK: arith.mulf
// CHECK: arith.sitofp
// CHECK: vector.fma
// CHECK: vector.bitcast %{{.*}} : vector<16xi32> to vector<16xf32>
// CHECK: vector.fma
func.func @two_bytes(%x: memref<2x256xf32>, %p: memref<9472xi8>, %y: memref<2x64xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i16, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<magic, min_m_panel = 16>], nr_panel = 2, prefetch_bytes = 4096>}
      : (memref<2x256xf32>, memref<9472xi8>, memref<2x64xf32>) -> ()
  return
}
