// Activations of three bytes: products with each, which are put together before
// a scale multiplies them.
// RUN: rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni]>}" --rlx-blocks-to-loops --canonicalize | FileCheck %s

// Codes are the first two bytes and what these leave. A group's sum with all
// three bytes fits i32, where codes are as small as these.
// CHECK-LABEL: func @small(
// CHECK-DAG: arith.constant dense<-2.560000e+02> : vector<16xf32>
// CHECK-DAG: %[[CODES:.*]] = memref.alloc() {alignment = 64 : i64} : memref<1x8x3x64xi32>
// CHECK: vector.fma
// CHECK-COUNT-3: vector.store {{.*}}, %[[CODES]]
// CHECK: rlx.dot {{.*}} below 16
// CHECK: arith.shli {{.*}} : vector<16xi32>
// CHECK: arith.addi {{.*}} : vector<16xi32>
// CHECK: rlx.dot {{.*}} below 16
// CHECK: arith.shli {{.*}} : vector<16xi32>
// CHECK: arith.addi {{.*}} : vector<16xi32>
// CHECK: rlx.dot {{.*}} below 16
// CHECK: %[[NUMBER:.*]] = arith.sitofp {{.*}} : vector<16xi32> to vector<16xf32>
// CHECK-NEXT: arith.mulf %[[NUMBER]], {{.*}} : vector<16xf32>
func.func @small(%x: memref<8x256xf32>, %p: memref<2304xi8>, %y: memref<8x16xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4_0>, activations = i24, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2304, steps = [1], activation_group = 32>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 8, mc = 256, nc = 16, kc = 256, kernels = [<f32>]>}
      : (memref<8x256xf32>, memref<2304xi8>, memref<8x16xf32>) -> ()
  return
}

// -----

// Otherwise the last byte has a sum of its own.
// CHECK-LABEL: func @large(
// CHECK-COUNT-2: arith.sitofp {{.*}} : vector<16xi32> to vector<16xf32>
// CHECK: vector.fma
// CHECK: vector.fma
func.func @large(%x: memref<1x256xf32>, %p: memref<4352xi8>, %y: memref<1x16xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i24, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 4352, steps = [1], activation_group = 32>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 8, mc = 256, nc = 16, kc = 256, kernels = [<f32>]>}
      : (memref<1x256xf32>, memref<4352xi8>, memref<1x16xf32>) -> ()
  return
}

// -----

// One scale for a K block: sums of groups' products of the last byte are sums of
// their own where scales are integers; minima multiply sums of activations of
// four bytes, two by two.
// CHECK-LABEL: func @whole(
// CHECK-DAG: %[[WORD:.*]] = arith.constant dense<6.553600e+04> : vector<16xf32>
// CHECK-DAG: memref.alloc() {alignment = 64 : i64} : memref<1x1x4x8xi8>
// CHECK: arith.muli {{.*}} : vector<16xi32>
// CHECK: arith.muli {{.*}} : vector<16xi32>
// CHECK-COUNT-8: rlx.dot {{.*}} below 64
// CHECK: %[[LOW:.*]] = arith.sitofp
// CHECK: vector.fma %{{.*}}, %[[WORD]], %[[LOW]] : vector<16xf32>
func.func @whole(%x: memref<1x256xf32>, %p: memref<2368xi8>, %y: memref<1x16xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i24, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 8, mc = 256, nc = 16, kc = 256, kernels = [<i32>]>}
      : (memref<1x256xf32>, memref<2368xi8>, memref<1x16xf32>) -> ()
  return
}
