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
defvar importanceFormat = [{
  (`importance` `(` $importance^ `)`)? (`rule` $rule^)? }];
defvar biasFormat = [{ (`bias` `(` $bias^ `)`)? }];
defvar weightsFormat = [{ (`weights` `=` `reencoded` $reencoded^)? }];
defvar typesFormat = [{ attr-dict `:` functional-type(operands, results) }];

def Rlx_MatmulOp : Rlx_Op<"matmul",
    [Pure, AttrSizedOperandSegments, Rlx_QuantizedWeightOpInterface]> {
  let summary = "activations times a weight, transposed";
  let description = [{
    ```
    y[..., n] = sum_k x[..., k] * value(w)[n, k] + bias[n]
    ```
    `activations` is the type the activations are computed in: f32 (the default),
    bf16, f16, i24, i16 or i8. It is never changed silently.

    Activations of i24, i16 and i8 are integers times a scale, which at most
    `activation_group` elements of K of a row share. Left out, that is 32 for i24,
    and for i8 where scales of w that are no integers are for fewer than 256
    elements of K; and 256 otherwise and where weights are reencoded. i24 loses no
    more than sums of f32 do.

    With `weights = reencoded`, many rows of activations may be multiplied with
    w as 8-bit codes that have one scale for each row and some hundred elements
    of K, to which its values are rounded once more.

    x, bias and result may each be of f32, f16 or bf16. x and the bias are
    converted to f32, which is exact; sums with their bias are f32 and rounded
    once to what the result is.

    Constraints:
    - (C1) x is `[..., K]` of any number of leading dimensions, w is `[N, K]`, the
      result is `[..., N]`, each of f32, f16 or bf16.
    - (C2) scales, zero_points and global_scale are given exactly where the
      scheme of w reads them, with the shape and element type it says.
    - (C3) bias is `[N]` of f32, f16 or bf16.
    - (C4) activations is f32, bf16, f16, i24, i16 or i8.
    - (C5) weights are reencoded only where activations is i16 or i8.
    - (C6) activation_group is 32, 64, 128 or 256, and given only where activations
      is i24, i16 or i8.

    Example:
    ```mlir
    %y = rlx.matmul %x, %w scales(%s) bias(%b) {activations = f32}
        : (tensor<?x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %z = rlx.matmul %x, %v weights = reencoded {activations = i8, activation_group = 256 : i64}
        : (tensor<?x256xf32>, tensor<8x256xf32, #rlx.quant<gguf_q4k>>) -> tensor<?x8xf32>
    ```
  }];
  let arguments = Rlx_SideOperands<
      (ins AnyRankedTensor:$x, AnyRankedTensor:$weight),
      (ins Optional<AnyRankedTensor>:$bias,
           OptionalAttr<TypeAttr>:$activations, UnitAttr:$reencoded,
           OptionalAttr<I64Attr>:$activation_group)>.all;
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
      the result is `[T, S, N]`; x and the result are of f32, f16 or bf16.
    - (C2) as in rlx.matmul, the side operands having a leading E.
    - (C3) bias is `[E, N]` of f32, f16 or bf16.
    - (C4) activations is f32, bf16, f16, i24, i16 or i8.
    - (C5), (C6) as in rlx.matmul.

    Example:
    ```mlir
    %y = rlx.gather_matmul %x, %w, %ids
        : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
    ```
  }];
  let arguments = Rlx_SideOperands<
      (ins AnyRankedTensor:$x, AnyRankedTensor:$weight, AnyRankedTensor:$ids),
      (ins Optional<AnyRankedTensor>:$bias,
           OptionalAttr<TypeAttr>:$activations, UnitAttr:$reencoded,
           OptionalAttr<I64Attr>:$activation_group)>.all;
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
      of ids followed by K, and is f32, or f16 or bf16, to which f32 is rounded.
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
    - (C1) w is quantized; the result has its shape and is f32, f16 or bf16, plain.
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
  let summary = "codes for values, and scales where none are given";
  let description = [{
    ```
    code[n, k] = the code whose value is nearest to x[n, k]
    ```
    Where scales are given beside x, integer codes round halves away from zero
    and saturate; other codes round to the nearest, ties to the even code. So do
    the codes of schemes that have nothing but codes.

    Where none are given, scales, zeros and offsets are chosen by `rule` or,
    without it, by the rule of the scheme: what is written is what
    `rlx::Quantizer` writes, byte for byte (docs/quantize.md). What the scheme
    keeps beside its blocks comes out as further results, in the order scales,
    zero_points, global_scale. Numbers that are not finite are an error of the
    run. `importance` says how much an error in each column counts; scales are
    then searched for. Searches run in RLX's own library, which code that is
    written to a file has not.

    Constraints:
    - (C1) x is f32 and not quantized; the result has its shape and is quantized.
    - (C2) scales, zero_points and global_scale are given as in rlx.matmul, for
      the result, or none of them is, and they are results.
    - (C3) `rule` is one that the scheme can follow; it and importance stand where
      scales, zeros or offsets are to be chosen. Codes name no vectors of a table.
    - (C4) importance is `[K]`, or `[E * K]` of stacked weights, of f32.

    Example:
    ```mlir
    %q = rlx.quantize %x scales(%s)
        : (tensor<8x64xf32>, tensor<8x2xf32>) -> tensor<8x64xf32, #rlx.quant<int8/32>>
    %r, %t = rlx.quantize %x rule "absmax 120"
        : (tensor<8x64xf32>) -> (tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>)
    %u = rlx.quantize %x importance(%i)
        : (tensor<8x64xf32>, tensor<64xf32>) -> tensor<8x64xf32, #rlx.quant<gguf_q4_0>>
    ```
  }];
  let arguments = Rlx_SideOperands<
      (ins AnyRankedTensor:$x),
      (ins Optional<AnyRankedTensor>:$importance, OptionalAttr<StrAttr>:$rule)>.all;
  let results = (outs AnyRankedTensor:$result, Variadic<AnyRankedTensor>:$sides);
  let assemblyFormat = !strconcat("$x", sideFormat, importanceFormat, typesFormat);
  let hasVerifier = 1;
}

def Rlx_FakeQuantizeOp : Rlx_Op<"fake_quantize",
    [Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "what quantizing does to values";
  let description = [{
    ```
    y = value(the codes and scales that rlx.quantize chooses for x)
    ```
    in one pass over the data, bit for bit what rlx.quantize and rlx.dequantize
    give after each other. On devices only for schemes that have one scale a group
    and a rule that f32 follows. Numbers that are not finite are an error of the
    run on the CPU; on devices what becomes of their group is not defined.

    Constraints:
    - (C1) x is f32 and not quantized, of rank 1 at least, 2 or 3 where the scheme
      has side tensors.
    - (C2) K, the last size, is static and a multiple of the block size, and no
      size is 0.
    - (C3) the scheme has scales, zeros or offsets, and `rule` is one that it can
      follow; its codes name no vectors of a table.

    Example:
    ```mlir
    %y = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q4_0>} : tensor<?x64xf32>
    %z = rlx.fake_quantize %x rule "absmax 7" {scheme = #rlx.quant<gguf_q4_0>} : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, Rlx_QuantAttr:$scheme,
                       OptionalAttr<StrAttr>:$rule);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$x (`rule` $rule^)? attr-dict `:` type($x)";
  let hasVerifier = 1;
}

include "ir/RlxBlockOps.td"
include "ir/TransformerOps.td"
include "ir/RlxDeviceOps.td"

#endif
