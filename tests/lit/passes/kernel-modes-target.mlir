// Modes that depend on the target: without pairs of i16, and where rows must not depend on how many there are.
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx2]>}" --rlx-blocks-to-loops 2>&1 | FileCheck %s --check-prefix=LACKS
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni], deterministic = true>}" --rlx-blocks-to-loops 2>&1 | FileCheck %s --check-prefix=SAME
// LACKS: error: 'rlx.packed_matmul' op cannot have a kernel of mode i16_pairs: the target does not multiply pairs of i16 in such vectors
// SAME: error: 'rlx.packed_matmul' op cannot have a kernel of mode i16_pairs: rows through a panel would differ from others, which 'deterministic' forbids
func.func @pairs(%x: memref<64x256xf32>, %p: memref<2368xi8>, %y: memref<64x16xf32>) {
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>,
      tiles = #rlx.tiles<mr = 4, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<i32, min_m_panel = 16, i16_pairs = true>]>}
      : (memref<64x256xf32>, memref<2368xi8>, memref<64x16xf32>) -> ()
  return
}
