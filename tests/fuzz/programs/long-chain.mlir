// A chain of operations that took more rounds to fuse than MLIR's default: an
// error without a message.
// input: f32 [1, 1, 1]
// input: f32 [1, 6, 10, 4]
// input: f32 [1, 1, 1]
// input: f32 [4, 7, 4]
// input: i32 [16]
module {
  func.func @main(%arg0: tensor<1x?x1xf32>, %arg1: tensor<?x?x?x?xf32>, %arg2: tensor<?x?x?xf32>, %arg3: tensor<4x7x4xf32>, %arg4: tensor<16xi32>) -> tensor<?x1x1xf32> {
    %cst = arith.constant -1.000000e+00 : f32
    %c1 = arith.constant 1 : index
    %dim = tensor.dim %arg0, %c1 : tensor<1x?x1xf32>
    %0 = tensor.empty(%dim) : tensor<1x?x1xf32>
    %1 = linalg.fill ins(%cst : f32) outs(%0 : tensor<1x?x1xf32>) -> tensor<1x?x1xf32>
    %2 = arith.addf %arg0, %1 : tensor<1x?x1xf32>
    %3 = math.expm1 %2 : tensor<1x?x1xf32>
    %4 = math.tanh %3 : tensor<1x?x1xf32>
    %5 = arith.addf %4, %arg0 : tensor<1x?x1xf32>
    %6 = math.fma %5, %arg0, %5 : tensor<1x?x1xf32>
    %cast = tensor.cast %arg2 : tensor<?x?x?xf32> to tensor<1x?x1xf32>
    %c0 = arith.constant 0 : index
    %dim_0 = tensor.dim %arg1, %c0 : tensor<?x?x?x?xf32>
    %c1_1 = arith.constant 1 : index
    %dim_2 = tensor.dim %6, %c1_1 : tensor<1x?x1xf32>
    %extracted_slice = tensor.extract_slice %arg3[0, 4, 0] [1, %dim_0, %dim_2] [1, 1, 1] : tensor<4x7x4xf32> to tensor<1x?x?xf32>
    %cast_3 = tensor.cast %extracted_slice : tensor<1x?x?xf32> to tensor<1x?x1xf32>
    %7 = arith.mulf %6, %cast : tensor<1x?x1xf32>
    %8 = math.cos %cast_3 : tensor<1x?x1xf32>
    %9 = arith.subf %7, %8 : tensor<1x?x1xf32>
    %10 = arith.subf %9, %6 : tensor<1x?x1xf32>
    %11 = math.tanh %10 : tensor<1x?x1xf32>
    %12 = math.exp %11 : tensor<1x?x1xf32>
    %13 = math.cos %12 : tensor<1x?x1xf32>
    %c0_4 = arith.constant 0 : index
    %dim_5 = tensor.dim %arg2, %c0_4 : tensor<?x?x?xf32>
    %14 = tensor.empty(%dim_5) : tensor<?x1x1xf32>
    %transposed = linalg.transpose ins(%13 : tensor<1x?x1xf32>) outs(%14 : tensor<?x1x1xf32>) permutation = [1, 2, 0] 
    return %transposed : tensor<?x1x1xf32>
  }
}
