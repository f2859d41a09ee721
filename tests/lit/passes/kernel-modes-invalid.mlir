// A kernel that cannot have the mode that its attribute names is an error that says why.
// RUN: rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni]>}" --rlx-blocks-to-loops --verify-diagnostics

func.func @pairs_of_one(%x: memref<64x96xf32>, %p: memref<960xi8>, %y: memref<64x16xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op cannot have a kernel of mode i16_pairs: group scales do not come in pairs}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4_1>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 32, group = 32, block_bytes = 320, steps = [1, 2]>,
      tiles = #rlx.tiles<mr = 4, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<f32, min_m_panel = 16, i16_pairs = true>]>}
      : (memref<64x96xf32>, memref<960xi8>, memref<64x16xf32>) -> ()
  return
}

// -----

func.func @pairs_of_i24(%x: memref<64x256xf32>, %p: memref<2560xi8>, %y: memref<64x16xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op cannot have a kernel of mode i16_pairs: activations are no i8}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4_1>, activations = i24, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2560, steps = [1, 2]>,
      tiles = #rlx.tiles<mr = 4, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<f32, min_m_panel = 16, i16_pairs = true>]>}
      : (memref<64x256xf32>, memref<2560xi8>, memref<64x16xf32>) -> ()
  return
}

// -----

func.func @pairs_of_i16(%x: memref<64x256xf32>, %p: memref<2560xi8>, %y: memref<64x16xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op cannot have a kernel of mode i16_pairs: activations are no i8}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4_1>, activations = i16, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2560, steps = [1, 2]>,
      tiles = #rlx.tiles<mr = 4, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<f32, min_m_panel = 16, i16_pairs = true>]>}
      : (memref<64x256xf32>, memref<2560xi8>, memref<64x16xf32>) -> ()
  return
}

// -----

func.func @too_large(%x: memref<8x256xf32>, %p: memref<3360xi8>, %y: memref<8x16xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op cannot have a kernel of mode prescaled: products of codes and scales do not fit a byte}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q6k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 16, block_bytes = 3360, header = [1], steps = [2]>,
      tiles = #rlx.tiles<mr = 4, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<i32>, <prescaled, min_m = 8, min_m_panel = 16>]>}
      : (memref<8x256xf32>, memref<3360xi8>, memref<8x16xf32>) -> ()
  return
}

// -----

func.func @integers(%x: memref<8x256xf32>, %p: memref<2368xi8>, %y: memref<8x16xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op cannot have a kernel of mode f32: group scales are no floats}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>,
      tiles = #rlx.tiles<mr = 4, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<f32>]>}
      : (memref<8x256xf32>, memref<2368xi8>, memref<8x16xf32>) -> ()
  return
}

// -----

func.func @floats(%x: memref<8x256xf32>, %p: memref<2560xi8>, %y: memref<8x16xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op cannot have a kernel of mode i32: group scales are no integers}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4_1>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2560, steps = [1, 2]>,
      tiles = #rlx.tiles<mr = 4, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<i32>]>}
      : (memref<8x256xf32>, memref<2560xi8>, memref<8x16xf32>) -> ()
  return
}

// -----

func.func @not_allowed(%x: memref<8x256xf32>, %p: memref<2368xi8>, %y: memref<8x16xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op cannot have a kernel of mode reencoded: the program does not allow it}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>,
      tiles = #rlx.tiles<mr = 4, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<i32>, <reencoded, min_m = 8, min_m_panel = 1>]>}
      : (memref<8x256xf32>, memref<2368xi8>, memref<8x16xf32>) -> ()
  return
}
