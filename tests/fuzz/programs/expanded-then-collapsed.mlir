// Dimensions of an expand_shape that are dynamic though their sizes are known,
// collapsed again: a crash of upstream's, which looks through the one from the
// other.
// input: f32 [4, 3072]
// input: f32 [68, 256]
func.func @main(%x: tensor<?x?xf32>, %w: tensor<68x256xf32>) -> tensor<?x?x68xf16> {
  %c0 = arith.constant 0 : index
  %c12 = arith.constant 12 : index
  %c256 = arith.constant 256 : index
  %rows = tensor.dim %x, %c0 : tensor<?x?xf32>
  %parts = tensor.expand_shape %x [[0], [1, 2]] output_shape [%rows, %c12, %c256] : tensor<?x?xf32> into tensor<?x?x?xf32>
  %y = rlx.matmul %parts, %w : (tensor<?x?x?xf32>, tensor<68x256xf32>) -> tensor<?x?x68xf16>
  return %y : tensor<?x?x68xf16>
}
