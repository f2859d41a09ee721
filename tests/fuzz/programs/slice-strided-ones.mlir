// A buffer's strides did not say which size of 1 a strided slice leaves out.
// input: f32 [4, 15, 9, 12]
// input: i32 [2] = 1 3
func.func @main(%x: tensor<4x15x?x12xf32>, %n: tensor<2xi32>) -> tensor<7x1x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = tensor.extract %n[%c0] : tensor<2xi32>
  %i = arith.index_cast %a : i32 to index
  %b = tensor.extract %n[%c1] : tensor<2xi32>
  %j = arith.index_cast %b : i32 to index
  %y = tensor.extract_slice %x[2, %i, %j, 4] [1, 7, 1, 8] [%c1, 2, 2, 1] : tensor<4x15x?x12xf32> to tensor<7x1x8xf32>
  return %y : tensor<7x1x8xf32>
}
