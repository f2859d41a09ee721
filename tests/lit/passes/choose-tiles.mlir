// RUN: rlx-opt %s --rlx-choose-tiles=instructions=avx512vnni | FileCheck %s --check-prefix=WIDE
// RUN: rlx-opt %s --rlx-choose-tiles="instructions=avx512vnni pair-groups=false" | FileCheck %s --check-prefix=ALONE
// RUN: rlx-opt %s --rlx-choose-tiles="instructions=avx512vnni print-choices" 2>&1 | FileCheck %s --check-prefix=PAIRED
// RUN: rlx-opt %s --rlx-choose-tiles=instructions=avx512bf16 | FileCheck %s --check-prefix=PAIRS
// RUN: rlx-opt %s --rlx-choose-tiles="vector-length=8 vector-registers=16 instructions=avx2" | FileCheck %s --check-prefix=NARROW
// RUN: rlx-opt %s --rlx-choose-tiles="panel-from=32 rows=4 print-choices" 2>&1 | FileCheck %s --check-prefix=GIVEN
// RUN: rlx-opt %s --rlx-choose-tiles="instructions=avx512vnni shared-ports print-choices" 2>&1 | FileCheck %s --check-prefix=FLOATS
// RUN: rlx-opt %s --rlx-choose-tiles="instructions=avx512vnni shared-ports" | FileCheck %s --check-prefix=SHARED
// RUN: rlx-opt %s --rlx-choose-tiles="instructions=avx512vnni shared-ports float-sums=false" | FileCheck %s --check-prefix=EXACT
// RUN: rlx-opt %s --rlx-choose-tiles="instructions=avx512vnni scaled-codes=false" | FileCheck %s --check-prefix=UNSCALED
// RUN: rlx-opt %s --rlx-choose-tiles="instructions=avx512vnni print-choices" 2>&1 | FileCheck %s --check-prefix=SCALED
// RUN: not rlx-opt %s --rlx-choose-tiles="panel-tiles=9" 2>&1 | FileCheck %s --check-prefix=TILES
// RUN: not rlx-opt %s --rlx-choose-tiles="ahead=-1" 2>&1 | FileCheck %s --check-prefix=AHEAD
// RUN: not rlx-opt %s --rlx-choose-tiles="rows=99" 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: not rlx-opt %s --rlx-choose-tiles="height=12" 2>&1 | FileCheck %s --check-prefix=HEIGHT

// WRONG: error: expected rows to be 1 to 32, but got 99
// HEIGHT: error: expected height to be a multiple of panel_rows, 8, but got 12

// TILES: error: expected panel_tiles to be 1 to 4, but got 9
// AHEAD: error: expected ahead to be 0 to 16777216, but got -1

// FLOATS: remark: tiles for 'gguf_q4k': {{.*}}: all vector operations share the ports of products: {{.*}}; sums of products are floats from the start, which rounds their last bits

// PAIRED: remark: tiles for 'gguf_q4k': {{.*}}; panels multiply groups in pairs, which rounds scales and sums of products to 16 bits

// Four bits are decoded beside the products; fewer registers, fewer rows.
// WIDE-LABEL: func @packed
// WIDE: tiles = #rlx.tiles<rows = 8, panel_from = 256, panel_rows = 4, height = 512, columns = 128, depth = 256, pairs = true>
// ALONE-LABEL: func @packed
// ALONE: tiles = #rlx.tiles<rows = 8, panel_from = 256, panel_rows = 8, height = 512, columns = 128, depth = 256>
// Where products share their ports with all else, panels pay earlier, and their
// register tiles are four tiles wide, or as many as are stored together.
// SHARED-LABEL: func @packed
// SHARED: tiles = #rlx.tiles<rows = 8, panel_from = {{[0-9]+}}, panel_rows = 3, height = 513, columns = 128, depth = 256, panel_tiles = 4, float_sums = true, ahead = 4096>
// EXACT-LABEL: func @packed
// EXACT: tiles = #rlx.tiles<rows = 8, panel_from = {{[0-9]+}}, panel_rows = 3, height = 513, columns = 128, depth = 256, panel_tiles = 4, ahead = 4096>
// NARROW-LABEL: func @packed
// NARROW: tiles = #rlx.tiles<rows = 4, panel_from = {{[0-9]+}}, panel_rows = 4,
// GIVEN: remark: tiles for 'gguf_q4k': #rlx.tiles<rows = 4, panel_from = 32, panel_rows = {{.*}}: decoding takes {{[0-9]+}} operations a chunk, loading from a panel {{[0-9]+}}, a row
func.func @packed(%x: tensor<?x512xf32>, %w: tensor<1212416xi8>, %y: tensor<?x4096xf32>) -> tensor<?x4096xf32> {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, lanes = 16 : i64} : (tensor<?x512xf32>, tensor<1212416xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  return %0 : tensor<?x4096xf32>
}

// Activations of two bytes have two sums.
// WIDE-LABEL: func @two_bytes
// WIDE: tiles = #rlx.tiles<rows = 6, panel_from = 256, panel_rows = 4, height = 256, columns = 128, depth = 256>
func.func @two_bytes(%x: tensor<?x512xf32>, %w: tensor<1212416xi8>, %y: tensor<?x4096xf32>) -> tensor<?x4096xf32> {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i16, lanes = 16 : i64} : (tensor<?x512xf32>, tensor<1212416xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  return %0 : tensor<?x4096xf32>
}

// Panels that requantize have one sum a row, more rows, and pay later.
// FLOATS: remark: tiles for 'gguf_q4k': {{.*}} sums of 6 rows 24 of 32 registers; from M = [[FROM:[0-9]+]] on weights are requantized{{$}}
// FLOATS: panel_from = [[FROM]], panel_rows = 6, height = 516, {{.*}}, panel_tiles = 4
// WIDE-LABEL: func @requantized
// WIDE: tiles = #rlx.tiles<rows = 8, panel_from = {{[0-9]+}}, panel_rows = 8, height = 512, columns = 128, depth = 256, panel_tiles = 2>
func.func @requantized(%x: tensor<?x512xf32>, %w: tensor<1212416xi8>, %y: tensor<?x4096xf32>) -> tensor<?x4096xf32> {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, lanes = 16 : i64, requantized} : (tensor<?x512xf32>, tensor<1212416xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  return %0 : tensor<?x4096xf32>
}

// Where M is known and large, sums of half as many columns wait beside panels.
// WIDE-LABEL: func @many_rows
// WIDE: tiles = #rlx.tiles<rows = 6, panel_from = 256, panel_rows = 4, height = 256, columns = 64, depth = 256>
func.func @many_rows(%x: tensor<512x14336xf32>, %w: tensor<33947648xi8>, %y: tensor<512x4096xf32>) -> tensor<512x4096xf32> {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i16, lanes = 16 : i64} : (tensor<512x14336xf32>, tensor<33947648xi8>, tensor<512x4096xf32>) -> tensor<512x4096xf32>
  return %0 : tensor<512x4096xf32>
}

// Few rows, a narrow panel; many, a wide one. What is written stays.
// WIDE-LABEL: func @in_place
// WIDE: tiles = #rlx.tiles<rows = 1, panel_from = 2, panel_rows = 12, height = 0, columns = 64, depth = 64>
// WIDE: tiles = #rlx.tiles<rows = 1, panel_from = 2, panel_rows = 12, height = 0, columns = 512, depth = 64>
// WIDE: tiles = #rlx.tiles<rows = 1, panel_from = 9,
// SHARED-LABEL: func @in_place
// SHARED: tiles = #rlx.tiles<rows = 1, panel_from = 2, panel_rows = 6, height = 0, columns = 64, depth = 64, panel_tiles = 2>
// NARROW-LABEL: func @in_place
// NARROW: tiles = #rlx.tiles<rows = 1, panel_from = 2, panel_rows = 4,
func.func @in_place(%x: tensor<3x64xf32>, %m: tensor<?x64xf32>, %w: tensor<4096x68xi8>, %y: tensor<3x4096xf32>, %z: tensor<?x4096xf32>) -> (tensor<3x4096xf32>, tensor<?x4096xf32>, tensor<3x4096xf32>) {
  %0 = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (tensor<3x64xf32>, tensor<4096x68xi8>, tensor<3x4096xf32>) -> tensor<3x4096xf32>
  %1 = rlx.block_matmul ins(%m, %w) outs(%z) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (tensor<?x64xf32>, tensor<4096x68xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  %2 = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32, tiles = #rlx.tiles<rows = 1, panel_from = 9, panel_rows = 4, height = 0, columns = 64, depth = 256>} : (tensor<3x64xf32>, tensor<4096x68xi8>, tensor<3x4096xf32>) -> tensor<3x4096xf32>
  return %0, %1, %2 : tensor<3x4096xf32>, tensor<?x4096xf32>, tensor<3x4096xf32>
}

// Panels of bf16 are twice as deep, where pairs of it are multiplied.
// WIDE-LABEL: func @bf16
// WIDE: columns = 512, depth = 256>
// PAIRS-LABEL: func @bf16
// PAIRS: columns = 512, depth = 512>
func.func @bf16(%x: tensor<64x4096xf32>, %w: tensor<4096x4352xi8>, %y: tensor<64x4096xf32>) -> tensor<64x4096xf32> {
  %0 = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = bf16} : (tensor<64x4096xf32>, tensor<4096x4352xi8>, tensor<64x4096xf32>) -> tensor<64x4096xf32>
  return %0 : tensor<64x4096xf32>
}

// Eight rows are two register tiles of four, not six and two.
// WIDE-LABEL: func @eight_rows
// WIDE: tiles = #rlx.tiles<rows = 4,
func.func @eight_rows(%x: tensor<8x512xf32>, %w: tensor<1212416xi8>, %y: tensor<8x4096xf32>) -> tensor<8x4096xf32> {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i16, lanes = 16 : i64} : (tensor<8x512xf32>, tensor<1212416xi8>, tensor<8x4096xf32>) -> tensor<8x4096xf32>
  return %0 : tensor<8x4096xf32>
}

// Products of codes and scales fit bytes, so that groups need no pairs and sums
// are exact: from some rows on, where register tiles read what is stored, or
// from as many as share a panel.
// SCALED: remark: tiles for 'gguf_q2k': {{.*}}; from M = 8 on codes are multiplied with their scales first
// WIDE-LABEL: func @scaled
// WIDE: scaled_from = 8>
// WIDE: panel_from = [[FROM:[0-9]+]], {{.*}} scaled_from = [[FROM]]>
// ALONE-LABEL: func @scaled
// ALONE: scaled_from
// SHARED-LABEL: func @scaled
// SHARED: scaled_from = 8, ahead = 4096>
// SHARED: panel_from = [[FROM:[0-9]+]], {{.*}} scaled_from = [[FROM]], ahead
// NARROW-LABEL: func @scaled
// NARROW: scaled_from = 8>
// UNSCALED-LABEL: func @scaled
// UNSCALED-NOT: scaled_from
func.func @scaled(%x: tensor<8x512xf32>, %any: tensor<?x512xf32>, %w: tensor<688128xi8>, %y: tensor<8x4096xf32>, %z: tensor<?x4096xf32>) -> (tensor<8x4096xf32>, tensor<?x4096xf32>) {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q2k>, activations = i8, lanes = 16 : i64} : (tensor<8x512xf32>, tensor<688128xi8>, tensor<8x4096xf32>) -> tensor<8x4096xf32>
  %1 = rlx.packed_matmul ins(%any, %w) outs(%z) {scheme = #rlx.quant<gguf_q2k>, activations = i8, lanes = 16 : i64} : (tensor<?x512xf32>, tensor<688128xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  return %0, %1 : tensor<8x4096xf32>, tensor<?x4096xf32>
}

// Rows that may be few are multiplied with codes as stored: as many as their
// sums leave registers for. Sums of scaled codes are fewer.
// WIDE-LABEL: func @scaled_words
// WIDE: rows = 8, {{.*}} scaled_from = 8>
// WIDE: rows = 6, {{.*}} scaled_from
func.func @scaled_words(%x: tensor<8x512xf32>, %any: tensor<?x512xf32>, %w: tensor<933888xi8>, %y: tensor<8x4096xf32>, %z: tensor<?x4096xf32>) -> (tensor<8x4096xf32>, tensor<?x4096xf32>) {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q3k>, activations = i16, lanes = 16 : i64} : (tensor<8x512xf32>, tensor<933888xi8>, tensor<8x4096xf32>) -> tensor<8x4096xf32>
  %1 = rlx.packed_matmul ins(%any, %w) outs(%z) {scheme = #rlx.quant<gguf_q3k>, activations = i16, lanes = 16 : i64} : (tensor<?x512xf32>, tensor<933888xi8>, tensor<?x4096xf32>) -> tensor<?x4096xf32>
  return %0, %1 : tensor<8x4096xf32>, tensor<?x4096xf32>
}
