// Loops along the last dimension of an operand that another of its dimensions
// counts too: squares of a transpose took them for neighbours in memory.
// input: f32 [32, 32, 32]
// input: f32 [64, 32]
func.func @main(%x: tensor<32x32x32xf32>, %z: tensor<64x32xf32>) -> (tensor<32x32xf32>, tensor<32x32xf32>) {
  %e = tensor.empty() : tensor<32x32xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b, a)>, affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<32x32x32xf32>) outs(%e : tensor<32x32xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<32x32xf32>
  %v = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a + b, a)>, affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"]} ins(%z : tensor<64x32xf32>) outs(%e : tensor<32x32xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<32x32xf32>
  return %y, %v : tensor<32x32xf32>, tensor<32x32xf32>
}
