// A part without elements behind the others was a view behind the last element,
// and the sizes of a reshape without elements were told in two ways: both were
// errors on devices.
// input: f32 [4]
// input: f32 [0]
// input: f32 [2, 3]
// input: f32 [0, 5]
func.func @main(%x: tensor<4xf32>, %none: tensor<0xf32>, %z: tensor<2x3xf32>, %f: tensor<0x?xf32>) -> (tensor<4xf32>, tensor<8xf32>, tensor<2x3xf32>, tensor<?xf32>) {
  %a = tensor.concat dim(0) %x, %none : (tensor<4xf32>, tensor<0xf32>) -> tensor<4xf32>
  %b = tensor.concat dim(0) %none, %x, %x, %none : (tensor<0xf32>, tensor<4xf32>, tensor<4xf32>, tensor<0xf32>) -> tensor<8xf32>
  %c = tensor.empty() : tensor<2x0xf32>
  %d = tensor.concat dim(1) %z, %c : (tensor<2x3xf32>, tensor<2x0xf32>) -> tensor<2x3xf32>
  %g = tensor.collapse_shape %f [[0, 1]] : tensor<0x?xf32> into tensor<?xf32>
  %h = arith.addf %g, %g : tensor<?xf32>
  return %a, %b, %d, %h : tensor<4xf32>, tensor<8xf32>, tensor<2x3xf32>, tensor<?xf32>
}
