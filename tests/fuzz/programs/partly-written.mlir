// What an operation does not write of its output stays: a diagonal, a column, a
// reduction over nothing, and the last of each row.
// input: f32 [6]
// input: f32 [6, 6]
// input: f32 [9, 0]
// input: f32 [9]
// input: f32 [4, 5]
// input: f32 [4]
func.func @main(%x: tensor<6xf32>, %c: tensor<6x6xf32>, %none: tensor<9x?xf32>, %n: tensor<9xf32>, %r: tensor<4x5xf32>, %l: tensor<4xf32>) -> (tensor<6x6xf32>, tensor<6x6xf32>, tensor<9xf32>, tensor<4xf32>) {
  %y = linalg.generic {indexing_maps = [affine_map<(a) -> (a)>, affine_map<(a) -> (a, a)>], iterator_types = ["parallel"]} ins(%x : tensor<6xf32>) outs(%c : tensor<6x6xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<6x6xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(a) -> (a)>, affine_map<(a) -> (a, 3)>], iterator_types = ["parallel"]} ins(%x : tensor<6xf32>) outs(%c : tensor<6x6xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<6x6xf32>
  %k = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (a)>], iterator_types = ["parallel", "reduction"]} ins(%none : tensor<9x?xf32>) outs(%n : tensor<9xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<9xf32>
  %last = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (a)>], iterator_types = ["parallel", "reduction"]} ins(%r : tensor<4x5xf32>) outs(%l : tensor<4xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<4xf32>
  return %y, %z, %k, %last : tensor<6x6xf32>, tensor<6x6xf32>, tensor<9xf32>, tensor<4xf32>
}
