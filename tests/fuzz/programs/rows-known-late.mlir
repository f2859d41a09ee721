// The compiler crashed where the rows of a matmul became known.
// input: f32 [24]
// input: f32 [6, 24]
func.func @main(%x: tensor<24xf32>, %w: tensor<6x24xf32>) -> tensor<7x6xf32> {
  %c7 = arith.constant 7 : index
  %e = tensor.empty(%c7) : tensor<?x24xf32>
  %rows = linalg.broadcast ins(%x : tensor<24xf32>) outs(%e : tensor<?x24xf32>) dimensions = [0]
  %y = rlx.matmul %rows, %w : (tensor<?x24xf32>, tensor<6x24xf32>) -> tensor<7x6xf32>
  return %y : tensor<7x6xf32>
}
