// A product of rows that two loops of the result choose together, i + j: neither
// of them is one of N.
// input: i32 [3, 128]
// input: i32 [2, 2, 128]
// input: i32 [2, 2]
// input: f32 [72, 20]
// input: f32 [33, 40, 20]
func.func @main(%a: tensor<3x128xi32>, %b: tensor<2x2x128xi32>, %c: tensor<2x2xi32>, %x: tensor<?x?xf32>, %w: tensor<?x?x?xf32>) -> (tensor<2x2xi32>, tensor<33x40xf32>) {
  %y = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i + j, k)>, affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<3x128xi32>, tensor<2x2x128xi32>) outs(%c : tensor<2x2xi32>) {
  ^bb0(%p: i32, %q: i32, %o: i32):
    %m = arith.muli %p, %q : i32
    %s = arith.addi %o, %m : i32
    linalg.yield %s : i32
  } -> tensor<2x2xi32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<33x40xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<33x40xf32>) -> tensor<33x40xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i + j, k)>, affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<?x?xf32>, tensor<?x?x?xf32>) outs(%f : tensor<33x40xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<33x40xf32>
  return %y, %z : tensor<2x2xi32>, tensor<33x40xf32>
}
