// Ids that are every second of a row, or one of a column, on devices, too.
// input: f32 [3, 64]
// input: f32 [4, 8, 64]
// input: f32 [5, 12]
// input: i32 [3, 4] = 3 0 1 2 2 1 0 3 1 3 2 0
func.func @main(%x: tensor<3x64xf32>, %w: tensor<4x8x64xf32>, %t: tensor<5x12xf32>, %all: tensor<3x4xi32>) -> (tensor<3x2x8xf32>, tensor<?x12xf32>, tensor<2x2x12xf32>) {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<3x64xf32>
  %ids = tensor.extract_slice %all[0, 1] [3, 2] [1, 2] : tensor<3x4xi32> to tensor<3x2xi32>
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<3x64xf32>, tensor<4x8x64xf32>, tensor<3x2xi32>) -> tensor<3x2x8xf32>
  %column = tensor.extract_slice %all[0, 2] [%m, 1] [1, 1] : tensor<3x4xi32> to tensor<?xi32>
  %rows = rlx.embedding %t, %column : (tensor<5x12xf32>, tensor<?xi32>) -> tensor<?x12xf32>
  %corners = tensor.extract_slice %all[0, 0] [2, 2] [2, 3] : tensor<3x4xi32> to tensor<2x2xi32>
  %others = rlx.embedding %t, %corners : (tensor<5x12xf32>, tensor<2x2xi32>) -> tensor<2x2x12xf32>
  return %y, %rows, %others : tensor<3x2x8xf32>, tensor<?x12xf32>, tensor<2x2x12xf32>
}
