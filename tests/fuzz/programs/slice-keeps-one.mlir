// Sizes of 1 that a slice keeps were left out in place of others, once its
// sizes were known to be constant.
// input: f32 [6, 7, 17, 2]
// input: i32 [2] = 9 0
func.func @main(%x: tensor<6x7x17x2xf32>, %n: tensor<2xi32>) -> (tensor<1x?x?xf32>, tensor<?x17x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %i = tensor.extract %n[%c0] : tensor<2xi32>
  %size = arith.index_cast %i : i32 to index
  %y = tensor.extract_slice %x[%c3, %c3, 0, 1] [1, %c4, %size, 1] [1, 1, 1, 1] : tensor<6x7x17x2xf32> to tensor<1x?x?xf32>
  %z = tensor.extract_slice %x[0, 2, 0, 0] [%c1, 1, 17, %c1] [1, 1, 1, 1] : tensor<6x7x17x2xf32> to tensor<?x17x?xf32>
  return %y, %z : tensor<1x?x?xf32>, tensor<?x17x?xf32>
}
