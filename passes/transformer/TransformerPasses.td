//===- TransformerPasses.td - What transformers need -------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_TRANSFORMER_TRANSFORMERPASSES_TD
#define RLX_PASSES_TRANSFORMER_TRANSFORMERPASSES_TD

include "mlir/Pass/PassBase.td"

def DecomposeTransformerPass : Pass<"rlx-decompose-transformer", "::mlir::func::FuncOp"> {
  let summary = "Norms, rotary embeddings, caches and attention as linalg";
  let description = [{
    Norms, rope_table, rope, append, attention and topk of rlx become loops of
    linalg, slices of tensor and constants, which is what they mean. What is appended
    to a cache that is quantized is quantized and inserted; what attention reads of
    one is dequantized before. With `keep-attention`, rlx.attention stays, for loops of
    its own. Sizes are checked before.

    ```mlir
      %y = rlx.rms_norm %x weight(%g) {epsilon = 1.0e-05} : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
    ==>
      %sums = linalg.generic ... // of squares, over the last dimension
      %y = linalg.generic ins(%x, %sums, %g) ... { math.rsqrt }
    ```
  }];
  let options = [Option<"keepAttention", "keep-attention", "bool", "false",
                        "leave rlx.attention as it is">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

#endif // RLX_PASSES_TRANSFORMER_TRANSFORMERPASSES_TD
