// Attention of the CPU: encoded caches to bytes, bytes to loops over blocks of
// positions, with no buffer that has the length of the cache.
// RUN: rlx-opt %s --rlx-import --rlx-layout --rlx-bufferize | FileCheck %s --check-prefix=BLOCK
// RUN: rlx-opt %s --rlx-import --rlx-layout --rlx-bufferize "--rlx-blocks-to-loops" | FileCheck %s --check-prefix=LOOPS
// Devices have contractions and a softmax.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<opencl>}" | FileCheck %s --check-prefix=DEVICE

// The rows of k are written where the cache is, as bytes.
// BLOCK-LABEL: func @step(
// BLOCK-SAME: %[[Q:[a-z0-9]+]]: memref<?x8x64xf32>, %[[ROWS:[a-z0-9]+]]: memref<?x2x64xf32>
// BLOCK-SAME: %[[K:[a-z0-9]+]]: memref<?x2x128xi8>
// BLOCK-SAME: %[[V:[a-z0-9]+]]: memref<?x2x64xf32>
// BLOCK: %[[PLACE:.*]] = memref.subview %[[K]][%{{.*}}, 0, 0] [%{{.*}}, 2, 128] [1, 1, 1]
// BLOCK-NOT: memref.copy
// BLOCK: rlx.block_quantize ins(%[[ROWS]]) outs(%[[PLACE]]) {scheme = #rlx.quant<f16>}
// BLOCK: rlx.block_attention ins(%[[Q]], %[[K]], %[[V]]) length(%{{.*}}) outs(%{{.*}}) {causal, k_scheme = #rlx.quant<f16>, scale = 1.250000e-01 : f64, v_scheme = #rlx.quant<f32>}

// LOOPS-LABEL: func @step(
// LOOPS-NOT: rlx.block_attention
// LOOPS-NOT: memref.alloc(%
// LOOPS: scf.forall
// The panel of a block of positions, transposed:
// LOOPS-DAG: memref.alloc() {alignment = 64 : i64} : memref<64x64xf32>
// LOOPS-DAG: memref.alloc() {alignment = 64 : i64} : memref<48x64xf32>
// LOOPS: rlx.decode %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] at 0 {scheme = #rlx.quant<f16>} : memref<?x2x128xi8> -> vector<16xf32>
// LOOPS: math.exp

// DEVICE-LABEL: func @step(
// DEVICE-NOT: rlx.block_attention
// DEVICE: rlx.dispatch
func.func @step(%q: tensor<?x8x64xf32>, %rows: tensor<?x2x64xf32>, %p: index,
                %k: tensor<?x2x64xf32, #rlx.quant<f16>> {rlx.state = "k"}, %v: tensor<?x2x64xf32>)
    -> (tensor<?x8x64xf32>, tensor<?x2x64xf32, #rlx.quant<f16>> {rlx.state = "k"}) {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %q, %c0 : tensor<?x8x64xf32>
  %n = arith.addi %p, %t : index
  %next = rlx.append %rows into %k at %p : tensor<?x2x64xf32> into tensor<?x2x64xf32, #rlx.quant<f16>>
  %y = rlx.attention %q, %next, %v length(%n) {causal}
      : (tensor<?x8x64xf32>, tensor<?x2x64xf32, #rlx.quant<f16>>, tensor<?x2x64xf32>, index) -> tensor<?x8x64xf32>
  return %y, %next : tensor<?x8x64xf32>, tensor<?x2x64xf32, #rlx.quant<f16>>
}
