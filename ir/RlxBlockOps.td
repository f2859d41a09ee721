//===- RlxBlockOps.td - Operations on stored bytes ---------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the operations of RlxOps.td become once encoded tensors are byte
// buffers: the weight operand is the stored bytes and the scheme is an
// attribute. They are destination-passing, on tensors before bufferization and
// on memrefs after it. Below them, the operations of generated loops.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_RLXBLOCKOPS_TD
#define RLX_IR_RLXBLOCKOPS_TD

include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/IR/SymbolInterfaces.td"

def Rlx_TensorOrMemRef : AnyTypeOf<[AnyRankedTensor, AnyNon0RankedMemRef]>;

class Rlx_BlockOp<string mnemonic>
    : Rlx_Op<mnemonic, [AttrSizedOperandSegments, DestinationStyleOpInterface,
                        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

class Rlx_BlockSideOperands<dag before, dag after> {
  dag all = !con(before,
                 (ins Optional<Rlx_TensorOrMemRef>:$scales,
                      Optional<Rlx_TensorOrMemRef>:$zero_points,
                      Optional<Rlx_TensorOrMemRef>:$global_scale),
                 after);
}

// What a matmul does with its sums before it stores them. The region's first
// argument is an element of the result, the others are elements of `inputs`,
// each at the position that its map gives for the element's.
defvar epilogueFormat = [{ (`epilogue` `(` $epilogue_inputs `)` $epilogue_maps $epilogue^)? }];
defvar epilogueDescription = [{
    With an epilogue, its region is applied to each sum before it is stored. The
    arguments of the region are the sum and an element of each input, at the
    position that the input's map gives for the sum's; `rlx.yield` gives what is
    stored. `tiles` says how the loops are cut; left out, it is chosen.
}];

def Rlx_BlockMatmulOp : Rlx_BlockOp<"block_matmul"> {
  let summary = "rlx.matmul or rlx.gather_matmul on stored bytes";
  let description = !strconcat([{
    `weight` is `[N, bytes]` or, where `ids` is given, `[E, N, bytes]` of i8; a
    plain tensor keeps its element type, `[N, K]`.
  }], epilogueDescription, [{

    Constraints:
    - (C1) operands are all tensors without encodings, or all memrefs with strides.
      x is `[M, K]` and the init `[M, N]`; with ids, which are `[T, S]` of i32, x is
      `[T, K]` or `[T, S, K]` and the init `[T, S, N]`. K and N are static, x and
      the init f32.
    - (C2) weight is static and holds whole blocks of the scheme, as i8, or plain
      numbers that the scheme describes.
    - (C3) scales, zero_points and global_scale are given exactly where the
      scheme reads them, with the shape and element type it says.
    - (C4) bias is `[N]`, or `[E, N]` with ids, of f32.
    - (C5) activations is f32, bf16, f16, i24, i16 or i8, and one of the last two where
      weights are reencoded or activation_group is given, which is as in rlx.matmul.
    - (C6) the epilogue takes the sum and an element of each input, of which it
      computes f32 with constants and elementwise operations; the inputs' maps
      take dimensions of the init in their order, or constants.

    Example:
    ```mlir
    rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32}
        : (memref<?x64xf32>, memref<8x68xi8>, memref<?x8xf32>) -> ()
    ```
  }]);
  let arguments = Rlx_BlockSideOperands<
      (ins Rlx_TensorOrMemRef:$x, Rlx_TensorOrMemRef:$weight,
           Optional<Rlx_TensorOrMemRef>:$ids),
      (ins Optional<Rlx_TensorOrMemRef>:$bias,
           Variadic<Rlx_TensorOrMemRef>:$epilogue_inputs,
           Rlx_TensorOrMemRef:$init,
           Rlx_QuantAttr:$scheme, TypeAttr:$activations,
           OptionalAttr<Rlx_TilesAttr>:$tiles,
           OptionalAttr<AffineMapArrayAttr>:$epilogue_maps,
           UnitAttr:$reencoded, OptionalAttr<I64Attr>:$activation_group)>.all;
  let regions = (region MaxSizedRegion<1>:$epilogue);
  let hasCanonicalizer = 1;
  let assemblyFormat = !strconcat("`ins` `(` $x `,` $weight (`,` $ids^)? `)`", sideFormat, biasFormat, epilogueFormat, "`outs` `(` $init `)`", typesFormat);
  let hasVerifier = 1;
}

def Rlx_BlockDequantizeOp : Rlx_BlockOp<"block_dequantize"> {
  let summary = "rlx.dequantize or rlx.embedding on stored bytes";
  let description = [{
    Writes the values of all rows, or of the rows that `ids` names.

    Constraints:
    - (C1) as in rlx.block_matmul; the init is `[N, K]` or `[E, N, K]`, or has the
      shape of ids, which are of i32, followed by K. It is f32.
    - (C2), (C3) as in rlx.block_matmul; with ids, weight has rank 2.

    Example:
    ```mlir
    rlx.block_dequantize ins(%w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>}
        : (memref<8x68xi8>, memref<8x64xf32>) -> ()
    ```
  }];
  let arguments = Rlx_BlockSideOperands<
      (ins Rlx_TensorOrMemRef:$weight, Optional<Rlx_TensorOrMemRef>:$ids),
      (ins Rlx_TensorOrMemRef:$init, Rlx_QuantAttr:$scheme)>.all;
  let assemblyFormat = !strconcat("`ins` `(` $weight (`,` $ids^)? `)`", sideFormat, "`outs` `(` $init `)`", typesFormat);
  let hasVerifier = 1;
}

def Rlx_BlockQuantizeOp : Rlx_BlockOp<"block_quantize"> {
  let summary = "rlx.quantize into stored bytes";
  let description = [{
    The first init is the blocks; the others are the side tensors, where they are
    not given but chosen, in the order scales, zero_points, global_scale.

    Constraints:
    - (C1), (C2) as in rlx.block_dequantize, x taking the place of the init and
      the first init that of the weight.
    - (C3) side tensors are operands as in rlx.block_dequantize, or all of them
      are inits.
    - (C4) `rule` and importance are as in rlx.quantize.

    Example:
    ```mlir
    rlx.block_quantize ins(%x) scales(%s) outs(%q) {scheme = #rlx.quant<int8/32>}
        : (memref<8x64xf32>, memref<8x2xf32>, memref<8x64xi8>) -> ()
    rlx.block_quantize ins(%x) outs(%q, %s) {scheme = #rlx.quant<int8/32>}
        : (memref<8x64xf32>, memref<8x64xi8>, memref<8x2xf32>) -> ()
    ```
  }];
  let arguments = Rlx_BlockSideOperands<
      (ins Rlx_TensorOrMemRef:$x),
      (ins Optional<Rlx_TensorOrMemRef>:$importance,
           Variadic<Rlx_TensorOrMemRef>:$inits, Rlx_QuantAttr:$scheme,
           OptionalAttr<StrAttr>:$rule)>.all;
  let assemblyFormat = !strconcat("`ins` `(` $x `)`", sideFormat, importanceFormat, "`outs` `(` $inits `)`", typesFormat);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitsMutable(); }
    /// The blocks.
    ::mlir::Value getInit() { return getInits().front(); }
    /// Whether scales, zeros or offsets are chosen, not given.
    bool choosesScales();
  }];
}

def Rlx_BlockFakeQuantizeOp : Rlx_Op<"block_fake_quantize",
    [DestinationStyleOpInterface, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "rlx.fake_quantize into a buffer";
  let description = [{
    Constraints:
    - (C1) x and the init are tensors, or memrefs with strides, without encodings,
      of the same shape, of f32.
    - (C2), (C3) as in rlx.fake_quantize.

    Example:
    ```mlir
    rlx.block_fake_quantize ins(%x) outs(%y) {scheme = #rlx.quant<gguf_q4_0>}
        : (memref<?x64xf32>, memref<?x64xf32>) -> ()
    ```
  }];
  let arguments = (ins Rlx_TensorOrMemRef:$x, Rlx_TensorOrMemRef:$init,
                       Rlx_QuantAttr:$scheme, OptionalAttr<StrAttr>:$rule);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = !strconcat("`ins` `(` $x `)` (`rule` $rule^)? `outs` `(` $init `)`", typesFormat);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Rlx_PackWeightOp : Rlx_BlockOp<"pack_weight"> {
  let summary = "stored bytes into the layout of a kernel";
  let description = [{
    Rows are interleaved, so that a vector lane is a row, and all fields of a K
    block lie where the kernel reads them, as their codes: as `layout` says. The
    result is `[bytes]`, or `[E, bytes]`.

    Constraints:
    - (C1), (C2), (C3) as in rlx.block_matmul, for the weight.
    - (C4) K is a multiple of the layout's K block. That the layout is the scheme's,
      --rlx-choose-tiles and --rlx-blocks-to-loops check.
    - (C5) the init is `[bytes]` or `[E, bytes]` of i8, as many bytes as the layout
      has for the weight.

    Example:
    ```mlir
    rlx.pack_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>}
        : (memref<8x68xi8>, memref<1088xi8>) -> ()
    ```
  }];
  let arguments = Rlx_BlockSideOperands<
      (ins Rlx_TensorOrMemRef:$weight),
      (ins Rlx_TensorOrMemRef:$init, Rlx_QuantAttr:$scheme, Rlx_PackedAttr:$layout)>.all;
  let assemblyFormat = !strconcat("`ins` `(` $weight `)`", sideFormat, "`outs` `(` $init `)`", typesFormat);
  let hasVerifier = 1;
}

def Rlx_PackedMatmulOp : Rlx_BlockOp<"packed_matmul"> {
  let summary = "rlx.block_matmul on a packed weight, with integer activations";
  let description = !strconcat([{
    Activations are quantized to `activations` (i8, i16 or i24), symmetrically, with a
    scale for each `activation_group` elements of K that the layout names. `weight` is the result of
    rlx.pack_weight. With `reencoded`, kernels may use weights that are re-encoded
    to i8 with one scale for each row and K block, for M from the second kernel's
    `min_m` on; of experts, the mean number of rows counts.
  }], epilogueDescription, [{

    Constraints:
    - (C1), (C4), (C6) as in rlx.block_matmul; K is a multiple of the scheme's
      block.
    - (C2) weight is `[bytes]`, or `[E, bytes]` with ids, of i8, as many bytes as the
      layout has for it.
    - (C3) K is a multiple of the layout's K block; the layout is the scheme's, as in
      rlx.pack_weight.
    - (C5) activations is i8, i16 or i24.

    Example:
    ```mlir
    rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>}
        : (memref<?x64xf32>, memref<1088xi8>, memref<?x8xf32>) -> ()
    ```
  }]);
  let arguments = (ins Rlx_TensorOrMemRef:$x, Rlx_TensorOrMemRef:$weight,
      Optional<Rlx_TensorOrMemRef>:$ids, Optional<Rlx_TensorOrMemRef>:$bias,
      Variadic<Rlx_TensorOrMemRef>:$epilogue_inputs,
      Rlx_TensorOrMemRef:$init, Rlx_QuantAttr:$scheme, TypeAttr:$activations,
      Rlx_PackedAttr:$layout, OptionalAttr<Rlx_TilesAttr>:$tiles,
      OptionalAttr<AffineMapArrayAttr>:$epilogue_maps, UnitAttr:$reencoded);
  let regions = (region MaxSizedRegion<1>:$epilogue);
  let hasCanonicalizer = 1;
  let assemblyFormat = !strconcat("`ins` `(` $x `,` $weight (`,` $ids^)? `)`", biasFormat, epilogueFormat, "`outs` `(` $init `)`", typesFormat);
  let hasVerifier = 1;
}

def Rlx_YieldOp : Rlx_Op<"yield",
    [Pure, Terminator, ParentOneOf<["BlockMatmulOp", "PackedMatmulOp"]>]> {
  let summary = "what a matmul's epilogue stores";
  let description = [{
    Example:
    ```mlir
    rlx.yield %0 : f32
    ```
  }];
  let arguments = (ins F32:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

//===----------------------------------------------------------------------===//
// Inside loops
//===----------------------------------------------------------------------===//

def Rlx_DotOp : Rlx_Op<"dot", [Pure, AllTypesMatch<["accumulator", "result"]>,
                               AllTypesMatch<["codes", "activations"]>]> {
  let summary = "sums of four products of bytes a lane";
  let description = [{
    ```
    result[i] = accumulator[i] + sum_j unsigned(codes[4 i + j]) * signed(activations[4 i + j])
    ```
    `below` says that codes are less than it, which some targets' instructions
    need to know to be exact.

    Constraints:
    - (C1) there are four codes for each lane of the accumulator, which has at most
      1024.
    - (C2) `below` is 1 to 256.

    Example:
    ```mlir
    %s = rlx.dot %codes, %activations, %sum below 16 : vector<64xi8>, vector<16xi32>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I8]>:$codes,
      VectorOfRankAndType<[1], [I8]>:$activations,
      VectorOfRankAndType<[1], [I32]>:$accumulator, I64Attr:$below);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = [{ $codes `,` $activations `,` $accumulator `below` $below attr-dict `:`
    type($codes) `,` type($accumulator) }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Rlx_LookupOp : Rlx_Op<"lookup", [Pure, AllTypesMatch<["codes", "result"]>]> {
  let summary = "entries of a table of 16 bytes";
  let description = [{
    ```
    result[i] = table[codes[i] % 16]
    ```

    Constraints:
    - (C1) the table has 16 entries.
    - (C2) the vector is of fixed length, at most 4096.

    Example:
    ```mlir
    %v = rlx.lookup %codes [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12] : vector<64xi8>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I8]>:$codes, DenseI8ArrayAttr:$table);
  let results = (outs VectorOfRankAndType<[1], [I8]>:$result);
  let assemblyFormat = "$codes $table attr-dict `:` type($codes)";
  let hasVerifier = 1;
}

def Rlx_ExtractBitsOp : Rlx_Op<"extract_bits", [Pure, AllTypesMatch<["bytes", "result"]>]> {
  let summary = "some bits of each byte, moved to where a code has them";
  let description = [{
    ```
    result[i] = ((unsigned(bytes[i]) >> from) % 2^width) << to
    ```
    With `loose`, the other bits of the result may be anything.

    Constraints:
    - (C1) the bits lie in a byte before and after: `width` is 1 to 8, `from` and
      `to` are at least 0 and at most 8 - width.
    - (C2) the vector is of fixed and even length, at most 4096.

    Example:
    ```mlir
    %v = rlx.extract_bits %bytes from 4 to 0 width 4 : vector<64xi8>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I8]>:$bytes, I64Attr:$from,
                       I64Attr:$to, I64Attr:$width, UnitAttr:$loose);
  let results = (outs VectorOfRankAndType<[1], [I8]>:$result);
  let assemblyFormat = [{
    $bytes `from` $from `to` $to `width` $width (`loose` $loose^)? attr-dict
    `:` type($bytes) }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Rlx_DecodeOp : Rlx_Op<"decode",
    [AttrSizedOperandSegments,
     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "values of consecutive elements of one row";
  let description = [{
    `indices` are the row's (`[n]` or `[e, n]`) and then the index of a block in
    the row. The result holds the values of the elements `first`, `first + 1`,
    ... counted from the start of that block; it may run on into the blocks after
    it. The first element's k is a multiple of the result's length. A weight of
    floats (a plain tensor) is read as it is. `--rlx-expand-decode` turns it into
    arith and vector operations derived from the scheme.

    Constraints:
    - (C1) weight is a memref of i8, f32, f16 or bf16 with as many indices as
      dimensions, two or three.
    - (C2) the result is a vector of f32 of fixed length.
    - (C3) its elements lie in the row.
    - (C4) scales, zero_points and global_scale are given exactly where the
      scheme reads them, with the rank and element type it says.

    Example:
    ```mlir
    %v = rlx.decode %w[%n, %block] at 16 {scheme = #rlx.quant<gguf_q8_0>}
        : memref<8x68xi8> -> vector<16xf32>
    ```
  }];
  let arguments = (ins AnyMemRef:$weight, Variadic<Index>:$indices,
      Optional<AnyMemRef>:$scales, Optional<AnyMemRef>:$zero_points,
      Optional<AnyMemRef>:$global_scale, I64Attr:$first, Rlx_QuantAttr:$scheme);
  let results = (outs AnyVectorOfNonZeroRank:$result);
  let assemblyFormat = [{
    $weight `[` $indices `]` `at` $first
    (`scales` `(` $scales^ `:` type($scales) `)`)?
    (`zero_points` `(` $zero_points^ `:` type($zero_points) `)`)?
    (`global_scale` `(` $global_scale^ `:` type($global_scale) `)`)?
    attr-dict `:` type($weight) `->` type($result) }];
  let hasVerifier = 1;
}

def Rlx_CheckOp : Rlx_Op<"check", [MemoryEffects<[MemWrite]>]> {
  let summary = "ends the run with an error where a condition does not hold";
  let description = [{
    Where `condition` is false, nothing after the operation happens: the run ends
    with `message` as its error, in which each `{}` stands for one of `values`,
    in their order. `--rlx-insert-checks` puts checks before operations that are
    only defined for sizes and indices that fit; `cf.assert` becomes one.

    Constraints:
    - (C1) `message` has a `{}` for each of `values`.

    Example:
    ```mlir
    rlx.check %fits, "'rlx.matmul' expected x to have 64 columns, but got {}" (%columns)
    ```
  }];
  let arguments = (ins I1:$condition, StrAttr:$message, Variadic<Index>:$values);
  let assemblyFormat =
      "$condition `,` $message (`(` $values^ `)`)? attr-dict";
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def Rlx_ReportIndexOp : Rlx_Op<"report_index"> {
  let summary = "records that an index of the run's input is out of range";
  let description = [{
    The first report ends the run with an error once the function returns.

    Example:
    ```mlir
    rlx.report_index "expert id of 'rlx.gather_matmul'" at %position value %id bound %experts
    ```
  }];
  let arguments = (ins StrAttr:$what, Index:$position, Index:$value, Index:$bound);
  let assemblyFormat =
      "$what `at` $position `value` $value `bound` $bound attr-dict";
}

def Rlx_ParallelForOp : Rlx_Op<"parallel_for",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "calls a loop body for ranges of indices, on several threads";
  let description = [{
    Calls `body(begin, end, captures...)` for ranges that together cover
    `0 <= index < count`, through the host's parallel loop.

    Constraints:
    - (C1) `body` is a function.
    - (C2) it takes two indices and the captures, and gives nothing.

    Example:
    ```mlir
    rlx.parallel_for @body count %n captures(%x) : memref<8xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$body, Index:$count,
                       Variadic<AnyType>:$captures);
  let assemblyFormat = [{
    $body `count` $count (`captures` `(` $captures^ `)` `:` type($captures))?
    attr-dict }];
  let hasCanonicalizeMethod = 1;
}

#endif
