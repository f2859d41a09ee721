//===- RlxDeviceOps.td - Operations for devices ------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The target of device kernels as an attribute, the forms that operations on
// stored bytes take for devices, and the launch of a kernel.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_RLXDEVICEOPS_TD
#define RLX_IR_RLXDEVICEOPS_TD

def Rlx_InterleaveWeightOp : Rlx_BlockOp<"interleave_weight"> {
  let summary = "stored bytes into words that lie row beside row";
  let description = [{
    Each K block of a row becomes a device block: a block of the scheme `device_block`,
    which says the same numbers as `scheme` with all fields in the block and no
    plane across a word. A tile is `rows` rows whose device blocks lie interleaved,
    `words` words of a row at a time, so that neighbouring work-items, or the
    lanes of a vector, read neighbouring words of neighbouring rows
    (passes/gpu/layout/DeviceBlockLayout.h). The result is `[tiles, words of a tile]` or
    `[E, tiles, words of a tile]`. `part` names the rows, or the experts, that
    are taken, `[first, count, of how many]`, where a weight is larger than a
    buffer may be.

    Constraints:
    - (C1) as in rlx.block_matmul; the init has the shape above, of i32.
    - (C2), (C3) as in rlx.block_matmul.
    - (C4) `device_block` has the fields of `scheme`, with the same numbers, all in the
      block, whose planes have 1, 2, 4, 8, 16 or 32 bits and cross no word; it is
      whole groups of `words` words.
    - (C5) `rows` and `words` are powers of two of at most 256.
    - (C6) `part` lies within the rows, or the experts, that there are.

    Example:
    ```mlir
    rlx.interleave_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, device_block = #rlx.quant<#r>, rows = 32 : i64, words = 4 : i64}
        : (memref<8x68xi8>, memref<1x640xi32>) -> ()
    ```
  }];
  let arguments = Rlx_BlockSideOperands<
      (ins Rlx_TensorOrMemRef:$weight),
      (ins Rlx_TensorOrMemRef:$init, Rlx_QuantAttr:$scheme,
           Rlx_QuantAttr:$device_block, I64Attr:$rows, I64Attr:$words,
           UnitAttr:$once, OptionalAttr<DenseI64ArrayAttr>:$part)>.all;
  let assemblyFormat = !strconcat("`ins` `(` $weight `)`", sideFormat, "`outs` `(` $init `)`", typesFormat);
  let hasVerifier = 1;
}

def Rlx_InterleavedMatmulOp : Rlx_BlockOp<"interleaved_matmul"> {
  let summary = "rlx.block_matmul on an interleaved weight";
  let description = [{
    `weight` is the result of rlx.interleave_weight; with `ids` it is one of
    stacked experts. With `part`, `[first, count, of how many]`, only these
    columns of the result, or the results of these experts, are written.
    `activations` is the type that activations may be rounded to. With
    `activation_group`, they are rounded to i8, with a scale for each so many
    elements of K, where there are several rows.

    Constraints:
    - (C1), (C4) as in rlx.block_matmul; (C4), (C5), (C6) for `device_block`, `rows`,
      `words` and `part` as in rlx.interleave_weight.
    - (C2) weight has the shape of the result of rlx.interleave_weight.
    - (C3) activations is f32, bf16, f16, i24, i16 or i8; activation_group is 32, and
      given only with i8.

    Example:
    ```mlir
    rlx.interleaved_matmul ins(%x, %p) outs(%y) {device_block = #rlx.quant<#r>, activations = f32, rows = 32 : i64, words = 4 : i64}
        : (memref<?x64xf32>, memref<1x640xi32>, memref<?x8xf32>) -> ()
    ```
  }];
  let arguments = (ins Rlx_TensorOrMemRef:$x, Rlx_TensorOrMemRef:$weight,
      Optional<Rlx_TensorOrMemRef>:$ids, Optional<Rlx_TensorOrMemRef>:$bias,
      Rlx_TensorOrMemRef:$init, Rlx_QuantAttr:$device_block, TypeAttr:$activations,
      I64Attr:$rows, I64Attr:$words, OptionalAttr<DenseI64ArrayAttr>:$part,
      OptionalAttr<I64Attr>:$activation_group);
  let assemblyFormat = !strconcat("`ins` `(` $x `,` $weight (`,` $ids^)? `)`", biasFormat, "`outs` `(` $init `)`", typesFormat);
  let hasVerifier = 1;
}

def Rlx_DispatchOp : Rlx_Op<"dispatch",
    [AttrSizedOperandSegments,
     DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel on workgroups";
  let description = [{
    `kernel` takes the buffers and then the scalars, as i32. Buffers are passed
    whole: what they are views of, from its first element on. `once` marks what
    depends on weights alone and need not run again.

    Constraints:
    - (C1) where `kernel` is a function of the module, it takes so many buffers
      and scalars.

    Example:
    ```mlir
    rlx.dispatch @kernels::@matmul groups(%gx, %gy, %gz) buffers(%x, %p, %y) scalars(%m)
        : memref<?x64xf32>, memref<1x640xi32>, memref<?x8xf32>
    ```
  }];
  let arguments = (ins SymbolRefAttr:$kernel, Index:$groupsX, Index:$groupsY,
      Index:$groupsZ, Variadic<AnyMemRef>:$buffers, Variadic<Index>:$scalars,
      UnitAttr:$once);
  let assemblyFormat = [{
    $kernel `groups` `(` $groupsX `,` $groupsY `,` $groupsZ `)`
    (`buffers` `(` $buffers^ `)`)? (`scalars` `(` $scalars^ `)`)?
    attr-dict (`:` type($buffers)^)? }];
}

#endif
