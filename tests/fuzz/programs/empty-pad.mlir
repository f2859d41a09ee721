// What is padded has no elements: its part of the result would lie behind the last one.
// input: f32 [0, 1, 3]
func.func @main(%x: tensor<0x?x3xf32>) -> (tensor<2x?x5xf32>, tensor<2x?x5xf32>) {
  %zero = arith.constant 0.0 : f32
  %0 = tensor.pad %x low[2, 0, 2] high[0, 0, 0] {
  ^bb0(%i: index, %j: index, %k: index):
    tensor.yield %zero : f32
  } : tensor<0x?x3xf32> to tensor<2x?x5xf32>
  %1 = tensor.pad %x low[1, 0, 0] high[1, 0, 2] {
  ^bb0(%i: index, %j: index, %k: index):
    %one = arith.constant 1.0 : f32
    tensor.yield %one : f32
  } : tensor<0x?x3xf32> to tensor<2x?x5xf32>
  return %0, %1 : tensor<2x?x5xf32>, tensor<2x?x5xf32>
}
