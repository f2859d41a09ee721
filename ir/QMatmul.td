//===- QMatmul.td - Products of integers, requantized ------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_IR_QMATMUL_TD
#define RLX_IR_QMATMUL_TD

include "ir/RlxDialect.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Rlx_QMatmulOp : Op<RlxDialect, "qmatmul", [Pure, AttrSizedOperandSegments]> {
  let summary = "integer activations times integer weights, transposed, requantized";
  let description = [{
    ```
    sum[..., n] = sum_k (x[..., k] - x_zero_point) * (w[n, k] - zero_points[n]) + bias[n]
    y[..., n] = sum[..., n]                                                      without scales
    y[..., n] = clamp(round(sum[..., n] * scales[n]) + zero_point, -128, 127)    with scales
    ```
    Sums are i32 and wrap around. With scales they are requantized: a sum is
    converted to f32, multiplied in f32 and rounded, halves away from zero.

    Constraints:
    - (C1) x is `[..., K]` and w `[N, K]`, both of i8; the result is `[..., N]`, of
      i8 with scales, of i32 without.
    - (C2) x_zero_point is `[1]`, zero_points `[1]` or `[N]`, of i32.
    - (C3) bias is `[N]` of i32.
    - (C4) scales is `[1]` or `[N]` of f32. zero_point is -128 to 127, and 0 without
      scales.

    Example:
    ```mlir
    %sum = rlx.qmatmul %x, %w x_zero_point(%z)
        : (tensor<?x64xi8>, tensor<8x64xi8>, tensor<1xi32>) -> tensor<?x8xi32>
    %y = rlx.qmatmul %x, %w bias(%b) scales(%s) {zero_point = -3 : i64}
        : (tensor<?x64xi8>, tensor<8x64xi8>, tensor<8xi32>, tensor<8xf32>) -> tensor<?x8xi8>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$weight,
                       Optional<AnyRankedTensor>:$x_zero_point,
                       Optional<AnyRankedTensor>:$zero_points,
                       Optional<AnyRankedTensor>:$bias,
                       Optional<AnyRankedTensor>:$scales,
                       DefaultValuedAttr<I64Attr, "0">:$zero_point);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $x `,` $weight (`x_zero_point` `(` $x_zero_point^ `)`)?
    (`zero_points` `(` $zero_points^ `)`)? (`bias` `(` $bias^ `)`)?
    (`scales` `(` $scales^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
