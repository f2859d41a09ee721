// RUN: rlx-opt %s --rlx-strip-quant --verify-diagnostics

func.func @bytes(%x: tensor<1x64xf32>, %q: tensor<8x64xi8>, %s: tensor<8x2xf32>) -> tensor<1x8xf32> {
  // expected-error@+1 {{'rlx.encoded_view' op sees bytes of the program as a quantized tensor, which have no plain form}}
  %w = rlx.encoded_view %q : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<int8/32>>
  %y = rlx.matmul %x, %w scales(%s) : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}
