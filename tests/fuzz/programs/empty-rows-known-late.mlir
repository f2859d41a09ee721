// Parts without elements of which another size shows only at run time: a view
// of none of none was an error on devices.
// input: f64 [6, 5, 2]
// input: f32 [1, 8]
// input: f64 [1, 0, 3]
// input: i32 [2]
func.func @main(%x: tensor<6x5x2xf64>, %rows: tensor<?x?xf32>, %none: tensor<1x0x?xf64>, %at: tensor<2xi32>) -> (tensor<1x0x?xf64>, tensor<?x0xf64>) {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %rows, %c0 : tensor<?x?xf32>
  %id = tensor.extract %at[%c0] : tensor<2xi32>
  %n = arith.index_cast %id : i32 to index
  %slice = tensor.extract_slice %x[0, %n, 0] [%m, 0, 2] [1, 1, 1] : tensor<6x5x2xf64> to tensor<?x0x2xf64>
  %all = tensor.concat dim(2) %slice, %none : (tensor<?x0x2xf64>, tensor<1x0x?xf64>) -> tensor<1x0x?xf64>
  %row = tensor.extract_slice %x[0, %n, 0] [%m, 0, 1] [1, 1, 1] : tensor<6x5x2xf64> to tensor<?x0xf64>
  return %all, %row : tensor<1x0x?xf64>, tensor<?x0xf64>
}
