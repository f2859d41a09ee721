//===- RlxOps.td - Operations on quantized tensors ---------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations of a graph. Their forms on stored bytes, which lowering uses,
// are in RlxBlockOps.td. Constraints are numbered; the verifiers in Ops.cpp and
// the tests in tests/lit/ir carry the same labels.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_RLXOPS_TD
#define RLX_IR_RLXOPS_TD

include "ir/RlxAttributes.td"
include "ir/RlxInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Rlx_Op<string mnemonic, list<Trait> traits = []>
    : Op<RlxDialect, mnemonic, traits>;

def Rlx_WeightOp : Rlx_Op<"weight", [Pure]> {
  let summary = "a weight by name";
  let description = [{
    Stands for the tensor `name` of the weight files given at run time. Weights
    are never constants inside the IR.

    Constraints:
    - (C1) `name` is not empty.
    - (C2) the result has a static shape.

    Example:
    ```mlir
    %w = rlx.weight "blk.0.attn_q.weight" : tensor<4096x4096xf32, #rlx.quant<gguf_q4k>>
    ```
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$name attr-dict `:` type($result)";
  let hasVerifier = 1;
}

class Rlx_SideOperands<dag before, dag after> {
  dag all = !con(before,
                 (ins Optional<AnyRankedTensor>:$scales,
                      Optional<AnyRankedTensor>:$zero_points,
                      Optional<AnyRankedTensor>:$global_scale),
                 after);
}
defvar sideFormat = [{
  (`scales` `(` $scales^ `)`)? (`zero_points` `(` $zero_points^ `)`)?
  (`global_scale` `(` $global_scale^ `)`)? }];
defvar biasFormat = [{ (`bias` `(` $bias^ `)`)? }];
defvar weightsFormat = [{ (`weights` `=` `reencoded` $reencoded^)? }];
defvar typesFormat = [{ attr-dict `:` functional-type(operands, results) }];

def Rlx_MatmulOp : Rlx_Op<"matmul",
    [Pure, AttrSizedOperandSegments, Rlx_QuantizedWeightOpInterface]> {
  let summary = "activations times a weight, transposed";
  let description = [{
    ```
    y[m, n] = sum_k x[m, k] * value(w)[n, k] + bias[n]
    ```
    `activations` is the type the activations are computed in: f32 (the default),
    bf16, f16, i16 or i8. It is never changed silently.

    With `weights = reencoded`, many rows of activations may be multiplied with
    w as 8-bit codes that have one scale for each row and some hundred elements
    of K, to which its values are rounded once more.

    Constraints:
    - (C1) x is `[M, K]`, w is `[N, K]`, the result is `[M, N]`, all of element
      type f32 but for w, whose element type may also be f16 or bf16.
    - (C2) scales, zero_points and global_scale are given exactly where the
      scheme of w reads them, with the shape and element type it says.
    - (C3) bias is `[N]` of f32.
    - (C4) activations is f32, bf16, f16, i16 or i8.
    - (C5) weights are reencoded only where activations is i16 or i8.

    Example:
    ```mlir
    %y = rlx.matmul %x, %w scales(%s) bias(%b) {activations = f32}
        : (tensor<?x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %z = rlx.matmul %x, %v weights = reencoded {activations = i8}
        : (tensor<?x256xf32>, tensor<8x256xf32, #rlx.quant<gguf_q4k>>) -> tensor<?x8xf32>
    ```
  }];
  let arguments = Rlx_SideOperands<
      (ins AnyRankedTensor:$x, AnyRankedTensor:$weight),
      (ins Optional<AnyRankedTensor>:$bias,
           OptionalAttr<TypeAttr>:$activations, UnitAttr:$reencoded)>.all;
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = !strconcat("$x `,` $weight", sideFormat, biasFormat, weightsFormat, typesFormat);
  let hasVerifier = 1;
}

def Rlx_GatherMatmulOp : Rlx_Op<"gather_matmul",
    [Pure, AttrSizedOperandSegments, Rlx_QuantizedWeightOpInterface]> {
  let summary = "each token times the weights of the experts it names";
  let description = [{
    ```
    y[t, s, n] = sum_k x[t, s or all, k] * value(w)[ids[t, s], n, k] + bias[ids[t, s], n]
    ```
    Only experts that are named are read. An id outside `0 <= id < E` is an error
    of the run. `weights = reencoded` is as in rlx.matmul; rows are many where
    the experts have that many on average.

    Constraints:
    - (C1) x is `[T, K]` or `[T, S, K]`, ids is `[T, S]` of i32, w is `[E, N, K]`,
      the result is `[T, S, N]`; x and the result are f32.
    - (C2) as in rlx.matmul, the side operands having a leading E.
    - (C3) bias is `[E, N]` of f32.
    - (C4) activations is f32, bf16, f16, i16 or i8.
    - (C5) as in rlx.matmul.

    Example:
    ```mlir
    %y = rlx.gather_matmul %x, %w, %ids
        : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
    ```
  }];
  let arguments = Rlx_SideOperands<
      (ins AnyRankedTensor:$x, AnyRankedTensor:$weight, AnyRankedTensor:$ids),
      (ins Optional<AnyRankedTensor>:$bias,
           OptionalAttr<TypeAttr>:$activations, UnitAttr:$reencoded)>.all;
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = !strconcat("$x `,` $weight `,` $ids", sideFormat, biasFormat, weightsFormat, typesFormat);
  let hasVerifier = 1;
}

def Rlx_EmbeddingOp : Rlx_Op<"embedding",
    [Pure, AttrSizedOperandSegments, Rlx_QuantizedWeightOpInterface]> {
  let summary = "rows of a table";
  let description = [{
    ```
    y[..., k] = value(table)[ids[...], k]
    ```
    An id outside `0 <= id < N` is an error of the run.

    Constraints:
    - (C1) table is `[N, K]`, ids is of i32 and rank >= 1, the result has the shape
      of ids followed by K, and is f32.
    - (C2) as in rlx.matmul.

    Example:
    ```mlir
    %y = rlx.embedding %table, %ids
        : (tensor<100x64xf32, #rlx.quant<gguf_q8_0>>, tensor<7xi32>) -> tensor<7x64xf32>
    ```
  }];
  let arguments = Rlx_SideOperands<
      (ins AnyRankedTensor:$table, AnyRankedTensor:$ids), (ins)>.all;
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = !strconcat("$table `,` $ids", sideFormat, typesFormat);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::OpOperand &getQuantizedWeightMutable() { return getTableMutable(); }
  }];
}

def Rlx_DequantizeOp : Rlx_Op<"dequantize",
    [Pure, AttrSizedOperandSegments, Rlx_QuantizedWeightOpInterface]> {
  let summary = "the values of a quantized tensor";
  let description = [{
    ```
    y[n, k] = value(w)[n, k]
    ```
    There is no folder: folding would materialise the weights.

    Constraints:
    - (C1) w is quantized; the result has its shape, is not quantized, and is f32.
    - (C2) as in rlx.matmul.

    Example:
    ```mlir
    %y = rlx.dequantize %w : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32>
    ```
  }];
  let arguments =
      Rlx_SideOperands<(ins AnyRankedTensor:$weight), (ins)>.all;
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = !strconcat("$weight", sideFormat, typesFormat);
  let hasVerifier = 1;
}

def Rlx_QuantizeOp : Rlx_Op<"quantize", [Pure, AttrSizedOperandSegments]> {
  let summary = "codes for values, the scales being given";
  let description = [{
    ```
    code[n, k] = the code whose value is nearest to x[n, k]
    ```
    Integer codes round halves away from zero and saturate; other codes round to
    the nearest, ties to the even code.

    Constraints:
    - (C1) x is f32 and not quantized; the result has its shape and is quantized.
    - (C2) as in rlx.matmul, for the result.
    - (C3) the scheme of the result keeps nothing but codes in its blocks: scales
      that lie in the block would have to be searched for.

    Example:
    ```mlir
    %q = rlx.quantize %x scales(%s)
        : (tensor<8x64xf32>, tensor<8x2xf32>) -> tensor<8x64xf32, #rlx.quant<int8/32>>
    ```
  }];
  let arguments = Rlx_SideOperands<(ins AnyRankedTensor:$x), (ins)>.all;
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = !strconcat("$x", sideFormat, typesFormat);
  let hasVerifier = 1;
}

include "ir/RlxBlockOps.td"
include "ir/RlxDeviceOps.td"

#endif
