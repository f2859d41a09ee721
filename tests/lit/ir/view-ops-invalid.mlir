// RUN: rlx-opt %s --split-input-file --verify-diagnostics

func.func @encoded_view_c1(%q: tensor<8x64xi8>) {
  // expected-error@+1 {{'rlx.encoded_view' op (C1) expected the result to be quantized, but got 'tensor<8x64xf32>'}}
  %w = rlx.encoded_view %q : tensor<8x64xi8> to tensor<8x64xf32>
  return
}

// -----

func.func @encoded_view_c2_shape(%q: tensor<8x64xi8>) {
  // expected-error@+1 {{'rlx.encoded_view' op (C2) expected 'codes' to be the bytes that 'gguf_q8_0' stores, 'tensor<8x68xi8>' or floats of 8 bits, but got 'tensor<8x64xi8>'}}
  %w = rlx.encoded_view %q : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
  return
}

// -----

func.func @encoded_view_c2_element(%q: tensor<8x64xi16>) {
  // expected-error@+1 {{'rlx.encoded_view' op (C2) expected 'codes' to be the bytes that 'int8/32' stores}}
  %w = rlx.encoded_view %q : tensor<8x64xi16> to tensor<8x64xf32, #rlx.quant<int8/32>>
  return
}
