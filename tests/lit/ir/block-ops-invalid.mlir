// RUN: rlx-opt %s --split-input-file --verify-diagnostics

func.func @maps(%x: memref<1x64xf32>, %w: memref<8x68xi8>, %r: memref<1x8xf32>, %y: memref<1x8xf32>) {
  // expected-error@+1 {{expected a map for each of 1 inputs of the epilogue, but got 0}}
  rlx.block_matmul ins(%x, %w) epilogue(%r) [] {
  ^bb0(%a: f32, %b: f32):
    rlx.yield %a : f32
  } outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<1x64xf32>, memref<8x68xi8>, memref<1x8xf32>, memref<1x8xf32>) -> ()
  return
}

// -----

func.func @transposed(%x: memref<8x64xf32>, %w: memref<8x68xi8>, %r: memref<8x8xf32>, %y: memref<8x8xf32>) {
  // expected-error@+1 {{expected the map of input 0 of the epilogue to take dimensions of the result in their order, or constants, but got affine_map<(d0, d1) -> (d1, d0)>}}
  rlx.block_matmul ins(%x, %w) epilogue(%r) [affine_map<(m, n) -> (n, m)>] {
  ^bb0(%a: f32, %b: f32):
    rlx.yield %a : f32
  } outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<8x64xf32>, memref<8x68xi8>, memref<8x8xf32>, memref<8x8xf32>) -> ()
  return
}

// -----

func.func @arguments(%x: memref<8x64xf32>, %w: memref<8x68xi8>, %r: memref<8x8xf16>, %y: memref<8x8xf32>) {
  // expected-error@+1 {{expected argument 1 of the epilogue to be 'f16', but got 'f32'}}
  rlx.block_matmul ins(%x, %w) epilogue(%r) [affine_map<(m, n) -> (m, n)>] {
  ^bb0(%a: f32, %b: f32):
    rlx.yield %a : f32
  } outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<8x64xf32>, memref<8x68xi8>, memref<8x8xf16>, memref<8x8xf32>) -> ()
  return
}

// -----

func.func @tiles(%x: memref<8x64xf32>, %w: memref<8x68xi8>, %y: memref<8x8xf32>) {
  // expected-error@+1 {{expected mc to be a multiple of mr_panel, 8, but got 12}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32, tiles = #rlx.tiles<mr = 1, mr_panel = 8, mc = 12, nc = 64, kc = 256, kernels = [<decoded, min_m_panel = 2>]>} : (memref<8x64xf32>, memref<8x68xi8>, memref<8x8xf32>) -> ()
  return
}

// -----

func.func @check_c1(%fits: i1, %columns: index) {
  // expected-error@+1 {{'rlx.check' op (C1) expected a '{}' in the message for each of 2 values, but got 1}}
  rlx.check %fits, "one {}" (%columns, %columns)
  return
}

// -----

// Every rule of a description has a label; each is broken once. First rlx.block_matmul.
func.func @kinds(%x: tensor<4x64xf32>, %w: tensor<8x68xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{(C1) expected all operands to be tensors, or all to be memrefs, but got 'tensor<4x64xf32>' beside 'memref<4x8xf32>'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (tensor<4x64xf32>, tensor<8x68xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @layout(%x: memref<4x64xf32, affine_map<(m, k) -> (m, k mod 2)>>, %w: memref<8x68xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{(C1) expected buffers with strides, but got}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<4x64xf32, affine_map<(m, k) -> (m, k mod 2)>>, memref<8x68xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @columns(%x: memref<4x64xf32>, %w: memref<3x34xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{(C1) expected 'x' to be 'memref<4x32xf32>', but got 'memref<4x64xf32>'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<4x64xf32>, memref<3x34xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @rows(%x: memref<4x32xf32>, %w: memref<3x34xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{(C1) expected 'init' to be 'memref<4x3xf32>', but got 'memref<4x8xf32>'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<4x32xf32>, memref<3x34xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @dynamic_n(%x: memref<4x32xf32>, %w: memref<3x34xi8>, %y: memref<4x?xf32>) {
  // expected-error@+1 {{(C1) expected N of 'init' to be static, but got 'memref<4x?xf32>'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<4x32xf32>, memref<3x34xi8>, memref<4x?xf32>) -> ()
  return
}

// -----

func.func @ids(%x: memref<4x32xf32>, %w: memref<2x3x34xi8>, %i: memref<4x2xi64>, %y: memref<4x2x3xf32>) {
  // expected-error@+1 {{(C1) expected 'ids' to be 'memref<?x?xi32>', but got 'memref<4x2xi64>'}}
  rlx.block_matmul ins(%x, %w, %i) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<4x32xf32>, memref<2x3x34xi8>, memref<4x2xi64>, memref<4x2x3xf32>) -> ()
  return
}

// -----

func.func @tokens(%x: memref<5x32xf32>, %w: memref<2x3x34xi8>, %i: memref<4x2xi32>, %y: memref<4x2x3xf32>) {
  // expected-error@+1 {{(C1) expected 'x' to be 'memref<4x32xf32>', but got 'memref<5x32xf32>'}}
  rlx.block_matmul ins(%x, %w, %i) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<5x32xf32>, memref<2x3x34xi8>, memref<4x2xi32>, memref<4x2x3xf32>) -> ()
  return
}

// -----

func.func @whole_blocks(%x: memref<4x32xf32>, %w: memref<3x33xi8>, %y: memref<4x3xf32>) {
  // expected-error@+1 {{(C2) expected rows of whole blocks of 34 bytes of 'gguf_q8_0', but got 'memref<3x33xi8>'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<4x32xf32>, memref<3x33xi8>, memref<4x3xf32>) -> ()
  return
}

// -----

func.func @plain(%x: memref<4x32xf32>, %w: memref<3x32xf32>, %y: memref<4x3xf32>) {
  // expected-error@+1 {{(C2) expected the bytes that 'gguf_q8_0' stores, of i8, but got 'memref<3x32xf32>'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<4x32xf32>, memref<3x32xf32>, memref<4x3xf32>) -> ()
  return
}

// -----

func.func @dynamic_weight(%x: memref<4x32xf32>, %w: memref<?x34xi8>, %y: memref<4x3xf32>) {
  // expected-error@+1 {{(C2) expected the weight to have a static shape, [N, bytes], but got 'memref<?x34xi8>'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<4x32xf32>, memref<?x34xi8>, memref<4x3xf32>) -> ()
  return
}

// -----

func.func @no_scales(%x: memref<4x64xf32>, %w: memref<8x64xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{(C3) scheme 'int8/32' needs 'scales' of type 'memref<8x2xf32>'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<int8/32>, activations = f32} : (memref<4x64xf32>, memref<8x64xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @more_scales(%x: memref<4x64xf32>, %w: memref<8x68xi8>, %s: memref<8x2xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{(C3) scheme 'gguf_q8_0' does not take 'scales'}}
  rlx.block_matmul ins(%x, %w) scales(%s) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<4x64xf32>, memref<8x68xi8>, memref<8x2xf32>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @dynamic_scales(%x: memref<4x64xf32>, %w: memref<8x64xi8>, %s: memref<?x2xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{(C3) expected 'scales' to be 'memref<8x2xf32>', but got 'memref<?x2xf32>'}}
  rlx.block_matmul ins(%x, %w) scales(%s) outs(%y) {scheme = #rlx.quant<int8/32>, activations = f32} : (memref<4x64xf32>, memref<8x64xi8>, memref<?x2xf32>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @bias(%x: memref<4x64xf32>, %w: memref<8x68xi8>, %b: memref<2xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{(C4) expected 'bias' to be 'memref<8xf32>', but got 'memref<2xf32>'}}
  rlx.block_matmul ins(%x, %w) bias(%b) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<4x64xf32>, memref<8x68xi8>, memref<2xf32>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @activations(%x: memref<4x64xf32>, %w: memref<8x68xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{(C5) expected activations to be f32, bf16, f16, i24, i16 or i8, but got 'f64'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f64} : (memref<4x64xf32>, memref<8x68xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @reencoded(%x: memref<4x64xf32>, %w: memref<8x68xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{(C5) expected activations to be i16 or i8 where weights are reencoded, but got 'f32'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32, reencoded} : (memref<4x64xf32>, memref<8x68xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @epilogue_sizes(%x: memref<8x64xf32>, %w: memref<8x68xi8>, %r: memref<3xf32>, %y: memref<8x8xf32>) {
  // expected-error@+1 {{(C6) expected input 0 of the epilogue to have the sizes of 'memref<8x8xf32>' that affine_map<(d0, d1) -> (d1)> takes, but got 'memref<3xf32>'}}
  rlx.block_matmul ins(%x, %w) epilogue(%r) [affine_map<(m, n) -> (n)>] {
  ^bb0(%a: f32, %b: f32):
    rlx.yield %a : f32
  } outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<8x64xf32>, memref<8x68xi8>, memref<3xf32>, memref<8x8xf32>) -> ()
  return
}

// -----

func.func @epilogue_operations(%x: memref<8x64xf32>, %w: memref<8x68xi8>, %r: memref<8xf32>, %i: index, %y: memref<8x8xf32>) {
  // expected-error@+1 {{(C6) expected the epilogue to hold constants and elementwise operations, but got memref.load}}
  rlx.block_matmul ins(%x, %w) epilogue(%r) [affine_map<(m, n) -> (n)>] {
  ^bb0(%a: f32, %b: f32):
    %c = memref.load %r[%i] : memref<8xf32>
    rlx.yield %c : f32
  } outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<8x64xf32>, memref<8x68xi8>, memref<8xf32>, memref<8x8xf32>) -> ()
  return
}

// -----

func.func @rows_of_table(%w: memref<8x68xi8>, %i: memref<3xi32>, %y: memref<4x64xf32>) {
  // expected-error@+1 {{'rlx.block_dequantize' op (C1) expected 'init' to be 'memref<3x64xf32>', but got 'memref<4x64xf32>'}}
  rlx.block_dequantize ins(%w, %i) outs(%y) {scheme = #rlx.quant<gguf_q8_0>} : (memref<8x68xi8>, memref<3xi32>, memref<4x64xf32>) -> ()
  return
}

// -----

func.func @stacked_table(%w: memref<2x8x68xi8>, %i: memref<3xi32>, %y: memref<3x64xf32>) {
  // expected-error@+1 {{'rlx.block_dequantize' op (C2) expected the weight to have a static shape, [N, bytes], but got 'memref<2x8x68xi8>'}}
  rlx.block_dequantize ins(%w, %i) outs(%y) {scheme = #rlx.quant<gguf_q8_0>} : (memref<2x8x68xi8>, memref<3xi32>, memref<3x64xf32>) -> ()
  return
}

// -----

func.func @dequantize_sides(%w: memref<8x64xi8>, %y: memref<8x64xf32>) {
  // expected-error@+1 {{'rlx.block_dequantize' op (C3) scheme 'int8/32' needs 'scales'}}
  rlx.block_dequantize ins(%w) outs(%y) {scheme = #rlx.quant<int8/32>} : (memref<8x64xi8>, memref<8x64xf32>) -> ()
  return
}

// -----

func.func @quantize_sizes(%x: memref<8x32xf32>, %s: memref<8x2xf32>, %q: memref<8x64xi8>) {
  // expected-error@+1 {{'rlx.block_quantize' op (C1) expected 'x' to be 'memref<8x64xf32>', but got 'memref<8x32xf32>'}}
  rlx.block_quantize ins(%x) scales(%s) outs(%q) {scheme = #rlx.quant<int8/32>} : (memref<8x32xf32>, memref<8x2xf32>, memref<8x64xi8>) -> ()
  return
}

// -----

func.func @quantize_plain(%x: memref<8x64xf32>, %q: memref<8x64xf32>) {
  // expected-error@+1 {{'rlx.block_quantize' op (C2) expected 'init' to be of i8, but got 'memref<8x64xf32>'}}
  rlx.block_quantize ins(%x) outs(%q) {scheme = #rlx.quant<f32>} : (memref<8x64xf32>, memref<8x64xf32>) -> ()
  return
}

// -----

func.func @quantize_sides(%x: memref<8x64xf32>, %q: memref<8x64xi8>) {
  // expected-error@+1 {{'rlx.block_quantize' op (C3) expected the side tensors of 'int8/32' as operands, or 2 inits, but got 1}}
  rlx.block_quantize ins(%x) outs(%q) {scheme = #rlx.quant<int8/32>} : (memref<8x64xf32>, memref<8x64xi8>) -> ()
  return
}

// -----

func.func @quantize_given_twice(%x: memref<8x64xf32>, %q: memref<8x64xi8>, %s: memref<8x2xf32>) {
  // expected-error@+1 {{'rlx.block_quantize' op (C3) expected one init where scales are given, but got 2}}
  rlx.block_quantize ins(%x) scales(%s) outs(%q, %s) {scheme = #rlx.quant<int8/32>} : (memref<8x64xf32>, memref<8x2xf32>, memref<8x64xi8>, memref<8x2xf32>) -> ()
  return
}

// -----

func.func @quantize_rule(%x: memref<8x64xf32>, %q: memref<8x68xi8>) {
  // expected-error@+1 {{'rlx.block_quantize' op (C4) expected scheme 'gguf_q8_0' to have a zero or an offset for its rule}}
  rlx.block_quantize ins(%x) rule "minmax" outs(%q) {scheme = #rlx.quant<gguf_q8_0>} : (memref<8x64xf32>, memref<8x68xi8>) -> ()
  return
}

// -----

func.func @quantize_importance(%x: memref<8x64xf32>, %i: memref<63xf32>, %q: memref<8x68xi8>) {
  // expected-error@+1 {{'rlx.block_quantize' op (C4) expected 'importance' to be 'memref<64xf32>', but got 'memref<63xf32>'}}
  rlx.block_quantize ins(%x) importance(%i) outs(%q) {scheme = #rlx.quant<gguf_q8_0>} : (memref<8x64xf32>, memref<63xf32>, memref<8x68xi8>) -> ()
  return
}

// -----

func.func @fake_quantize_init(%x: memref<8x64xf32>, %y: memref<8x32xf32>) {
  // expected-error@+1 {{'rlx.block_fake_quantize' op (C1) expected 'init' to be 'memref<8x64xf32>', but got 'memref<8x32xf32>'}}
  rlx.block_fake_quantize ins(%x) outs(%y) {scheme = #rlx.quant<gguf_q8_0>} : (memref<8x64xf32>, memref<8x32xf32>) -> ()
  return
}

// -----

func.func @pack_plain(%w: memref<8x64xf32>, %p: memref<1088xi8>) {
  // expected-error@+1 {{'rlx.pack_weight' op (C2) expected 'weight' to be of i8, but got 'memref<8x64xf32>'}}
  rlx.pack_weight ins(%w) outs(%p) {scheme = #rlx.quant<f32>, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (memref<8x64xf32>, memref<1088xi8>) -> ()
  return
}

// -----

func.func @pack_lanes(%w: memref<8x68xi8>, %p: memref<1088xi8>) {
  // expected-error@+1 {{expected lanes to be a power of two of at most 256, but got 0}}
  rlx.pack_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, layout = #rlx.packed<lanes = 0, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (memref<8x68xi8>, memref<1088xi8>) -> ()
  return
}

// -----

func.func @pack_result(%w: memref<8x68xi8>, %p: memref<?xi8>) {
  // expected-error@+1 {{'rlx.pack_weight' op (C5) expected 'init' to have a static shape, but got 'memref<?xi8>'}}
  rlx.pack_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (memref<8x68xi8>, memref<?xi8>) -> ()
  return
}

// -----

func.func @packed_columns(%x: memref<4x48xf32>, %p: memref<1088xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op (C1) expected K of 'x' to be a multiple of the block size 32 of 'gguf_q8_0'}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (memref<4x48xf32>, memref<1088xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @packed_weight(%x: memref<4x64xf32>, %p: memref<8x68xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op (C2) expected 'weight' to be 'memref<?xi8>', but got 'memref<8x68xi8>'}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (memref<4x64xf32>, memref<8x68xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @packed_lanes(%x: memref<4x64xf32>, %p: memref<1088xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{expected lanes to be a power of two of at most 256, but got 2147483648}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 2147483648, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (memref<4x64xf32>, memref<1088xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @packed_bias(%x: memref<4x64xf32>, %p: memref<1088xi8>, %b: memref<?xf32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op (C4) expected N of 'bias' to be static, but got 'memref<?xf32>'}}
  rlx.packed_matmul ins(%x, %p) bias(%b) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (memref<4x64xf32>, memref<1088xi8>, memref<?xf32>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @packed_activations(%x: memref<4x64xf32>, %p: memref<1088xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op (C5) expected activations to be i24, i16 or i8, but got 'bf16'}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = bf16, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (memref<4x64xf32>, memref<1088xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @dot_lanes(%c: vector<24xi8>, %a: vector<24xi8>, %s: vector<16xi32>) -> vector<16xi32> {
  // expected-error@+1 {{'rlx.dot' op (C1) expected four codes a lane of 'vector<16xi32>', at most 1024 lanes, but got 'vector<24xi8>'}}
  %0 = rlx.dot %c, %a, %s below 16 : vector<24xi8>, vector<16xi32>
  return %0 : vector<16xi32>
}

// -----

func.func @dot_below(%c: vector<64xi8>, %a: vector<64xi8>, %s: vector<16xi32>) -> vector<16xi32> {
  // expected-error@+1 {{'rlx.dot' op (C2) expected codes to be below 1 to 256, but got 257}}
  %0 = rlx.dot %c, %a, %s below 257 : vector<64xi8>, vector<16xi32>
  return %0 : vector<16xi32>
}

// -----

func.func @lookup_table(%c: vector<64xi8>) -> vector<64xi8> {
  // expected-error@+1 {{'rlx.lookup' op (C1) expected a table of 16 entries, but got 0}}
  %0 = rlx.lookup %c [] : vector<64xi8>
  return %0 : vector<64xi8>
}

// -----

func.func @decode_element(%w: memref<8x68xi16>, %n: index) {
  // expected-error@+1 {{'rlx.decode' op (C1) expected a memref of i8, or of floats stored plainly}}
  %v = rlx.decode %w[%n, %n] at 0 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi16> -> vector<16xf32>
  return
}

// -----

func.func @decode_result(%w: memref<8x68xi8>, %n: index) {
  // expected-error@+1 {{'rlx.decode' op (C2) expected the result to be a vector of at most 4096 f32, but got 'vector<16xf16>'}}
  %v = rlx.decode %w[%n, %n] at 0 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi8> -> vector<16xf16>
  return
}

// -----

func.func @decode_first(%w: memref<8x68xi8>, %n: index) {
  // expected-error@+1 {{'rlx.decode' op (C3) expected elements 56 to 71 to lie in a row, which has 64}}
  %v = rlx.decode %w[%n, %n] at 56 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi8> -> vector<16xf32>
  return
}

// -----

func.func @decode_sides(%w: memref<8x64xi8>, %n: index) {
  // expected-error@+1 {{'rlx.decode' op (C4) scheme 'int8/32' needs 'scales'}}
  %v = rlx.decode %w[%n, %n] at 0 {scheme = #rlx.quant<int8/32>} : memref<8x64xi8> -> vector<16xf32>
  return
}

// -----

func.func @decode_side_rank(%w: memref<8x64xi8>, %s: memref<8xf32>, %n: index) {
  // expected-error@+1 {{'rlx.decode' op (C4) expected 'scales' to be of 'f32' and of rank 2, but got 'memref<8xf32>'}}
  %v = rlx.decode %w[%n, %n] at 0 scales(%s : memref<8xf32>) {scheme = #rlx.quant<int8/32>} : memref<8x64xi8> -> vector<16xf32>
  return
}

// -----

func.func @parallel_nothing(%n: index) {
  // expected-error@+1 {{'rlx.parallel_for' op (C1) expected 'body' to be a function}}
  rlx.parallel_for @body count %n
  return
}

// -----

func.func private @body(index, index)
func.func @parallel_captures(%n: index, %x: memref<8xf32>) {
  // expected-error@+1 {{'rlx.parallel_for' op (C2) expected 'body' to take two indices and the captures, and to give nothing}}
  rlx.parallel_for @body count %n captures(%x) : memref<8xf32>
  return
}

// -----

func.func @pack_k_block(%w: memref<8x68xi8>, %p: memref<1088xi8>) {
  // expected-error@+1 {{'rlx.pack_weight' op (C5) expected K to be a multiple of the K block, 128, but got 64}}
  rlx.pack_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, layout = #rlx.packed<lanes = 16, k_block = 128, group = 32, block_bytes = 1088, steps = [1]>} : (memref<8x68xi8>, memref<1088xi8>) -> ()
  return
}

// -----

func.func @packed_bytes(%x: memref<4x64xf32>, %p: memref<1087xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'rlx.packed_matmul' op (C2) expected 'weight' of 8 x 64 elements to have 1088 bytes, but got 1087}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (memref<4x64xf32>, memref<1087xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @activation_group(%x: memref<8x64xf32>, %w: memref<8x68xi8>, %y: memref<8x8xf32>) {
  // expected-error@+1 {{'rlx.block_matmul' op (C5) expected activation_group to be 32, 64, 128 or 256, but got 0}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, activation_group = 0 : i64} : (memref<8x64xf32>, memref<8x68xi8>, memref<8x8xf32>) -> ()
  return
}

// -----

func.func @activation_group_of_floats(%x: memref<8x64xf32>, %w: memref<8x68xi8>, %y: memref<8x8xf32>) {
  // expected-error@+1 {{'rlx.block_matmul' op (C5) expected activations to be i24, i16 or i8 where activation_group is given, but got 'f16'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f16, activation_group = 32 : i64} : (memref<8x64xf32>, memref<8x68xi8>, memref<8x8xf32>) -> ()
  return
}

// -----

func.func @packed_group(%x: memref<4x64xf32>, %p: memref<1088xi8>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{expected activation_group to be 32, 64 or 128, and k_block to be several of it, but got 64 and 64}}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1], activation_group = 64>} : (memref<4x64xf32>, memref<1088xi8>, memref<4x8xf32>) -> ()
  return
}

// -----

func.func @no_kernel(%x: memref<8x64xf32>, %w: memref<8x68xi8>, %y: memref<8x8xf32>) {
  // expected-error@+1 {{'rlx.block_matmul' op expected tiles with a kernel of mode decoded, but got}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32, tiles = #rlx.tiles<mr = 1, mr_panel = 8, mc = 0, nc = 64, kc = 256, kernels = [<i32, min_m_panel = 2>]>} : (memref<8x64xf32>, memref<8x68xi8>, memref<8x8xf32>) -> ()
  return
}

// -----

func.func @kernel_pairs(%x: memref<8x64xf32>, %w: memref<8x68xi8>, %y: memref<8x8xf32>) {
  // expected-error@+2 {{failed to parse Rlx_TilesAttr parameter 'kernels'}}
  // expected-error@+1 {{expected i16_pairs with the mode i32 or f32, but got decoded}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32, tiles = #rlx.tiles<mr = 1, mr_panel = 8, mc = 0, nc = 64, kc = 256, kernels = [<decoded, i16_pairs = true>]>} : (memref<8x64xf32>, memref<8x68xi8>, memref<8x8xf32>) -> ()
  return
}

// -----

func.func @extract_bits(%b: vector<64xi8>) {
  // expected-error@+1 {{'rlx.extract_bits' op (C1) expected bits in a byte, but got 4 from bit 6 to bit 0}}
  %v = rlx.extract_bits %b from 6 to 0 width 4 : vector<64xi8>
  return
}

// -----

func.func @extract_odd(%b: vector<3xi8>) {
  // expected-error@+1 {{'rlx.extract_bits' op (C2) expected a vector of an even number of bytes, at most 4096, but got 'vector<3xi8>'}}
  %v = rlx.extract_bits %b from 4 to 0 width 4 : vector<3xi8>
  return
}
