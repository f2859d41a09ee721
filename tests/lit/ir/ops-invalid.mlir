// Every constraint of the operations, by its label.
// RUN: rlx-opt %s --split-input-file --verify-diagnostics

func.func @weight_c1() {
  // expected-error@+1 {{'rlx.weight' op (C1) expected a name}}
  %w = rlx.weight "" : tensor<8x64xf32>
  return
}

// -----

func.func @weight_c2() {
  // expected-error@+1 {{'rlx.weight' op (C2) expected a static shape, but got 'tensor<?x64xf32>'}}
  %w = rlx.weight "w" : tensor<?x64xf32>
  return
}

// -----

func.func @matmul_c1_x_rank(%x: tensor<f32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C1) expected 'x' to be [..., K], but got 'tensor<f32>'}}
  %y = rlx.matmul %x, %w : (tensor<f32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8xf32>
  return
}

// -----

func.func @matmul_c1_x_k(%x: tensor<3x32xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C1) expected 'x' to be tensor<3x64xf32>, but got 'tensor<3x32xf32>'}}
  %y = rlx.matmul %x, %w : (tensor<3x32xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c1_result_rank(%x: tensor<2x3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C1) expected 'result' to be tensor<2x3x8xf32>, but got 'tensor<6x8xf32>'}}
  %y = rlx.matmul %x, %w : (tensor<2x3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<6x8xf32>
  return
}

// -----

func.func @matmul_c1_x_type(%x: tensor<3x64xf64>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C1) expected 'x' to be of f32, f16 or bf16, but got 'tensor<3x64xf64>'}}
  %y = rlx.matmul %x, %w : (tensor<3x64xf64>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c1_x_quantized(%x: tensor<3x64xf32, #rlx.quant<gguf_q8_0>>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C1) expected 'x' not to be quantized, but got 'tensor<3x64xf32, #rlx.quant<gguf_q8_0>>'}}
  %y = rlx.matmul %x, %w : (tensor<3x64xf32, #rlx.quant<gguf_q8_0>>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c1_weight_rank(%x: tensor<3x64xf32>, %w: tensor<2x8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C1) expected 'weight' to be [N, K] of f32, f16 or bf16, but got 'tensor<2x8x64xf32, #rlx.quant<gguf_q8_0>>'}}
  %y = rlx.matmul %x, %w : (tensor<3x64xf32>, tensor<2x8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c1_weight_type(%x: tensor<3x64xf32>, %w: tensor<8x64xi8>) {
  // expected-error@+1 {{'rlx.matmul' op (C1) expected 'weight' to be [N, K] of f32, f16 or bf16, but got 'tensor<8x64xi8>'}}
  %y = rlx.matmul %x, %w : (tensor<3x64xf32>, tensor<8x64xi8>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c1_weight_encoding(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, "other">) {
  // expected-error@+1 {{'rlx.matmul' op (C1) expected the encoding of 'weight' to be #rlx.quant, but got "other"}}
  %y = rlx.matmul %x, %w : (tensor<3x64xf32>, tensor<8x64xf32, "other">) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c1_result_shape(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C1) expected 'result' to be tensor<3x8xf32>, but got 'tensor<3x9xf32>'}}
  %y = rlx.matmul %x, %w : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x9xf32>
  return
}

// -----

func.func @matmul_c1_result_rows(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C1) expected 'result' to be tensor<3x8xf32>, but got 'tensor<4x8xf32>'}}
  %y = rlx.matmul %x, %w : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<4x8xf32>
  return
}

// -----

func.func @matmul_c1_result_type(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C1) expected 'result' to be of f32, f16 or bf16, but got 'tensor<3x8xi32>'}}
  %y = rlx.matmul %x, %w : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xi32>
  return
}

// -----

func.func @matmul_c2_missing(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<int8/32>>) {
  // expected-error@+1 {{'rlx.matmul' op (C2) scheme 'int8/32' needs 'scales' of type tensor<8x2xf32>}}
  %y = rlx.matmul %x, %w : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c2_missing_zero_points(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<int8a/32>>, %s: tensor<8x2xf32>) {
  // expected-error@+1 {{'rlx.matmul' op (C2) scheme 'int8a/32' needs 'zero_points' of type tensor<8x2xf32>}}
  %y = rlx.matmul %x, %w scales(%s) : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<int8a/32>>, tensor<8x2xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c2_missing_global_scale(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<nvfp4/16>>, %s: tensor<8x4xf8E4M3FN>) {
  // expected-error@+1 {{'rlx.matmul' op (C2) scheme 'nvfp4/16' needs 'global_scale' of type tensor<1xf32>}}
  %y = rlx.matmul %x, %w scales(%s) : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<nvfp4/16>>, tensor<8x4xf8E4M3FN>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c2_superfluous(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %s: tensor<8x2xf32>) {
  // expected-error@+1 {{'rlx.matmul' op (C2) scheme 'gguf_q8_0' does not take 'scales'}}
  %y = rlx.matmul %x, %w scales(%s) : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<8x2xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c2_superfluous_zero_points(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<int8/32>>, %s: tensor<8x2xf32>, %z: tensor<8x2xf32>) {
  // expected-error@+1 {{'rlx.matmul' op (C2) scheme 'int8/32' does not take 'zero_points'}}
  %y = rlx.matmul %x, %w scales(%s) zero_points(%z) : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>, tensor<8x2xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c2_not_quantized(%x: tensor<3x64xf32>, %w: tensor<8x64xf32>, %s: tensor<8x2xf32>) {
  // expected-error@+1 {{'rlx.matmul' op (C2) 'scales' is given, but the weight is not quantized}}
  %y = rlx.matmul %x, %w scales(%s) : (tensor<3x64xf32>, tensor<8x64xf32>, tensor<8x2xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c2_shape(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<int8/32>>, %s: tensor<2x8xf32>) {
  // expected-error@+1 {{'rlx.matmul' op (C2) expected 'scales' to be tensor<8x2xf32>, but got 'tensor<2x8xf32>'}}
  %y = rlx.matmul %x, %w scales(%s) : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<2x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c2_type(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<int8/32>>, %s: tensor<8x2xf16>) {
  // expected-error@+1 {{'rlx.matmul' op (C2) expected 'scales' to be tensor<8x2xf32>, but got 'tensor<8x2xf16>'}}
  %y = rlx.matmul %x, %w scales(%s) : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf16>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c2_scale_blocks(%x: tensor<3x64xf32>, %w: tensor<130x64xf32, #rlx.quant<fp8e4m3/128x128>>, %s: tensor<1x1xf32>) {
  // expected-error@+1 {{'rlx.matmul' op (C2) expected 'scales' to be tensor<2x1xf32>, but got 'tensor<1x1xf32>'}}
  %y = rlx.matmul %x, %w scales(%s) : (tensor<3x64xf32>, tensor<130x64xf32, #rlx.quant<fp8e4m3/128x128>>, tensor<1x1xf32>) -> tensor<3x130xf32>
  return
}

// -----

func.func @matmul_c3_shape(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %b: tensor<3xf32>) {
  // expected-error@+1 {{'rlx.matmul' op (C3) expected 'bias' to be tensor<8xf32>, but got 'tensor<3xf32>'}}
  %y = rlx.matmul %x, %w bias(%b) : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<3xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c3_type(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %b: tensor<8xf64>) {
  // expected-error@+1 {{'rlx.matmul' op (C3) expected 'bias' to be of f32, f16 or bf16, but got 'tensor<8xf64>'}}
  %y = rlx.matmul %x, %w bias(%b) : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<8xf64>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c4(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C4) expected activations to be f32, bf16, f16, i24, i16 or i8, but got 'f64'}}
  %y = rlx.matmul %x, %w {activations = f64} : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c5(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C5) expected activations to be i16 or i8 where weights are reencoded; others multiply them as they are}}
  %y = rlx.matmul %x, %w weights = reencoded {activations = bf16} : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c5_default(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C5) expected activations to be i16 or i8 where weights are reencoded}}
  %y = rlx.matmul %x, %w weights = reencoded : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c5_three_bytes(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C5) expected activations to be i16 or i8 where weights are reencoded; others multiply them as they are}}
  %y = rlx.matmul %x, %w weights = reencoded {activations = i24} : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @gather_c5(%x: tensor<3x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<3x2xi32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C5) expected activations to be i16 or i8 where weights are reencoded}}
  %y = rlx.gather_matmul %x, %w, %ids weights = reencoded {activations = f32} : (tensor<3x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<3x2xi32>) -> tensor<3x2x8xf32>
  return
}

// -----

func.func @matmul_c6(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C6) expected activation_group to be 32, 64, 128 or 256, but got 48}}
  %y = rlx.matmul %x, %w {activations = i8, activation_group = 48 : i64} : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c6_short(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C6) expected activation_group to be 32, 64, 128 or 256, but got 16}}
  %y = rlx.matmul %x, %w {activations = i16, activation_group = 16 : i64} : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c6_floats(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C6) expected activations to be i24, i16 or i8 where activation_group is given; others have no scales}}
  %y = rlx.matmul %x, %w {activations = bf16, activation_group = 32 : i64} : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c6_default(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C6) expected activations to be i24, i16 or i8 where activation_group is given}}
  %y = rlx.matmul %x, %w {activation_group = 32 : i64} : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @gather_c6(%x: tensor<3x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<3x2xi32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C6) expected activation_group to be 32, 64, 128 or 256, but got 512}}
  %y = rlx.gather_matmul %x, %w, %ids {activations = i8, activation_group = 512 : i64} : (tensor<3x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<3x2xi32>) -> tensor<3x2x8xf32>
  return
}

// -----

func.func @matmul_weights(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{expected 'reencoded'}}
  %y = rlx.matmul %x, %w weights = rounded {activations = i8} : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @matmul_c4_unsigned(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.matmul' op (C4) expected activations to be f32, bf16, f16, i24, i16 or i8, but got 'ui8'}}
  %y = rlx.matmul %x, %w {activations = ui8} : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return
}

// -----

func.func @gather_matmul_c1_weight_rank(%x: tensor<5x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<5x2xi32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C1) expected 'weight' to be [E, N, K] of f32, f16 or bf16, but got 'tensor<8x64xf32, #rlx.quant<gguf_q8_0>>'}}
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<5x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
  return
}

// -----

func.func @gather_matmul_c1_ids_rank(%x: tensor<5x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<5xi32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C1) expected 'ids' to be [T, S], but got 'tensor<5xi32>'}}
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5xi32>) -> tensor<5x2x8xf32>
  return
}

// -----

func.func @gather_matmul_c1_ids_type(%x: tensor<5x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<5x2xi64>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C1) expected 'ids' to be tensor<5x2xi32>, but got 'tensor<5x2xi64>'}}
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi64>) -> tensor<5x2x8xf32>
  return
}

// -----

func.func @gather_matmul_c1_x_tokens(%x: tensor<6x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<5x2xi32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C1) expected 'x' to be tensor<5x64xf32>, but got 'tensor<6x64xf32>'}}
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<6x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
  return
}

// -----

func.func @gather_matmul_c1_x_slots(%x: tensor<5x3x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<5x2xi32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C1) expected 'x' to be tensor<5x2x64xf32>, but got 'tensor<5x3x64xf32>'}}
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<5x3x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
  return
}

// -----

func.func @gather_matmul_c1_x_rank(%x: tensor<5x2x1x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<5x2xi32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C1) expected 'x' to be tensor<5x64xf32>, but got 'tensor<5x2x1x64xf32>'}}
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<5x2x1x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
  return
}

// -----

func.func @gather_matmul_c1_result(%x: tensor<5x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<5x2xi32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C1) expected 'result' to be tensor<5x2x8xf32>, but got 'tensor<5x8xf32>'}}
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x8xf32>
  return
}

// -----

func.func @gather_matmul_c2_missing(%x: tensor<5x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<int8/32>>, %ids: tensor<5x2xi32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C2) scheme 'int8/32' needs 'scales' of type tensor<4x8x2xf32>}}
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<int8/32>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
  return
}

// -----

func.func @gather_matmul_c2_without_experts(%x: tensor<5x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<int8/32>>, %ids: tensor<5x2xi32>, %s: tensor<8x2xf32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C2) expected 'scales' to be tensor<4x8x2xf32>, but got 'tensor<8x2xf32>'}}
  %y = rlx.gather_matmul %x, %w, %ids scales(%s) : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<int8/32>>, tensor<5x2xi32>, tensor<8x2xf32>) -> tensor<5x2x8xf32>
  return
}

// -----

func.func @gather_matmul_c3(%x: tensor<5x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<5x2xi32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C3) expected 'bias' to be tensor<4x8xf32>, but got 'tensor<8xf32>'}}
  %y = rlx.gather_matmul %x, %w, %ids bias(%b) : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>, tensor<8xf32>) -> tensor<5x2x8xf32>
  return
}

// -----

func.func @gather_matmul_c4(%x: tensor<5x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<5x2xi32>) {
  // expected-error@+1 {{'rlx.gather_matmul' op (C4) expected activations to be f32, bf16, f16, i24, i16 or i8, but got 'i32'}}
  %y = rlx.gather_matmul %x, %w, %ids {activations = i32} : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
  return
}

// -----

func.func @embedding_c1_table(%t: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<7xi32>) {
  // expected-error@+1 {{'rlx.embedding' op (C1) expected 'table' to be [N, K] of f32, f16 or bf16, but got 'tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>'}}
  %y = rlx.embedding %t, %ids : (tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<7xi32>) -> tensor<7x64xf32>
  return
}

// -----

func.func @embedding_c1_ids(%t: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<7xi64>) {
  // expected-error@+1 {{'rlx.embedding' op (C1) expected 'ids' to be of i32 and of rank >= 1, but got 'tensor<7xi64>'}}
  %y = rlx.embedding %t, %ids : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<7xi64>) -> tensor<7x64xf32>
  return
}

// -----

func.func @embedding_c1_ids_rank(%t: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<i32>) {
  // expected-error@+1 {{'rlx.embedding' op (C1) expected 'ids' to be of i32 and of rank >= 1, but got 'tensor<i32>'}}
  %y = rlx.embedding %t, %ids : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<i32>) -> tensor<64xf32>
  return
}

// -----

func.func @embedding_c1_result(%t: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<7xi32>) {
  // expected-error@+1 {{'rlx.embedding' op (C1) expected 'result' to be tensor<7x64xf32>, but got 'tensor<7x32xf32>'}}
  %y = rlx.embedding %t, %ids : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<7xi32>) -> tensor<7x32xf32>
  return
}

// -----

func.func @embedding_c2(%t: tensor<8x64xf32, #rlx.quant<int8/32>>, %ids: tensor<7xi32>) {
  // expected-error@+1 {{'rlx.embedding' op (C2) scheme 'int8/32' needs 'scales' of type tensor<8x2xf32>}}
  %y = rlx.embedding %t, %ids : (tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<7xi32>) -> tensor<7x64xf32>
  return
}

// -----

func.func @dequantize_c1_weight(%w: tensor<8x64xf32>) {
  // expected-error@+1 {{'rlx.dequantize' op (C1) expected 'weight' to be quantized, but got 'tensor<8x64xf32>'}}
  %y = rlx.dequantize %w : (tensor<8x64xf32>) -> tensor<8x64xf32>
  return
}

// -----

func.func @dequantize_c1_result_shape(%w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.dequantize' op (C1) expected 'result' to be tensor<8x64xf32>, but got 'tensor<64x8xf32>'}}
  %y = rlx.dequantize %w : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<64x8xf32>
  return
}

// -----

func.func @dequantize_c1_result_quantized(%w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.dequantize' op (C1) expected 'result' not to be quantized, but got 'tensor<8x64xf32, #rlx.quant<gguf_q8_0>>'}}
  %y = rlx.dequantize %w : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
  return
}

// -----

func.func @dequantize_c1_result_type(%w: tensor<8x64xbf16, #rlx.quant<gguf_q8_0>>) {
  // expected-error@+1 {{'rlx.dequantize' op (C1) expected 'result' to be of f32, f16 or bf16, but got 'tensor<8x64xf64>'}}
  %y = rlx.dequantize %w : (tensor<8x64xbf16, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf64>
  return
}

// -----

func.func @dequantize_c2(%w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %g: tensor<1xf32>) {
  // expected-error@+1 {{'rlx.dequantize' op (C2) scheme 'gguf_q8_0' does not take 'global_scale'}}
  %y = rlx.dequantize %w global_scale(%g) : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<1xf32>) -> tensor<8x64xf32>
  return
}

// -----

func.func @quantize_c1_result(%x: tensor<8x64xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C1) expected the result to be quantized, but got 'tensor<8x64xf32>'}}
  %q = rlx.quantize %x : (tensor<8x64xf32>) -> tensor<8x64xf32>
  return
}

// -----

func.func @quantize_c1_x_shape(%x: tensor<8x32xf32>, %s: tensor<8x2xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C1) expected 'x' to be tensor<8x64xf32>, but got 'tensor<8x32xf32>'}}
  %q = rlx.quantize %x scales(%s) : (tensor<8x32xf32>, tensor<8x2xf32>) -> tensor<8x64xf32, #rlx.quant<int8/32>>
  return
}

// -----

func.func @quantize_c1_x_quantized(%x: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, %s: tensor<8x2xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C1) expected 'x' not to be quantized, but got 'tensor<8x64xf32, #rlx.quant<gguf_q8_0>>'}}
  %q = rlx.quantize %x scales(%s) : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<8x2xf32>) -> tensor<8x64xf32, #rlx.quant<int8/32>>
  return
}

// -----

func.func @quantize_c2(%x: tensor<8x64xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C2) scheme 'int8/32' needs 'scales' of type tensor<8x2xf32> as operands or as further results, but got 0 further results}}
  %q = rlx.quantize %x : (tensor<8x64xf32>) -> tensor<8x64xf32, #rlx.quant<int8/32>>
  return
}

// -----

func.func @quantize_c2_zero_points(%x: tensor<8x64xf32>, %s: tensor<8x2xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C2) scheme 'int8a/32' needs 'zero_points' of type tensor<8x2xf32>}}
  %q = rlx.quantize %x scales(%s) : (tensor<8x64xf32>, tensor<8x2xf32>) -> tensor<8x64xf32, #rlx.quant<int8a/32>>
  return
}

// -----

func.func @quantize_c2_both(%x: tensor<8x64xf32>, %s: tensor<8x2xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C2) expected scales as operands or as results, but got both}}
  %q, %t = rlx.quantize %x scales(%s) : (tensor<8x64xf32>, tensor<8x2xf32>) -> (tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>)
  return
}

// -----

func.func @quantize_c2_result(%x: tensor<8x64xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C2) expected 'scales' to be tensor<8x2xf32>, but got 'tensor<8x1xf32>'}}
  %q, %t = rlx.quantize %x : (tensor<8x64xf32>) -> (tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x1xf32>)
  return
}

// -----

func.func @quantize_c2_none(%x: tensor<8x64xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C2) scheme 'gguf_q8_0' needs nothing beside its blocks as operands or as further results, but got 1 further results}}
  %q, %t = rlx.quantize %x : (tensor<8x64xf32>) -> (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<8x2xf32>)
  return
}

// -----

func.func @quantize_c3_given(%x: tensor<8x64xf32>, %s: tensor<8x2xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C3) expected no rule and no importance where nothing is chosen}}
  %q = rlx.quantize %x scales(%s) rule "absmax 7" : (tensor<8x64xf32>, tensor<8x2xf32>) -> tensor<8x64xf32, #rlx.quant<int8/32>>
  return
}

// -----

func.func @quantize_c3_word(%x: tensor<8x64xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C3) expected the method of a rule to be search, signed_max, absmax, minmax, power_of_two, but got 'absmx'; did you mean 'absmax'?}}
  %q = rlx.quantize %x rule "absmx 7" : (tensor<8x64xf32>) -> tensor<8x64xf32, #rlx.quant<gguf_q4_0>>
  return
}

// -----

func.func @quantize_c3_rule(%x: tensor<8x256xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C3) expected scheme 'gguf_q4k' to have one scale, and at most one zero or offset, for its rule}}
  %q = rlx.quantize %x rule "minmax" : (tensor<8x256xf32>) -> tensor<8x256xf32, #rlx.quant<gguf_q4k>>
  return
}

// -----

func.func @quantize_c3_rounded(%x: tensor<8x64xf32>, %s: tensor<8xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C3) scheme 'r' cannot be quantized: its values are rounded, and the code of the nearest one is not searched for}}
  %q = rlx.quantize %x scales(%s) : (tensor<8x64xf32>, tensor<8xf32>) -> tensor<8x64xf32, #rlx.quant<#rlx.scheme<"r", block = 1, code = si8 at byte 0, scale = f32 in scales at (n, k) -> (n), rounded = f16>>>
  return
}

// -----

func.func @quantize_c3_vectors(%x: tensor<8x256xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C3) the codes of scheme 'gguf_iq2_xs' name vectors of a table, expected a scheme whose elements have codes of their own}}
  %q = rlx.quantize %x : (tensor<8x256xf32>) -> tensor<8x256xf32, #rlx.quant<gguf_iq2_xs>>
  return
}

// -----

func.func @quantize_c4(%x: tensor<8x64xf32>, %i: tensor<32xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C4) expected 'importance' to be tensor<64xf32>, but got 'tensor<32xf32>'}}
  %q = rlx.quantize %x importance(%i) : (tensor<8x64xf32>, tensor<32xf32>) -> tensor<8x64xf32, #rlx.quant<gguf_q4_0>>
  return
}

// -----

func.func @quantize_c4_experts(%x: tensor<2x8x64xf32>, %i: tensor<96xf32>) {
  // expected-error@+1 {{'rlx.quantize' op (C4) expected 'importance' to be tensor<128xf32>, but got 'tensor<96xf32>'}}
  %q = rlx.quantize %x importance(%i) : (tensor<2x8x64xf32>, tensor<96xf32>) -> tensor<2x8x64xf32, #rlx.quant<gguf_q4_0>>
  return
}

// -----

func.func @fake_quantize_c1(%x: tensor<8x64xf16>) {
  // expected-error@+1 {{'rlx.fake_quantize' op (C1) expected 'x' to be of f32 and not quantized, but got 'tensor<8x64xf16>'}}
  %y = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q4_0>} : tensor<8x64xf16>
  return
}

// -----

func.func @fake_quantize_c1_rank(%x: tensor<f32>) {
  // expected-error@+1 {{'rlx.fake_quantize' op (C1) expected 'x' to be of rank 1 at least, but got 'tensor<f32>'}}
  %y = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q4_0>} : tensor<f32>
  return
}

// -----

func.func @fake_quantize_c1_sides(%x: tensor<64xf32>) {
  // expected-error@+1 {{'rlx.fake_quantize' op (C1) expected 'x' to be [N, K] or [E, N, K], as 'int8/32' has side tensors, but got 'tensor<64xf32>'}}
  %y = rlx.fake_quantize %x {scheme = #rlx.quant<int8/32>} : tensor<64xf32>
  return
}

// -----

func.func @fake_quantize_c2_empty(%x: tensor<0x64xf32>) {
  // expected-error@+1 {{'rlx.fake_quantize' op (C2) expected at least one element, but got 'tensor<0x64xf32>'}}
  %y = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q4_0>} : tensor<0x64xf32>
  return
}

// -----

func.func @fake_quantize_c2_block(%x: tensor<8x63xf32>) {
  // expected-error@+1 {{'rlx.fake_quantize' op (C2) expected K to be a multiple of the block size 32 of 'gguf_q8_0', but got 'tensor<8x63xf32>'}}
  %y = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q8_0>} : tensor<8x63xf32>
  return
}

// -----

func.func @fake_quantize_c3(%x: tensor<8x64xf32>) {
  // expected-error@+1 {{'rlx.fake_quantize' op (C3) expected a scheme with a scale, zero or offset, but 'fp8e4m3' has nothing but codes}}
  %y = rlx.fake_quantize %x {scheme = #rlx.quant<fp8e4m3>} : tensor<8x64xf32>
  return
}

// -----

func.func @fake_quantize_c3_vectors(%x: tensor<8x256xf32>) {
  // expected-error@+1 {{'rlx.fake_quantize' op (C3) the codes of scheme 'gguf_tq1_0' name vectors of a table, expected a scheme whose elements have codes of their own}}
  %y = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_tq1_0>} : tensor<8x256xf32>
  return
}

// -----

func.func @fake_quantize_c3_rule(%x: tensor<8x64xf32>) {
  // expected-error@+1 {{'rlx.fake_quantize' op (C3) expected scheme 'gguf_q4_0' to have a zero or an offset for its rule}}
  %y = rlx.fake_quantize %x rule "minmax" {scheme = #rlx.quant<gguf_q4_0>} : tensor<8x64xf32>
  return
}

// -----

func.func @decode_indices(%w: memref<8x68xi8>, %i: index) {
  // expected-error@+1 {{'rlx.decode' op (C1) expected a memref of i8, or of floats stored plainly, [N, bytes] or [E, N, bytes], and as many indices as it has dimensions, but got 1 indices for 'memref<8x68xi8>'}}
  %v = rlx.decode %w[%i] at 0 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi8> -> vector<16xf32>
  return
}

// -----

func.func @decode_memref(%w: memref<8x68xi16>, %i: index) {
  // expected-error@+1 {{'rlx.decode' op (C1) expected a memref of i8, or of floats stored plainly, [N, bytes] or [E, N, bytes], and as many indices as it has dimensions, but got 2 indices for 'memref<8x68xi16>'}}
  %v = rlx.decode %w[%i, %i] at 0 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi16> -> vector<16xf32>
  return
}

// -----

func.func @decode_result_rank(%w: memref<8x68xi8>, %i: index) {
  // expected-error@+1 {{'rlx.decode' op (C2) expected the result to be a vector of at most 4096 f32, but got 'vector<2x16xf32>'}}
  %v = rlx.decode %w[%i, %i] at 0 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi8> -> vector<2x16xf32>
  return
}

// -----

func.func @decode_result_type(%w: memref<8x68xi8>, %i: index) {
  // expected-error@+1 {{'rlx.decode' op (C2) expected the result to be a vector of at most 4096 f32, but got 'vector<16xf16>'}}
  %v = rlx.decode %w[%i, %i] at 0 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi8> -> vector<16xf16>
  return
}

// -----

func.func @decode_result_scalable(%w: memref<8x68xi8>, %i: index) {
  // expected-error@+1 {{'rlx.decode' op (C2) expected the result to be a vector of at most 4096 f32, but got 'vector<[16]xf32>'}}
  %v = rlx.decode %w[%i, %i] at 0 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi8> -> vector<[16]xf32>
  return
}

// -----

func.func @parallel_for_body(%n: index) {
  // expected-error@+1 {{'rlx.parallel_for' op (C1) expected 'nowhere' to be a function}}
  rlx.parallel_for @nowhere count %n
  return
}

// -----

func.func @block_matmul_scheme(%x: memref<3x64xf32>, %w: memref<8x68xi8>, %y: memref<3x8xf32>) {
  // expected-error@+1 {{'rlx.block_matmul' op requires attribute 'scheme'}}
  rlx.block_matmul ins(%x, %w) outs(%y) {activations = f32} : (memref<3x64xf32>, memref<8x68xi8>, memref<3x8xf32>) -> ()
  return
}
