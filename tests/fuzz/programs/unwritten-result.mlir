// A result that nothing was written to shared its buffer with one that was: a
// crash.
// input: f32 [0, 5]
func.func @main(%x: tensor<0x5xf32>) -> (tensor<0xf32>, tensor<0xf32>, tensor<?xf32>) {
  %e = tensor.empty() : tensor<0xf32>
  %y = math.absf %e : tensor<0xf32>
  %z = tensor.cast %e : tensor<0xf32> to tensor<?xf32>
  return %e, %y, %z : tensor<0xf32>, tensor<0xf32>, tensor<?xf32>
}
