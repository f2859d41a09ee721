// Groups two a lane, which an instruction for pairs of i16 multiplies with their
// scales.
// RUN: rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni]>}" --rlx-blocks-to-loops --canonicalize | FileCheck %s

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
func.func @integers(%x: memref<64x256xf32>, %p: memref<2368xi8>, %y: memref<64x16xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<i32, min_m_panel = 16, i16_pairs = true>]>}
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
func.func @floats(%x: memref<64x256xf32>, %p: memref<2560xi8>, %y: memref<64x16xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4_1>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2560, steps = [1, 2]>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<f32, min_m_panel = 16, i16_pairs = true>]>}
      : (memref<64x256xf32>, memref<2560xi8>, memref<64x16xf32>) -> ()
  return
}
