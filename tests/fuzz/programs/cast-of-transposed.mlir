// A cast to a size that is not there, of what canonicalization gives the type of
// the cast: the check has to look at where the size comes from.
// error
// input: f32 [4, 6]
func.func @main(%x: tensor<?x6xf32>) -> tensor<6x3xf32> {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x6xf32>
  %empty = tensor.empty(%m) : tensor<6x?xf32>
  %transposed = linalg.transpose ins(%x : tensor<?x6xf32>) outs(%empty : tensor<6x?xf32>) permutation = [1, 0]
  %y = tensor.cast %transposed : tensor<6x?xf32> to tensor<6x3xf32>
  return %y : tensor<6x3xf32>
}
