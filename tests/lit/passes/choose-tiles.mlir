// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni]>}" --rlx-choose-tiles | FileCheck %s --check-prefix=WIDE
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni], i16_pairs = false>}" --rlx-choose-tiles | FileCheck %s --check-prefix=ALONE
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni]>}" --rlx-choose-tiles=print-choices 2>&1 | FileCheck %s --check-prefix=PAIRED
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512bf16]>}" --rlx-choose-tiles | FileCheck %s --check-prefix=PAIRS
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = 256, vector_registers = 16, features = [avx2]>}" --rlx-choose-tiles | FileCheck %s --check-prefix=NARROW
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<min_m_panel = 32, mr = 4>}" --rlx-choose-tiles=print-choices 2>&1 | FileCheck %s --check-prefix=GIVEN
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni], two_vector_ports = true>}" --rlx-choose-tiles=print-choices 2>&1 | FileCheck %s --check-prefix=FLOATS
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni], two_vector_ports = true>}" --rlx-choose-tiles | FileCheck %s --check-prefix=SHARED
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni], two_vector_ports = true, magic_numbers = false>}" --rlx-choose-tiles | FileCheck %s --check-prefix=EXACT
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni], prescaled_weights = false>}" --rlx-choose-tiles | FileCheck %s --check-prefix=UNSCALED
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni]>}" --rlx-choose-tiles=print-choices 2>&1 | FileCheck %s --check-prefix=SCALED
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<nr_panel = 9>}" --rlx-choose-tiles 2>&1 | FileCheck %s --check-prefix=TILES
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<prefetch_bytes = -1>}" --rlx-choose-tiles 2>&1 | FileCheck %s --check-prefix=PREFETCH
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<mr = 99>}" --rlx-choose-tiles 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<mc = 12>}" --rlx-choose-tiles 2>&1 | FileCheck %s --check-prefix=MC

// WRONG: error: expected mr to be 0 to 32, but got 99
// MC: error: expected mc to be a multiple of mr_panel, 8, but got 12

// TILES: error: expected nr_panel to be 0 to 4, but got 9
// PREFETCH: error: expected prefetch_bytes to be 0 to 16777216, but got -1

// FLOATS: remark: tiles for 'gguf_q4k': {{.*}}: all vector operations share the ports of products: {{.*}}; sums of products are floats from the start, which rounds their last bits

// PAIRED: remark: tiles for 'gguf_q4k': {{.*}}; panels multiply groups in pairs, which rounds scales and sums of products to 16 bits

// Four bits are decoded beside the products; fewer registers, fewer rows.
// WIDE-LABEL: func @packed
// WIDE: tiles = #rlx.tiles<mr = 8, mr_panel = 4, mc = 512, nc = 128, kc = 256, kernels = [<i32, min_m_panel = 256, i16_pairs = true>]>
// ALONE-LABEL: func @packed
// ALONE: tiles = #rlx.tiles<mr = 8, mr_panel = 8, mc = 512, nc = 128, kc = 256, kernels = [<i32, min_m_panel = 256>]>
// Where products share their ports with all else, panels pay earlier, and their
// register tiles are four tiles wide, or as many as are stored together.
// SHARED-LABEL: func @packed
// SHARED: tiles = #rlx.tiles<mr = 8, mr_panel = 3, mc = 513, nc = 128, kc = 256, kernels = [<magic, min_m_panel = {{[0-9]+}}>], nr_panel = 4, prefetch_bytes = 4096>
// EXACT-LABEL: func @packed
// EXACT: tiles = #rlx.tiles<mr = 8, mr_panel = 3, mc = 513, nc = 128, kc = 256, kernels = [<i32, min_m_panel = {{[0-9]+}}>], nr_panel = 4, prefetch_bytes = 4096>
// NARROW-LABEL: func @packed
// NARROW: tiles = #rlx.tiles<mr = 4, mr_panel = 4,
// GIVEN: remark: tiles for 'gguf_q4k': #rlx.tiles<mr = 4, {{.*}} min_m_panel = 32{{.*}}: decoding takes {{[0-9]+}} operations a K step, loading from a panel {{[0-9]+}}, a row
func.func @packed(%x: tensor<?x512xf32>, %w: tensor<1212416xi8>, %y: tensor<?x4096xf32>) -> tensor<?x4096xf32> {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>} : (tensor<?x512xf32>, tensor<1212416xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  return %0 : tensor<?x4096xf32>
}

// Activations of two bytes have two sums.
// WIDE-LABEL: func @two_bytes
// WIDE: tiles = #rlx.tiles<mr = 6, mr_panel = 4, mc = 256, nc = 128, kc = 256, kernels = [<i32, min_m_panel = 256>]>
func.func @two_bytes(%x: tensor<?x512xf32>, %w: tensor<1212416xi8>, %y: tensor<?x4096xf32>) -> tensor<?x4096xf32> {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i16, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>} : (tensor<?x512xf32>, tensor<1212416xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  return %0 : tensor<?x4096xf32>
}

// Panels that reencode have one sum a row, more rows, and pay later.
// FLOATS: remark: tiles for 'gguf_q4k': {{.*}} sums of 6 rows 24 of 32 registers; from M = [[FROM:[0-9]+]] on weights are reencoded{{$}}
// FLOATS: mr_panel = 6, mc = 516, {{.*}}, kernels = [<magic>, <reencoded, min_m = [[FROM]], min_m_panel = 1>], nr_panel = 4
// WIDE-LABEL: func @reencoded
// WIDE: tiles = #rlx.tiles<mr = 8, mr_panel = 8, mc = 512, nc = 128, kc = 256, kernels = [<i32>, <reencoded, min_m = {{[0-9]+}}, min_m_panel = 1>], nr_panel = 2>
func.func @reencoded(%x: tensor<?x512xf32>, %w: tensor<1212416xi8>, %y: tensor<?x4096xf32>) -> tensor<?x4096xf32> {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>, reencoded} : (tensor<?x512xf32>, tensor<1212416xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  return %0 : tensor<?x4096xf32>
}

// Where M is known and large, sums of half as many columns wait beside panels.
// WIDE-LABEL: func @many_rows
// WIDE: tiles = #rlx.tiles<mr = 6, mr_panel = 4, mc = 256, nc = 64, kc = 256, kernels = [<i32, min_m_panel = 256>]>
func.func @many_rows(%x: tensor<512x14336xf32>, %w: tensor<33947648xi8>, %y: tensor<512x4096xf32>) -> tensor<512x4096xf32> {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i16, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>} : (tensor<512x14336xf32>, tensor<33947648xi8>, tensor<512x4096xf32>) -> tensor<512x4096xf32>
  return %0 : tensor<512x4096xf32>
}

// Few rows, a narrow panel; many, a wide one. What is written stays.
// WIDE-LABEL: func @in_place
// WIDE: tiles = #rlx.tiles<mr = 1, mr_panel = 12, mc = 0, nc = 64, kc = 64, kernels = [<decoded, min_m_panel = 2>]>
// WIDE: tiles = #rlx.tiles<mr = 1, mr_panel = 12, mc = 0, nc = 512, kc = 64, kernels = [<decoded, min_m_panel = 2>]>
// WIDE: kernels = [<decoded, min_m_panel = 9>]>
// SHARED-LABEL: func @in_place
// SHARED: tiles = #rlx.tiles<mr = 1, mr_panel = 6, mc = 0, nc = 64, kc = 64, kernels = [<decoded, min_m_panel = 2>], nr_panel = 2>
// NARROW-LABEL: func @in_place
// NARROW: tiles = #rlx.tiles<mr = 1, mr_panel = 4,
func.func @in_place(%x: tensor<3x64xf32>, %m: tensor<?x64xf32>, %w: tensor<4096x68xi8>, %y: tensor<3x4096xf32>, %z: tensor<?x4096xf32>) -> (tensor<3x4096xf32>, tensor<?x4096xf32>, tensor<3x4096xf32>) {
  %0 = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (tensor<3x64xf32>, tensor<4096x68xi8>, tensor<3x4096xf32>) -> tensor<3x4096xf32>
  %1 = rlx.block_matmul ins(%m, %w) outs(%z) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (tensor<?x64xf32>, tensor<4096x68xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  %2 = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32, tiles = #rlx.tiles<mr = 1, mr_panel = 4, mc = 0, nc = 64, kc = 256, kernels = [<decoded, min_m_panel = 9>]>} : (tensor<3x64xf32>, tensor<4096x68xi8>, tensor<3x4096xf32>) -> tensor<3x4096xf32>
  return %0, %1, %2 : tensor<3x4096xf32>, tensor<?x4096xf32>, tensor<3x4096xf32>
}

// Panels of bf16 are twice as deep, where pairs of it are multiplied.
// WIDE-LABEL: func @bf16
// WIDE: nc = 512, kc = 256, kernels
// PAIRS-LABEL: func @bf16
// PAIRS: nc = 512, kc = 512, kernels
func.func @bf16(%x: tensor<64x4096xf32>, %w: tensor<4096x4352xi8>, %y: tensor<64x4096xf32>) -> tensor<64x4096xf32> {
  %0 = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = bf16} : (tensor<64x4096xf32>, tensor<4096x4352xi8>, tensor<64x4096xf32>) -> tensor<64x4096xf32>
  return %0 : tensor<64x4096xf32>
}

// Eight rows are two register tiles of four, not six and two.
// WIDE-LABEL: func @eight_rows
// WIDE: tiles = #rlx.tiles<mr = 4,
func.func @eight_rows(%x: tensor<8x512xf32>, %w: tensor<1212416xi8>, %y: tensor<8x4096xf32>) -> tensor<8x4096xf32> {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i16, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>} : (tensor<8x512xf32>, tensor<1212416xi8>, tensor<8x4096xf32>) -> tensor<8x4096xf32>
  return %0 : tensor<8x4096xf32>
}

// Products of codes and scales fit bytes, so that groups need no pairs and sums
// are exact: from some rows on, where register tiles read what is stored, or
// from as many as share a panel.
// SCALED: remark: tiles for 'gguf_q2k': {{.*}}; from M = 8 on codes are multiplied with their scales first
// WIDE-LABEL: func @scaled
// WIDE: kernels = [<i32, min_m_panel = [[PANEL:[0-9]+]]>, <prescaled, min_m = 8, min_m_panel = [[PANEL]]>]>
// WIDE: kernels = [<i32>, <prescaled, min_m = {{[0-9]+}}, min_m_panel = 1>]>
// ALONE-LABEL: func @scaled
// ALONE: <prescaled
// SHARED-LABEL: func @scaled
// SHARED: kernels = [<magic, min_m_panel = {{[0-9]+}}>, <prescaled, min_m = 8,
// SHARED: kernels = [<magic>, <prescaled, min_m = {{[0-9]+}}, min_m_panel = 1>]
// NARROW-LABEL: func @scaled
// NARROW: <prescaled, min_m = 8,
// UNSCALED-LABEL: func @scaled
// UNSCALED-NOT: prescaled
func.func @scaled(%x: tensor<8x512xf32>, %any: tensor<?x512xf32>, %w: tensor<688128xi8>, %y: tensor<8x4096xf32>, %z: tensor<?x4096xf32>) -> (tensor<8x4096xf32>, tensor<?x4096xf32>) {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q2k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 16, block_bytes = 1344, header = [1, 3], steps = [2], minimum = 4>} : (tensor<8x512xf32>, tensor<688128xi8>, tensor<8x4096xf32>) -> tensor<8x4096xf32>
  %1 = rlx.packed_matmul ins(%any, %w) outs(%z) {scheme = #rlx.quant<gguf_q2k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 16, block_bytes = 1344, header = [1, 3], steps = [2], minimum = 4>} : (tensor<?x512xf32>, tensor<688128xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  return %0, %1 : tensor<8x4096xf32>, tensor<?x4096xf32>
}

// Rows that may be few are multiplied with codes as stored: as many as their
// sums leave registers for. Sums of prescaled codes are fewer.
// WIDE-LABEL: func @scaled_words
// WIDE: mr = 8, {{.*}} <prescaled, min_m = 8,
// WIDE: mr = 6, {{.*}} <prescaled
func.func @scaled_words(%x: tensor<8x512xf32>, %any: tensor<?x512xf32>, %w: tensor<933888xi8>, %y: tensor<8x4096xf32>, %z: tensor<?x4096xf32>) -> (tensor<8x4096xf32>, tensor<?x4096xf32>) {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q3k>, activations = i16, layout = #rlx.packed<lanes = 16, k_block = 256, group = 16, block_bytes = 1824, header = [1], steps = [2]>} : (tensor<8x512xf32>, tensor<933888xi8>, tensor<8x4096xf32>) -> tensor<8x4096xf32>
  %1 = rlx.packed_matmul ins(%any, %w) outs(%z) {scheme = #rlx.quant<gguf_q3k>, activations = i16, layout = #rlx.packed<lanes = 16, k_block = 256, group = 16, block_bytes = 1824, header = [1], steps = [2]>} : (tensor<?x512xf32>, tensor<933888xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  return %0, %1 : tensor<8x4096xf32>, tensor<?x4096xf32>
}
