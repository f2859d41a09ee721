// A packed tensor of fewer tiles than there are is an error.
// error
// input: f32 [7, 5]
// input: f32 [7, 2, 2]
func.func @main(%x: tensor<?x?xf32>, %y: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %zero = arith.constant 0.0 : f32
  %z = linalg.pack %x padding_value(%zero : f32) inner_dims_pos = [1] inner_tiles = [2] into %y : tensor<?x?xf32> -> tensor<?x?x2xf32>
  return %z : tensor<?x?x2xf32>
}
