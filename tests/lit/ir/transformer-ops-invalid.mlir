// Every constraint of the operations of transformers, by its label.
// RUN: rlx-opt %s --split-input-file --verify-diagnostics

func.func @rms_norm_c1_rank(%x: tensor<f32>) {
  // expected-error@+1 {{'rlx.rms_norm' op (C1) expected 'x' to be [..., K], but got 'tensor<f32>'}}
  %y = rlx.rms_norm %x {epsilon = 0.0 : f64} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @rms_norm_c1_type(%x: tensor<3x64xf64>) {
  // expected-error@+1 {{'rlx.rms_norm' op (C1) expected 'x' to be of f32, f16 or bf16, but got 'tensor<3x64xf64>'}}
  %y = rlx.rms_norm %x {epsilon = 0.0 : f64} : (tensor<3x64xf64>) -> tensor<3x64xf32>
  return
}

// -----

func.func @rms_norm_c1_result(%x: tensor<3x64xf32>) {
  // expected-error@+1 {{'rlx.rms_norm' op (C1) expected 'result' to be 'tensor<3x64xf32>', but got 'tensor<3x32xf32>'}}
  %y = rlx.rms_norm %x {epsilon = 0.0 : f64} : (tensor<3x64xf32>) -> tensor<3x32xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<3x64xf32>, %g: tensor<32xf32>) {
  // expected-error@+1 {{'rlx.rms_norm' op (C2) expected 'weight' to be 'tensor<64xf32>', but got 'tensor<32xf32>'}}
  %y = rlx.rms_norm %x weight(%g) {epsilon = 0.0 : f64} : (tensor<3x64xf32>, tensor<32xf32>) -> tensor<3x64xf32>
  return
}

// -----

func.func @rms_norm_c3(%x: tensor<3x64xf32>) {
  // expected-error@+1 {{'rlx.rms_norm' op (C3) expected 'epsilon' to be a finite number of at least 0, but got -1.0}}
  %y = rlx.rms_norm %x {epsilon = -1.0 : f64} : (tensor<3x64xf32>) -> tensor<3x64xf32>
  return
}

// -----

func.func @layer_norm_c1(%x: tensor<3x64xi32>) {
  // expected-error@+1 {{'rlx.layer_norm' op (C1) expected 'x' to be of f32, f16 or bf16, but got 'tensor<3x64xi32>'}}
  %y = rlx.layer_norm %x {epsilon = 0.0 : f64} : (tensor<3x64xi32>) -> tensor<3x64xf32>
  return
}

// -----

func.func @layer_norm_c2(%x: tensor<3x64xf32>, %b: tensor<1x64xf32>) {
  // expected-error@+1 {{'rlx.layer_norm' op (C2) expected 'bias' to be 'tensor<64xf32>', but got 'tensor<1x64xf32>'}}
  %y = rlx.layer_norm %x bias(%b) {epsilon = 0.0 : f64} : (tensor<3x64xf32>, tensor<1x64xf32>) -> tensor<3x64xf32>
  return
}

// -----

func.func @layer_norm_c3(%x: tensor<3x64xf32>) {
  // expected-error@+1 {{'rlx.layer_norm' op (C3) expected 'epsilon' to be a finite number of at least 0, but got}}
  %y = rlx.layer_norm %x {epsilon = 0x7FF0000000000000 : f64} : (tensor<3x64xf32>) -> tensor<3x64xf32>
  return
}

// -----

func.func @rope_table_c1_dims(%i: index) {
  // expected-error@+1 {{'rlx.rope_table' op (C1) expected 'dims' to be an even number of at least 2, but got 7}}
  %t = rlx.rope_table from %i count %i {dims = 7, base = 1.0e+04 : f64} : (index, index) -> tensor<2x?x3xf32>
  return
}

// -----

func.func @rope_table_c1_result(%i: index) {
  // expected-error@+1 {{'rlx.rope_table' op (C1) expected 'result' to be 'tensor<2x?x32xf32>', but got 'tensor<?x32x2xf32>'}}
  %t = rlx.rope_table from %i count %i {dims = 64, base = 1.0e+04 : f64} : (index, index) -> tensor<?x32x2xf32>
  return
}

// -----

func.func @rope_table_c2(%i: index, %f: tensor<64xf32>) {
  // expected-error@+1 {{'rlx.rope_table' op (C2) expected 'factors' to be 'tensor<32xf32>', but got 'tensor<64xf32>'}}
  %t = rlx.rope_table from %i count %i factors(%f) {dims = 64, base = 1.0e+04 : f64} : (index, index, tensor<64xf32>) -> tensor<2x?x32xf32>
  return
}

// -----

func.func @rope_table_c3_base(%i: index) {
  // expected-error@+1 {{'rlx.rope_table' op (C3) expected 'base' to be a finite number above 1, but got 1.0}}
  %t = rlx.rope_table from %i count %i {dims = 64, base = 1.0 : f64} : (index, index) -> tensor<2x?x32xf32>
  return
}

// -----

func.func @rope_table_c3_scale(%i: index) {
  // expected-error@+1 {{'rlx.rope_table' op (C3) expected 'scale' to be a finite number above 0, but got 0.0}}
  %t = rlx.rope_table from %i count %i {dims = 64, base = 1.0e+04 : f64, scale = 0.0 : f64} : (index, index) -> tensor<2x?x32xf32>
  return
}

// -----

func.func @rope_table_c4(%i: index) {
  // expected-error@+1 {{'rlx.rope_table' op (C4) expected no 'yarn_fast' where there is no 'yarn_context'}}
  %t = rlx.rope_table from %i count %i {dims = 64, base = 1.0e+04 : f64, yarn_fast = 32.0 : f64} : (index, index) -> tensor<2x?x32xf32>
  return
}

// -----

func.func @rope_table_c4_mix(%i: index) {
  // expected-error@+1 {{'rlx.rope_table' op (C4) expected 'yarn_mix' to be a number from 0 to 1, but got 2.0}}
  %t = rlx.rope_table from %i count %i {dims = 64, base = 1.0e+04 : f64, yarn_context = 4096, yarn_mix = 2.0 : f64} : (index, index) -> tensor<2x?x32xf32>
  return
}

// -----

func.func @rope_c1(%x: tensor<3x64xf32>, %t: tensor<2x3x32xf32>) {
  // expected-error@+1 {{'rlx.rope' op (C1) expected 'x' to be [T, H, D] with a static D, but got 'tensor<3x64xf32>'}}
  %y = rlx.rope pairs %x, %t : tensor<3x64xf32>, tensor<2x3x32xf32>
  return
}

// -----

func.func @rope_c2_rows(%x: tensor<3x4x64xf32>, %t: tensor<2x5x32xf32>) {
  // expected-error@+1 {{'rlx.rope' op (C2) expected 'table' to be 'tensor<2x3x32xf32>', but got 'tensor<2x5x32xf32>'}}
  %y = rlx.rope pairs %x, %t : tensor<3x4x64xf32>, tensor<2x5x32xf32>
  return
}

// -----

func.func @rope_c2_dims(%x: tensor<3x4x64xf32>, %t: tensor<2x3x33xf32>) {
  // expected-error@+1 {{'rlx.rope' op (C2) expected 'table' to be of 2 to 64 dims, twice its last size, but got 'tensor<2x3x33xf32>'}}
  %y = rlx.rope halves %x, %t : tensor<3x4x64xf32>, tensor<2x3x33xf32>
  return
}

// -----

func.func @append_c1(%rows: tensor<?x4x64xf32>, %cache: tensor<16x8x64xf32>, %i: index) {
  // expected-error@+1 {{'rlx.append' op (C1) expected 'rows' to be 'tensor<?x8x64xf32>', but got 'tensor<?x4x64xf32>'}}
  %y = rlx.append %rows into %cache at %i : tensor<?x4x64xf32> into tensor<16x8x64xf32>
  return
}

// -----

func.func @append_c2(%rows: tensor<?x8x64xf32>, %cache: tensor<16x8x64xi8>, %i: index) {
  // expected-error@+1 {{'rlx.append' op (C2) expected 'cache' to be of f32, f16 or bf16, but got 'tensor<16x8x64xi8>'}}
  %y = rlx.append %rows into %cache at %i : tensor<?x8x64xf32> into tensor<16x8x64xi8>
  return
}

// -----

func.func @append_c2_sides(%rows: tensor<?x8x64xf32>, %cache: tensor<16x8x64xf32, #rlx.quant<int8/32>>, %i: index) {
  // expected-error@+1 {{'rlx.append' op (C2) expected 'cache' to be of a scheme that keeps all in its blocks, but 'int8/32' has 'scales' beside them}}
  %y = rlx.append %rows into %cache at %i : tensor<?x8x64xf32> into tensor<16x8x64xf32, #rlx.quant<int8/32>>
  return
}

// -----

func.func @append_c2_rows(%rows: tensor<?x8x64xf16>, %cache: tensor<16x8x64xf32, #rlx.quant<gguf_q8_0>>, %i: index) {
  // expected-error@+1 {{'rlx.append' op (C2) expected 'rows' to be of f32, as the cache is quantized, but got 'tensor<?x8x64xf16>'}}
  %y = rlx.append %rows into %cache at %i : tensor<?x8x64xf16> into tensor<16x8x64xf32, #rlx.quant<gguf_q8_0>>
  return
}

// -----

func.func @append_c3_plain(%rows: tensor<?x8x64xf32>, %cache: tensor<16x8x64xf32>, %i: index) {
  // expected-error@+1 {{'rlx.append' op (C3) expected no rule, as the cache is plain}}
  %y = rlx.append %rows into %cache at %i rule "absmax 127" : tensor<?x8x64xf32> into tensor<16x8x64xf32>
  return
}

// -----

func.func @append_c3(%rows: tensor<?x8x64xf32>, %cache: tensor<16x8x64xf32, #rlx.quant<gguf_q8_0>>, %i: index) {
  // expected-error@+1 {{'rlx.append' op (C3) }}
  %y = rlx.append %rows into %cache at %i rule "nearest" : tensor<?x8x64xf32> into tensor<16x8x64xf32, #rlx.quant<gguf_q8_0>>
  return
}

// -----

func.func @attention_c1_rank(%q: tensor<32x64xf32>, %k: tensor<16x8x64xf32>) {
  // expected-error@+1 {{'rlx.attention' op (C1) expected 'q' to be [T, H, D], all but the first size static, but got 'tensor<32x64xf32>'}}
  %y = rlx.attention %q, %k, %k : (tensor<32x64xf32>, tensor<16x8x64xf32>, tensor<16x8x64xf32>) -> tensor<32x64xf32>
  return
}

// -----

func.func @attention_c1_heads(%q: tensor<1x12x64xf32>, %k: tensor<16x8x64xf32>) {
  // expected-error@+1 {{'rlx.attention' op (C1) expected the heads of 'q', 12, to be a multiple of those of 'k', 8}}
  %y = rlx.attention %q, %k, %k : (tensor<1x12x64xf32>, tensor<16x8x64xf32>, tensor<16x8x64xf32>) -> tensor<1x12x64xf32>
  return
}

// -----

func.func @attention_c1_depth(%q: tensor<1x8x80xf32>, %k: tensor<16x8x64xf32>) {
  // expected-error@+1 {{'rlx.attention' op (C1) expected 'k' to be of the sizes 'tensor<16x8x80xf32>', but got 'tensor<16x8x64xf32>'}}
  %y = rlx.attention %q, %k, %k : (tensor<1x8x80xf32>, tensor<16x8x64xf32>, tensor<16x8x64xf32>) -> tensor<1x8x64xf32>
  return
}

// -----

func.func @attention_c1_result(%q: tensor<1x8x64xf32>, %k: tensor<16x8x64xf32>) {
  // expected-error@+1 {{'rlx.attention' op (C1) expected 'result' to be 'tensor<1x8x64xf32>', but got 'tensor<1x8x64xf16>'}}
  %y = rlx.attention %q, %k, %k : (tensor<1x8x64xf32>, tensor<16x8x64xf32>, tensor<16x8x64xf32>) -> tensor<1x8x64xf16>
  return
}

// -----

func.func @attention_c2(%q: tensor<1x8x64xf32>, %k: tensor<16x8x64xf64>) {
  // expected-error@+1 {{'rlx.attention' op (C2) expected 'k' to be of f32, f16 or bf16, but got 'tensor<16x8x64xf64>'}}
  %y = rlx.attention %q, %k, %k : (tensor<1x8x64xf32>, tensor<16x8x64xf64>, tensor<16x8x64xf64>) -> tensor<1x8x64xf32>
  return
}

// -----

func.func @attention_c3(%q: tensor<1x8x64xf32>, %k: tensor<16x8x64xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{'rlx.attention' op (C3) expected 'sinks' to be 'tensor<8xf32>', but got 'tensor<4xf32>'}}
  %y = rlx.attention %q, %k, %k sinks(%s) : (tensor<1x8x64xf32>, tensor<16x8x64xf32>, tensor<16x8x64xf32>, tensor<4xf32>) -> tensor<1x8x64xf32>
  return
}

// -----

func.func @attention_c4_cap(%q: tensor<1x8x64xf32>, %k: tensor<16x8x64xf32>) {
  // expected-error@+1 {{'rlx.attention' op (C4) expected 'softcap' to be a number above 0, but got 0.0}}
  %y = rlx.attention %q, %k, %k {softcap = 0.0 : f64} : (tensor<1x8x64xf32>, tensor<16x8x64xf32>, tensor<16x8x64xf32>) -> tensor<1x8x64xf32>
  return
}

// -----

func.func @attention_c4_window(%q: tensor<1x8x64xf32>, %k: tensor<16x8x64xf32>) {
  // expected-error@+1 {{'rlx.attention' op (C4) expected 'window' to be at least 1, but got 0}}
  %y = rlx.attention %q, %k, %k {causal, window = 0} : (tensor<1x8x64xf32>, tensor<16x8x64xf32>, tensor<16x8x64xf32>) -> tensor<1x8x64xf32>
  return
}

// -----

func.func @attention_c4_causal(%q: tensor<1x8x64xf32>, %k: tensor<16x8x64xf32>) {
  // expected-error@+1 {{'rlx.attention' op (C4) expected 'causal' beside 'window'}}
  %y = rlx.attention %q, %k, %k {window = 4} : (tensor<1x8x64xf32>, tensor<16x8x64xf32>, tensor<16x8x64xf32>) -> tensor<1x8x64xf32>
  return
}

// -----

func.func @topk_c1(%x: tensor<?x32xf32>) {
  // expected-error@+1 {{'rlx.topk' op (C1) expected 'ids' to be 'tensor<?x4xi32>', but got 'tensor<?x4xi64>'}}
  %v, %i = rlx.topk %x : tensor<?x32xf32> -> tensor<?x4xf32>, tensor<?x4xi64>
  return
}

// -----

func.func @topk_c2(%x: tensor<?x32xf32>) {
  // expected-error@+1 {{'rlx.topk' op (C2) expected the last size of both results to be static and from 1 to that of x, but got 'tensor<?x33xf32>' and 'tensor<?x33xi32>' of x, 'tensor<?x32xf32>'}}
  %v, %i = rlx.topk %x : tensor<?x32xf32> -> tensor<?x33xf32>, tensor<?x33xi32>
  return
}
