//===- ViewOps.td - Plain tensors seen as quantized ones ---*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_IR_VIEWOPS_TD
#define RLX_IR_VIEWOPS_TD

include "ir/RlxDialect.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Rlx_EncodedViewOp : Op<RlxDialect, "encoded_view", [Pure]> {
  let summary = "the bytes of a plain tensor as a quantized tensor";
  let description = [{
    ```
    stored bytes of the result = bytes of codes
    ```
    Nothing is moved or converted: row by row, the bytes are the blocks that the
    scheme of the result describes. What a scheme keeps beside its blocks is an
    operand of those operations that read the weight, as ever.

    Constraints:
    - (C1) the result is quantized.
    - (C2) codes is plain, of elements of 8 bits, and has the shape of the stored
      bytes: `[N, bytes of a row]`, or `[E, N, bytes of a row]`.

    Example:
    ```mlir
    %w = rlx.encoded_view %q : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<int8/32>>
    %y = rlx.matmul %x, %w scales(%s)
        : (tensor<?x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>) -> tensor<?x8xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$codes);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$codes attr-dict `:` type($codes) `to` type($result)";
  let hasVerifier = 1;
}

#endif
