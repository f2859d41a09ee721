//===- TmTensor.td - torch-mlir's tm_tensor dialect --------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations that torch-mlir writes beside linalg, under its names, with
// its operands, attributes and texts: exported programs are read as they are.
// On tensors alone. Constraints are numbered; the verifiers in TmTensor.cpp and
// the tests in tests/lit/ir carry the same labels.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_TMTENSOR_TD
#define RLX_IR_TMTENSOR_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def TmTensor_Dialect : Dialect {
  let name = "tm_tensor";
  let cppNamespace = "::rlx::tm_tensor";
  let summary = "What torch-mlir writes beside linalg";
}

class TmTensor_Op<string mnemonic, list<Trait> traits = []>
    : Op<TmTensor_Dialect, mnemonic,
         !listconcat(traits, [AttrSizedOperandSegments, RecursiveMemoryEffects])> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasVerifier = 1;
}

def TmTensor_ScanOp : TmTensor_Op<"scan"> {
  let summary = "running totals along a dimension";
  let description = [{
    `out[i] = f(out[i - 1], in[i])`, beginning with `in[0]`; where it is not
    inclusive `out[i] = f(out[i - 1], in[i - 1])`, beginning with the accumulator.
    The second result is the last total of more than one element, else the
    accumulator.

    Constraints:
    - (T1) one input, two outputs: the totals, of the input's type, and the
      accumulator, without the dimension.
    - (T2) `dimension` is one of the input.
    - (T3) the region takes two elements and yields one.
    - (T4) results are of the outputs' types.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs,
                       Variadic<AnyRankedTensor>:$outputs,
                       I64Attr:$dimension, BoolAttr:$inclusive);
  let regions = (region SizedRegion<1>:$region);
  let assemblyFormat = [{
    `dimension` `(` $dimension `)` `inclusive` `(` $inclusive `)` attr-dict
    `ins` `(` $inputs `:` type($inputs) `)`
    `outs` `(` $outputs `:` type($outputs) `)`
    $region (`->` type($results)^)?
  }];
}

def TmTensor_ScatterOp : TmTensor_Op<"scatter"> {
  let summary = "updates at given positions";
  let description = [{
    For each row of the indices, in order, `out[p] = f(update, out[p])`. A row
    names the coordinates of the dimensions that `dimension_map` lists; the
    dimensions of an update behind its first are the last ones of the output, to
    whose indices named coordinates are added.

    Constraints:
    - (T1) two inputs: updates of rank 1 or more, and indices of integers, of rank
      2, with as many columns as `dimension_map` has entries; one output.
    - (T2) `dimension_map` lists dimensions of the output, each at most once.
    - (T3) the region takes two elements of the output and yields one.
    - (T4) the result is of the output's type.
    - (T5) an update has at most as many dimensions as the output, and every
      dimension of the output is either named or one of an update.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs,
                       Variadic<AnyRankedTensor>:$outputs,
                       DenseI64ArrayAttr:$dimension_map,
                       DefaultValuedAttr<BoolAttr, "true">:$unique_indices);
  let regions = (region SizedRegion<1>:$region);
  let assemblyFormat = [{
    attr-dict `unique_indices` `(` $unique_indices `)`
    (`ins` `(` $inputs^ `:` type($inputs) `)`)?
    `outs` `(` $outputs `:` type($outputs) `)`
    $region (`->` type($results)^)?
  }];
}

def TmTensor_SortOp : TmTensor_Op<"sort"> {
  let summary = "sorted along a dimension";
  let description = [{
    Sorts the first output, and the others with it, so that `f(a, b)` holds for
    neighbours. Elements for which it holds both ways stay in their order.

    Constraints:
    - (T1) no inputs; outputs of the same sizes.
    - (T2) `dimension` is one of the outputs.
    - (T3) the region takes two elements of each output and yields an i1.
    - (T4) results are of the outputs' types.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs,
                       Variadic<AnyRankedTensor>:$outputs,
                       I64Attr:$dimension);
  let regions = (region SizedRegion<1>:$region);
  let assemblyFormat = [{
    attr-dict `dimension` `(` $dimension `)`
    (`ins` `(` $inputs^ `:` type($inputs) `)`)?
    `outs` `(` $outputs `:` type($outputs) `)`
    $region (`->` type($results)^)?
  }];
}

def TmTensor_TopkOp : TmTensor_Op<"topk"> {
  let summary = "the first elements in an order, and their indices";
  let description = [{
    Puts each element of the input, in order, into the outputs where `f(new, old)`
    holds, and those behind it one further. Of elements that are alike the one
    with the smaller index is first. Indices are those of the second input, or
    along the dimension.

    Constraints:
    - (T1) one input, or two of the same sizes; two outputs of the same sizes,
      those of the input but along the dimension; indices are integers.
    - (T2) `dimension` is one of the input.
    - (T3) the region takes two elements and yields an i1.
    - (T4) results are of the outputs' types.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs,
                       Variadic<AnyRankedTensor>:$outputs,
                       I64Attr:$dimension);
  let regions = (region SizedRegion<1>:$region);
  let assemblyFormat = [{
    attr-dict `dimension` `(` $dimension `)`
    (`ins` `(` $inputs^ `:` type($inputs) `)`)?
    `outs` `(` $outputs `:` type($outputs) `)`
    $region (`->` type($results)^)?
  }];
}

def TmTensor_AttentionOp : TmTensor_Op<"attention"> {
  let summary = "scaled dot-product attention";
  let description = [{
    `softmax(q k^T * scale + mask) v` for q of `[..., M, D]`, k of `[..., L, D]`, v
    of `[..., L, E]` and a mask of `[..., M, L]`; without `scale`,
    `q k^T / sqrt(D)`. A mask of booleans is 0 where it is true, and minus infinity
    elsewhere. A row of which nothing is left is 0.

    Constraints:
    - (T1) three or four inputs of the output's rank, at least 2, with sizes as
      above; floats, all of one type; the mask may be of booleans or of another
      float; one output, `[..., M, E]`.
    - (T4) the result is of the output's type.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs,
                       Variadic<AnyRankedTensor>:$outputs,
                       OptionalAttr<F64Attr>:$scale);
  let assemblyFormat = [{
    attr-dict `ins` `(` $inputs `:` type($inputs) `)`
    `outs` `(` $outputs `:` type($outputs) `)` (`->` type($results)^)?
  }];
}

def TmTensor_YieldOp
    : Op<TmTensor_Dialect, "yield", [Pure, ReturnLike, Terminator]> {
  let summary = "ends the region of an operation";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
}

#endif
