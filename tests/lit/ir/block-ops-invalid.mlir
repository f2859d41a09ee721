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
  // expected-error@+1 {{expected height to be a multiple of panel_rows, 8, but got 12}}
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32, tiles = #rlx.tiles<rows = 1, panel_from = 2, panel_rows = 8, height = 12, columns = 64, depth = 256>} : (memref<8x64xf32>, memref<8x68xi8>, memref<8x8xf32>) -> ()
  return
}

// -----

func.func @check_c1(%fits: i1, %columns: index) {
  // expected-error@+1 {{'rlx.check' op (C1) expected a '{}' in the message for each of 2 values, but got 1}}
  rlx.check %fits, "one {}" (%columns, %columns)
  return
}
