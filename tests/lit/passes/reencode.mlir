// Panels with 8-bit codes that have one scale a K block, made of a K block's scales and offsets in fixed point.
// RUN: rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni]>}" --rlx-blocks-to-loops --canonicalize | FileCheck %s

// 64 rows are many: the largest value of a K block, then codes by a product and a sum of 16 bits. Register tiles have
// nothing but products, whose sums are integers until the end.
// CHECK-LABEL: func @many(
// CHECK: memref.alloc() {alignment = 64 : i64} : memref<2x64x64xi8>
// CHECK: arith.maximumf
// CHECK: math.roundeven
// CHECK: arith.muli {{.*}} : vector<32xi16>
// CHECK: arith.addi {{.*}} : vector<32xi16>
// CHECK-COUNT-96: rlx.dot {{.*}} below 256
// CHECK-NOT: vector.fma
// CHECK: scf.yield
// CHECK: arith.sitofp
// CHECK-NOT: below 16
func.func @many(%x: memref<66x256xf32>, %p: memref<9472xi8>, %y: memref<66x64xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>, reencoded,
      tiles = #rlx.tiles<mr = 8, mr_panel = 6, mc = 516, nc = 32, kc = 256, kernels = [<i32>, <reencoded, min_m = 64, min_m_panel = 1>], nr_panel = 2>}
      : (memref<66x256xf32>, memref<9472xi8>, memref<66x64xf32>) -> ()
  return
}

// -----

// Few rows decode what is stored.
// CHECK-LABEL: func @few(
// CHECK-NOT: below 256
// CHECK: rlx.dot {{.*}} below 16
// CHECK-NOT: below 256
// CHECK: return
func.func @few(%x: memref<8x256xf32>, %p: memref<9472xi8>, %y: memref<8x64xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>, reencoded,
      tiles = #rlx.tiles<mr = 8, mr_panel = 6, mc = 516, nc = 32, kc = 256, kernels = [<i32>, <reencoded, min_m = 64, min_m_panel = 1>], nr_panel = 2>}
      : (memref<8x256xf32>, memref<9472xi8>, memref<8x64xf32>) -> ()
  return
}

// -----

// Where M is not known, it decides.
// CHECK-LABEL: func @any(
// CHECK: %[[M:.*]] = memref.dim
// CHECK: %[[MANY:.*]] = arith.cmpi uge, %[[M]], %c64
// CHECK: scf.if %[[MANY]]
// The next weights are asked for by as many register tiles as there are at least, some lines each.
// CHECK-COUNT-8: memref.prefetch
// CHECK-NOT: memref.prefetch
// CHECK: rlx.dot {{.*}} below 256
// CHECK: } else {
// CHECK: rlx.dot {{.*}} below 16
func.func @any(%x: memref<?x256xf32>, %p: memref<9472xi8>, %y: memref<?x64xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>, reencoded,
      tiles = #rlx.tiles<mr = 8, mr_panel = 6, mc = 516, nc = 32, kc = 256, kernels = [<i32>, <reencoded, min_m = 64, min_m_panel = 1>], nr_panel = 2>}
      : (memref<?x256xf32>, memref<9472xi8>, memref<?x64xf32>) -> ()
  return
}

// -----

// Experts have as many as they have on average: with three of them, 192 in all. An expert with one row has a panel
// then, and where there are fewer none has.
// CHECK-LABEL: func @experts(
// CHECK: %[[ALL:.*]] = arith.muli %{{.*}}, %c2
// CHECK: %[[MANY:.*]] = arith.cmpi uge, %[[ALL]], %c192
// CHECK: scf.if %[[MANY]]
// CHECK: memref.alloc() {alignment = 64 : i64} : memref<2x64x64xi8>
// CHECK: rlx.dot {{.*}} below 256
// CHECK: } else {
// CHECK-NOT: memref<2x64x64xi8>
// CHECK: rlx.dot {{.*}} below 16
// CHECK: return
func.func @experts(%x: memref<?x256xf32>, %p: memref<3x9472xi8>, %ids: memref<?x2xi32>, %y: memref<?x2x64xf32>) {
  rlx.packed_matmul ins(%x, %p, %ids) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>, reencoded,
      tiles = #rlx.tiles<mr = 8, mr_panel = 6, mc = 516, nc = 32, kc = 256, kernels = [<i32>, <reencoded, min_m = 64, min_m_panel = 1>], nr_panel = 2>}
      : (memref<?x256xf32>, memref<3x9472xi8>, memref<?x2xi32>, memref<?x2x64xf32>) -> ()
  return
}
