// RUN: rlx-opt %s --rlx-blocks-to-loops --canonicalize --cse | FileCheck %s
// RUN: rlx-opt %s --rlx-blocks-to-loops --rlx-llvm | FileCheck %s --check-prefix=LLVM

// One pass: the largest magnitude as an integer, which a NaN is as well; a
// scale, codes, and the two nibbles of each byte.
// CHECK-LABEL: func @signed_max(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<8x64xf32>, %[[Q:[a-z0-9]+]]: memref<8x36xi8>
func.func @signed_max(%x: memref<8x64xf32>, %q: memref<8x36xi8>) {
  // CHECK: scf.forall (%[[N:.*]]) in (8)
  // CHECK: scf.for %[[K:.*]] = %c0 to %c64 step %c32
  // CHECK: %[[V:.*]] = vector.load %[[X]][%[[N]], %[[K]]] : memref<8x64xf32>, vector<32xf32>
  // CHECK: %[[MOST:.*]] = vector.reduction <maxsi>, %{{.*}} : vector<32xi32> into i32
  // CHECK: %[[BAD:.*]] = arith.cmpi sgt, %[[MOST]], %{{.*}} : i32
  // CHECK: scf.if %[[BAD]]
  // CHECK: rlx.check %false, "{{.*}}'rlx.quantize' expected finite numbers, but x[{}, {}] is not"(%{{.*}}, %{{.*}})
  // CHECK: math.cttz
  // CHECK: %[[FIRST:.*]] = memref.load %[[X]]
  // CHECK: %[[EXTREME:.*]] = arith.select %{{.*}}, %{{.*}}, %[[FIRST]] : f32
  // CHECK: arith.divf %[[EXTREME]], %{{.*}} : f32
  // CHECK: arith.truncf %{{.*}} : f32 to f16
  // CHECK: arith.mulf %[[V]], %{{.*}} : vector<32xf32>
  // CHECK: arith.fptosi %{{.*}} : vector<32xf32> to vector<32xi32>
  // CHECK: vector.store %{{.*}}, %[[Q]][%[[N]], %{{.*}}] : memref<8x36xi8>, vector<2xi8>
  // CHECK: vector.shuffle %{{.*}} [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] : vector<32xi8>
  // CHECK: vector.shuffle %{{.*}} [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] : vector<32xi8>
  // CHECK: arith.shli
  // CHECK: arith.ori
  // CHECK: vector.store %{{.*}}, %[[Q]][%[[N]], %{{.*}}] : memref<8x36xi8>, vector<16xi8>
  rlx.block_quantize ins(%x) outs(%q) {scheme = #rlx.quant<gguf_q4_0>}
      : (memref<8x64xf32>, memref<8x36xi8>) -> ()
  return
}

// A row with one scale: a loop for the extremes, one for the codes, in f64 where
// the nearest code counts.
// CHECK-LABEL: func @channel(
// CHECK-SAME: %{{.*}}, %[[Q:[a-z0-9]+]]: memref<8x320xi8>, %[[S:[a-z0-9]+]]: memref<8xf32>
func.func @channel(%x: memref<8x320xf32>, %q: memref<8x320xi8>, %s: memref<8xf32>) {
  // CHECK: scf.for %{{.*}} = %c0{{.*}} to %c320{{.*}} step %c64{{.*}} iter_args
  // CHECK: arith.maxsi
  // CHECK: memref.store %{{.*}}, %[[S]]
  // CHECK: scf.for %{{.*}} = %c0{{.*}} to %c320{{.*}} step %c64
  // CHECK: arith.divf %{{.*}} : vector<64xf64>
  // CHECK: vector.store %{{.*}}, %[[Q]]{{.*}}, vector<64xi8>
  rlx.block_quantize ins(%x) outs(%q, %s) {scheme = #rlx.quant<int8/channel>}
      : (memref<8x320xf32>, memref<8x320xi8>, memref<8xf32>) -> ()
  return
}

// What codes mean, without the codes in memory.
// CHECK-LABEL: func @fake(
// CHECK-SAME: %{{.*}}, %[[Y:[a-z0-9]+]]: memref<?x64xf32>
func.func @fake(%x: memref<?x64xf32>, %y: memref<?x64xf32>) {
  // CHECK: scf.forall
  // CHECK: arith.fptosi
  // CHECK: arith.sitofp
  // CHECK: vector.store %{{.*}}, %[[Y]]{{.*}}, vector<32xf32>
  rlx.block_fake_quantize ins(%x) outs(%y) {scheme = #rlx.quant<gguf_q8_0>}
      : (memref<?x64xf32>, memref<?x64xf32>) -> ()
  return
}

// Searches, and scales that rows share, are the host's.
// CHECK-LABEL: func @search
// LLVM-LABEL: llvm.func @search
func.func @search(%x: memref<8x256xf32>, %q: memref<8x144xi8>, %p: memref<8x256xi8>, %s: memref<1xf32>, %y: memref<8x256xf32>) {
  // CHECK: rlx.block_quantize
  // LLVM: llvm.call @rlx_quantize_rows
  rlx.block_quantize ins(%x) outs(%q) {scheme = #rlx.quant<gguf_q4k>}
      : (memref<8x256xf32>, memref<8x144xi8>) -> ()
  // CHECK: rlx.block_quantize
  // LLVM: llvm.call @rlx_quantize_rows
  rlx.block_quantize ins(%x) outs(%p, %s) {scheme = #rlx.quant<int8/tensor>}
      : (memref<8x256xf32>, memref<8x256xi8>, memref<1xf32>) -> ()
  // CHECK: rlx.block_fake_quantize
  // LLVM: llvm.call @rlx_fake_quantize_rows
  rlx.block_fake_quantize ins(%x) outs(%y) {scheme = #rlx.quant<gguf_q6k>}
      : (memref<8x256xf32>, memref<8x256xf32>) -> ()
  return
}
