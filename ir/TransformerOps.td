//===- TransformerOps.td - What transformers need ----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations of a graph that a transformer is made of beside matmuls. Each has a
// decomposition into linalg (passes/transformer/), which computes what its
// description says. The verifiers are in TransformerOps.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_TRANSFORMEROPS_TD
#define RLX_IR_TRANSFORMEROPS_TD

// Included by RlxOps.td behind RlxBlockOps.td: Rlx_Op, Rlx_BlockOp and formats
// are from there.

def Rlx_RmsNormOp : Rlx_Op<"rms_norm", [Pure]> {
  let summary = "rows divided by their root mean square";
  let description = [{
    ```
    y[..., k] = x[..., k] / sqrt(sum_k x[..., k]^2 / K + epsilon) * weight[k]
    ```
    in f32, rounded once to what the result is. Without weight, each is 1.

    Constraints:
    - (C1) x is `[..., K]` of any number of leading dimensions, the result has its
      shape, each of f32, f16 or bf16.
    - (C2) weight is `[K]` of f32, f16 or bf16.
    - (C3) epsilon is a finite number of at least 0.

    Example:
    ```mlir
    %y = rlx.rms_norm %x weight(%g) {epsilon = 1.0e-05} : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, Optional<AnyRankedTensor>:$weight,
                       F64Attr:$epsilon);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = !strconcat("$x (`weight` `(` $weight^ `)`)?", typesFormat);
  let hasVerifier = 1;
}

def Rlx_LayerNormOp : Rlx_Op<"layer_norm", [Pure, AttrSizedOperandSegments]> {
  let summary = "rows without their mean, divided by their standard deviation";
  let description = [{
    ```
    c[..., k] = x[..., k] - sum_k x[..., k] / K
    y[..., k] = c[..., k] / sqrt(sum_k c[..., k]^2 / K + epsilon) * weight[k] + bias[k]
    ```
    in f32, rounded once to what the result is. Without weight, each is 1; without
    bias, 0.

    Constraints:
    - (C1) x is `[..., K]` of any number of leading dimensions, the result has its
      shape, each of f32, f16 or bf16.
    - (C2) weight and bias are `[K]` of f32, f16 or bf16.
    - (C3) epsilon is a finite number of at least 0.

    Example:
    ```mlir
    %y = rlx.layer_norm %x weight(%g) bias(%b) {epsilon = 1.0e-05}
        : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, Optional<AnyRankedTensor>:$weight,
                       Optional<AnyRankedTensor>:$bias, F64Attr:$epsilon);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = !strconcat(
      "$x (`weight` `(` $weight^ `)`)? (`bias` `(` $bias^ `)`)?", typesFormat);
  let hasVerifier = 1;
}

def Rlx_RopeTableOp : Rlx_Op<"rope_table", [Pure]> {
  let summary = "cosines and sines of rotary position embeddings";
  let description = [{
    ```
    f[i] = base^(-2 i / dims) / factors[i]
    angle[t, i] = (position + t) * f[i] * (scale * (1 - mix[i]) + mix[i])
    y[0, t, i] = cos(angle[t, i]) * magnitude
    y[1, t, i] = sin(angle[t, i]) * magnitude
    ```
    for `count` rows t; one table serves all layers. Without factors, each is 1;
    without `yarn_context`, mix is 0: `scale` alone is linear scaling of positions.
    With `yarn_context`, the number of positions a model was trained with, YaRN
    (Peng et al., 2023) keeps the frequencies of dimensions that turn often:
    ```
    d(turns) = dims * ln(yarn_context / (2 pi turns)) / (2 ln(base))
    low = max(floor(d(yarn_fast)), 0), high = min(ceil(d(yarn_slow)), dims - 1)
    mix[i] = (1 - clamp((i - low) / max(high - low, 0.001), 0, 1)) * yarn_mix
    ```
    Its factor on attention, `1 + 0.1 ln(1 / scale)`, is not implied; `magnitude` is
    where it goes. Angles are exact to 2^-24 of a turn at any position, but for the
    rounding of `1 / factors` to f32. A position below 0 is an error of the run.

    Constraints:
    - (C1) the result is `[2, count, dims / 2]` of f32, and dims is an even number of
      at least 2.
    - (C2) factors is `[dims / 2]` of f32.
    - (C3) base is above 1; scale and magnitude are above 0; all are finite.
    - (C4) yarn_context is at least 1, yarn_fast and yarn_slow are above 0, yarn_mix
      is 0 to 1; the last three stand only beside yarn_context.

    Example:
    ```mlir
    %t = rlx.rope_table from %position count %n factors(%f) {dims = 64, base = 5.0e+05}
        : (index, index, tensor<32xf32>) -> tensor<2x?x32xf32>
    %u = rlx.rope_table from %position count %n {dims = 64, base = 1.0e+04, scale = 2.5e-01, yarn_context = 4096}
        : (index, index) -> tensor<2x?x32xf32>
    ```
  }];
  let arguments = (ins Index:$position, Index:$count,
      Optional<AnyRankedTensor>:$factors, I64Attr:$dims, F64Attr:$base,
      DefaultValuedAttr<F64Attr, "1.0">:$scale,
      DefaultValuedAttr<F64Attr, "1.0">:$magnitude,
      OptionalAttr<I64Attr>:$yarn_context, OptionalAttr<F64Attr>:$yarn_fast,
      OptionalAttr<F64Attr>:$yarn_slow, OptionalAttr<F64Attr>:$yarn_mix);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = !strconcat(
      "`from` $position `count` $count (`factors` `(` $factors^ `)`)?", typesFormat);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// By which base^(-2 i / dims) of pair `i` is multiplied, but for factors:
    /// scale * (1 - mix[i]) + mix[i].
    double scaleOfPair(int64_t i);
  }];
}

def Rlx_RopeOp : Rlx_Op<"rope", [Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "rotary position embeddings";
  let description = [{
    The first `dims`, twice the last size of the table, of each row are rotated, two
    numbers by an angle; the others stay:
    ```
    (a, b) = (2 i, 2 i + 1)          pairs
           | (i, i + dims / 2)       halves
    y[t, h, a] = x[t, h, a] * table[0, t, i] - x[t, h, b] * table[1, t, i]
    y[t, h, b] = x[t, h, b] * table[0, t, i] + x[t, h, a] * table[1, t, i]
    y[t, h, d] = x[t, h, d]                                 d >= dims
    ```
    in f32, rounded once to what x is of.

    Constraints:
    - (C1) x is `[T, H, D]` of f32, f16 or bf16, with a static D.
    - (C2) table is `[2, T, dims / 2]` of f32, with a static last size, and dims is at
      most D.

    Example:
    ```mlir
    %y = rlx.rope halves %x, %table : tensor<?x32x64xf32>, tensor<2x?x32xf32>
    ```
  }];
  let arguments = (ins Rlx_RopeStyleAttr:$style, AnyRankedTensor:$x,
                       AnyRankedTensor:$table);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$style $x `,` $table attr-dict `:` type($x) `,` type($table)";
  let hasVerifier = 1;
}

def Rlx_AppendOp : Rlx_Op<"append", [Pure, AllTypesMatch<["cache", "result"]>]> {
  let summary = "rows into a cache, from a position on";
  let description = [{
    ```
    y[position + t] = rows[t]        0 <= t < T
    y[s] = cache[s]                  all others
    ```
    What ONNX calls TensorScatter, of one sequence and linear. Where the cache is a
    state, the rows are written where it lies. A cache that is quantized gets what
    rlx.quantize makes of the rows, by `rule` where it is given; a plain one of f16 or
    bf16 rounds them.
    `position < 0` or `position + T` above the size of the cache is an error of the
    run, and the cache stays as it was.

    Constraints:
    - (C1) rows is `[T, ...]` of f32, f16 or bf16, and the cache has its sizes but for
      the first.
    - (C2) the cache is plain, of f32, f16 or bf16, or quantized, with nothing beside
      its blocks; then rows are of f32.
    - (C3) `rule` is one that the scheme can follow, and stands only beside a cache
      whose scheme has scales, zeros or offsets to choose.

    Example:
    ```mlir
    %next = rlx.append %rows into %cache at %position : tensor<?x8x64xf32> into tensor<1024x8x64xf32>
    %codes = rlx.append %rows into %bytes at %position rule "absmax 127"
        : tensor<?x8x64xf32> into tensor<?x8x64xf32, #rlx.quant<gguf_q8_0>>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$rows, AnyRankedTensor:$cache, Index:$position,
                       OptionalAttr<StrAttr>:$rule);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat =
      "$rows `into` $cache `at` $position (`rule` $rule^)? attr-dict `:` type($rows) `into` type($cache)";
  let hasVerifier = 1;
}

def Rlx_AttentionOp : Rlx_Op<"attention", [Pure, AttrSizedOperandSegments]> {
  let summary = "attention of rows to a cache";
  let description = [{
    Heads of q share those of k and v in groups: head h reads head
    `h floordiv (H / KV)`.
    ```
    n = length, or C
    row t sees s:  0 <= s < n,  with causal n - T + t - window < s <= n - T + t
    score[t, h, s] = sum_d q[t, h, d] * k[s, h', d] * scale
    score[t, h, s] = softcap * tanh(score[t, h, s] / softcap)    with softcap
    p[t, h, s] = exp(score[t, h, s]) / (exp(sinks[h]) + sum_s exp(score[t, h, s]))
    y[t, h, e] = sum_s p[t, h, s] * v[s, h', e]
    ```
    over the s that t sees. `scale` is `1 / sqrt(D)` unless it is given; without
    window, rows see all positions before them; without sinks, there is no first
    term. A row that sees nothing gives zeros. A length below 0 or above C, and with
    causal a T above it, is an error of the run.

    k and v may be quantized by schemes that keep all in their blocks: their numbers
    are those that rlx.dequantize gives.

    Constraints:
    - (C1) q is `[T, H, D]`, k is `[C, KV, D]`, v is `[C, KV, E]` and the result is
      `[T, H, E]`; all but T and C are static, and H is a multiple of KV. q and the
      result are of f32.
    - (C2) k and v are plain, of f32, f16 or bf16, or quantized, with nothing beside
      their blocks.
    - (C3) sinks is `[H]` of f32.
    - (C4) scale is finite, softcap is above 0 and finite; window is at least 1 and
      stands only beside causal.

    Example:
    ```mlir
    %y = rlx.attention %q, %k, %v length(%n) {causal}
        : (tensor<?x32x64xf32>, tensor<1024x8x64xf32>, tensor<1024x8x64xf32>, index) -> tensor<?x32x64xf32>
    %z = rlx.attention %q, %k, %v length(%n) sinks(%s) {causal, window = 128, softcap = 5.0e+01, scale = 1.25e-01}
        : (tensor<?x32x64xf32>, tensor<1024x8x64xf32>, tensor<1024x8x64xf32>, index, tensor<32xf32>) -> tensor<?x32x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$q, AnyRankedTensor:$k, AnyRankedTensor:$v,
      Optional<Index>:$length, Optional<AnyRankedTensor>:$sinks, UnitAttr:$causal,
      OptionalAttr<I64Attr>:$window, OptionalAttr<F64Attr>:$scale,
      OptionalAttr<F64Attr>:$softcap);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = !strconcat(
      "$q `,` $k `,` $v (`length` `(` $length^ `)`)? (`sinks` `(` $sinks^ `)`)?", typesFormat);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// By which products are multiplied.
    double scaleOrDefault();
  }];
}

def Rlx_TopkOp : Rlx_Op<"topk", [Pure]> {
  let summary = "the largest numbers of each row, and where they are";
  let description = [{
    ```
    values[..., j] = the j-th largest of x[..., n]
    ids[..., j] = the n where it is
    ```
    from the largest on; of equal numbers, the one with the smaller n comes first.
    A NaN counts as negative infinity, and that is what is given for it.

    Constraints:
    - (C1) x is `[..., N]` of f32, values is `[..., k]` of f32 and ids is `[..., k]` of
      i32, with the leading sizes of x.
    - (C2) k is static, at least 1, and at most N, which is checked in each run where
      it is not known before.

    Example:
    ```mlir
    %values, %ids = rlx.topk %x : tensor<?x32xf32> -> tensor<?x4xf32>, tensor<?x4xi32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$values, AnyRankedTensor:$ids);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($values) `,` type($ids)";
  let hasVerifier = 1;
}

def Rlx_BlockAttentionOp : Rlx_Op<"block_attention",
    [DestinationStyleOpInterface, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "rlx.attention on stored bytes";
  let description = [{
    Attention as the CPU computes it: position by position, never with all scores
    of a row in memory. `length` is how many positions there are.

    Constraints:
    - (C1) operands but length are all tensors without encodings, or all memrefs with
      strides; q is `[T, H, D]`, the init `[T, H, E]` and sinks `[H]`, of f32, all but T
      static.
    - (C2) k is `[C, KV, bytes]`, v too, of i8, rows of D and of E numbers of
      `k_scheme` and `v_scheme`, which have nothing beside their blocks; or plain
      numbers that these describe. KV is static, and H a multiple of it.
    - (C3) scale, softcap and window are as in rlx.attention.

    Example:
    ```mlir
    rlx.block_attention ins(%q, %k, %v) length(%n) outs(%y)
        {causal, scale = 1.25e-01, k_scheme = #rlx.quant<f16>, v_scheme = #rlx.quant<f16>}
        : (memref<?x32x64xf32>, memref<?x8x128xi8>, memref<?x8x128xi8>, index, memref<?x32x64xf32>) -> ()
    ```
  }];
  let arguments = (ins Rlx_TensorOrMemRef:$q, Rlx_TensorOrMemRef:$k,
      Rlx_TensorOrMemRef:$v, Index:$length, Optional<Rlx_TensorOrMemRef>:$sinks,
      Rlx_TensorOrMemRef:$init, Rlx_QuantAttr:$k_scheme, Rlx_QuantAttr:$v_scheme,
      UnitAttr:$causal, OptionalAttr<I64Attr>:$window, F64Attr:$scale,
      OptionalAttr<F64Attr>:$softcap);
  let assemblyFormat = !strconcat(
      "`ins` `(` $q `,` $k `,` $v `)` `length` `(` $length `)`",
      "(`sinks` `(` $sinks^ `)`)? `outs` `(` $init `)`", typesFormat);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

#endif // RLX_IR_TRANSFORMEROPS_TD
