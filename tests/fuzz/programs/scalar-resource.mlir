// A resource of rank 0 has no value that MLIR's lowering could ask for: a trap.
func.func @main() -> (tensor<f32>, tensor<f16>) {
  %a = arith.constant dense_resource<a> : tensor<f32>
  %b = arith.constant dense_resource<b> : tensor<f16>
  return %a, %b : tensor<f32>, tensor<f16>
}
{-# dialect_resources: { builtin: { a: "0x040000003250BDBB", b: "0x020000008F38" } } #-}
