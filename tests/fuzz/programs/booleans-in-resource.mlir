// A constant of booleans as a resource, a byte each: MLIR cannot translate it.
// input: f32 [3]
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %c = arith.constant dense_resource<r> : tensor<3xi1>
  %z = arith.constant dense<0.0> : tensor<3xf32>
  %y = arith.select %c, %x, %z : tensor<3xi1>, tensor<3xf32>
  return %y : tensor<3xf32>
}
{-# dialect_resources: { builtin: { r: "0x01000000010001" } } #-}
