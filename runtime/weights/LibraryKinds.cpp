//===- LibraryKinds.cpp - How libraries of quantization store weights -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sources. MLX: its `quantize`. bitsandbytes: functional.py, QuantState. HQQ:
// hqq/core/bitpack.py. GPTQ and AWQ: the linear layers of AutoGPTQ and AutoAWQ;
// AutoRound writes the first of them under its own name.
// torchao: its tensor classes (quantization/quantize_/workflows) with the names
// that prototype/safetensors gives their parts, and FBGEMM's
// int4_row_quantize_zp.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/CheckpointKinds.h"

namespace rlx {
namespace {

constexpr auto safetensors = WeightContainer::safetensors;
using namespace kinds;
// GPTQ packs codes along K and zero points along N.
constexpr std::string_view gptqCodes =
    "ui$b at (n, k) -> (4 * ($N * (k floordiv $p) + n), $b * (k mod $p))";
constexpr std::string_view gptqZeros =
    "ui$b at (n, g) -> (4 * (($N floordiv $p) * g + n floordiv $p), "
    "$b * (n mod $p))";
// 32 codes of 3 bits lie in 3 words, those of a column of N; two of them lie in
// two words.
constexpr std::string_view gptqCodes3 =
    "ui1 at (n, k) -> (4 * ($N * ((3 * k) floordiv 32) + n), (3 * k) mod 32) "
    "++ ui1 at (n, k) -> (4 * ($N * ((3 * k + 1) floordiv 32) + n), "
    "(3 * k + 1) mod 32) "
    "++ ui1 at (n, k) -> (4 * ($N * ((3 * k + 2) floordiv 32) + n), "
    "(3 * k + 2) mod 32)";
constexpr std::string_view gptqZeros3 =
    "ui3 at (n, g) -> ((3 * $N floordiv 8) * g, 3 * n)";
constexpr std::string_view gptq1 =
    "quant_method = gptq,auto-round,;"
    "packing_format = auto_round:auto_gptq,;"
    "checkpoint_format = gptq,;"
    "extra_config.@.bits|dynamic.~.bits|bits = 2,4,8";
constexpr std::string_view gptq1Of3 =
    "quant_method = gptq,auto-round,;"
    "packing_format = auto_round:auto_gptq,;"
    "checkpoint_format = gptq,;"
    "extra_config.@.bits|dynamic.~.bits|bits = 3";
constexpr std::string_view gptq2 =
    "quant_method = gptq,auto-round,;"
    "packing_format = auto_round:auto_gptq,;"
    "checkpoint_format = gptq_v2;"
    "extra_config.@.bits|dynamic.~.bits|bits = 2,4,8";
constexpr std::string_view gptq2Of3 =
    "quant_method = gptq,auto-round,;"
    "packing_format = auto_round:auto_gptq,;"
    "checkpoint_format = gptq_v2;"
    "extra_config.@.bits|dynamic.~.bits|bits = 3";
constexpr std::string_view transposedScales = "$S at (n, g) -> "
                                              "($s * ($N * g + n), 0)";

// Where the last group is short, blocks have to be what divides K.
constexpr std::string_view gptqShortGroups =
    "#rlx.scheme<\"uint$b/$g with a short last group\", block = $p, "
    "code = ui$b at (i) -> (0, $b * i), "
    "zero = ui8 in zero_points at (n, k) -> (n, k floordiv $g), "
    "scale = $S in scales at (n, k) -> (n, k floordiv $g)>";

/// How codes lie in words.
struct GptqPacking {
  /// Where groups are equal, and where the last one is short.
  std::array<std::string_view, 2> sizes, derived;
  std::string_view codes, zeros;
};
constexpr GptqPacking gptqOfWords = {
    {"b = extra_config.@.bits|dynamic.~.bits|bits",
     "b = extra_config.@.bits|dynamic.~.bits|bits; g = "
     "extra_config.@.group_size|dynamic.~.group_size|group_size"},
    {"g = K/G : extra_config.@.group_size|dynamic.~.group_size|group_size; p = "
     "32/b",
     "p = 32/b"},
    gptqCodes,
    gptqZeros};
constexpr GptqPacking gptqOf3 = {
    {"b = extra_config.@.bits|dynamic.~.bits|bits",
     "b = extra_config.@.bits|dynamic.~.bits|bits; p = #32;"
     "g = extra_config.@.group_size|dynamic.~.group_size|group_size"},
    {"g = K/G : extra_config.@.group_size|dynamic.~.group_size|group_size", ""},
    gptqCodes3,
    gptqZeros3};

enum class Groups { equal, lastShort };

/// Version 1 stores zero points less 1.
constexpr KindRule gptq(std::string_view name, std::string_view conditions,
                        const GptqPacking &packing, Groups groups,
                        std::string_view change = "") {
  bool isEqual = groups == Groups::equal;
  return {name,
          safetensors,
          conditions,
          packing.sizes[size_t(groups)],
          packing.derived[size_t(groups)],
          "weight",
          "N K",
          isEqual ? "uint$b/$g:$S" : gptqShortGroups,
          {{{"codes", "qweight", "I32", "K*b/32 N", packing.codes},
            {"scales", "scales", floats, isEqual ? "G N" : "K/g N",
             transposedScales},
            {"zero_points", "qzeros", "I32",
             isEqual ? "G N*b/32" : "K/g N*b/32", packing.zeros, change},
            groupIndex}}};
}

// AWQ packs eight columns of N into a word, the even ones first.
constexpr std::string_view awqOrder =
    "ui4 at (n, k) -> (4 * (($N floordiv 8) * k + n floordiv 8), "
    "16 * (n mod 2) + 4 * ((n mod 8) floordiv 2))";

// Codes may lie in words of the type that the rest of the model has, where it
// is trained in parts (`bnb_4bit_quant_storage`, `view_as_float`).
constexpr std::string_view anyWords = "U8 F16 BF16 F32";
constexpr std::string_view hqqWords = "I32 F16 BF16 F32";

// HQQ cuts the weight into groups, those of axis 1 along K, and packs a part of
// all groups above the others; ten groups of 3 bits a word.
constexpr std::string_view hqqCodes =
    "blocks ui$b at (r, c) -> ($g * (r mod $t) + c, "
    "8 - $b - $b * (r floordiv $t))";
constexpr std::string_view hqqCodes3 =
    "blocks ui3 at (r, c) -> (4 * ($g * (r mod $t) + c), "
    "27 - 3 * (r floordiv $t))";
// Those of axis 0 have elements of rows that are N / g apart.
constexpr std::string_view hqqCodes0 =
    "ui$b at (n, k) -> ($K * ($h * ((n floordiv $h) mod $t) + n mod $h) + k, "
    "8 - $b - $b * ((n floordiv $h) floordiv $t))";
constexpr std::string_view hqqCodes03 =
    "ui3 at (n, k) -> (4 * ($K * ($h * ((n floordiv $h) mod $t) + n mod $h) "
    "+ k), 27 - 3 * ((n floordiv $h) floordiv $t))";
constexpr std::string_view hqqSides0 =
    "$S at (n, k) -> ($s * ($K * (n mod $h) + k), 0)";
constexpr std::string_view hqqScheme0 =
    "#rlx.scheme<\"HQQ of $b bits along N\", block = 8, "
    "code = ui$b at (i) -> (0, $b * i), "
    "zero = $Z in zero_points at (n, k) -> (n, k), "
    "scale = $S in scales at (n, k) -> (n, k)>";
constexpr std::string_view hqqSizes =
    "N = {shape}.0; K = {shape}.1; b = {nbits}.0; g = {group_size}.0";

// The state of bitsandbytes is JSON, in a tensor.
constexpr std::string_view nf4State =
    "N = {weight.quant_state.bitsandbytes__nf4}.shape.0; "
    "K = {weight.quant_state.bitsandbytes__nf4}.shape.1; "
    "g = {weight.quant_state.bitsandbytes__nf4}.blocksize";
constexpr std::string_view nf4Nested =
    "N = {weight.quant_state.bitsandbytes__nf4}.shape.0; "
    "K = {weight.quant_state.bitsandbytes__nf4}.shape.1; "
    "g = {weight.quant_state.bitsandbytes__nf4}.blocksize; "
    "h = {weight.quant_state.bitsandbytes__nf4}.nested_blocksize";
constexpr std::string_view fp4State =
    "N = {weight.quant_state.bitsandbytes__fp4}.shape.0; "
    "K = {weight.quant_state.bitsandbytes__fp4}.shape.1; "
    "g = {weight.quant_state.bitsandbytes__fp4}.blocksize";
constexpr std::string_view fp4Nested =
    "N = {weight.quant_state.bitsandbytes__fp4}.shape.0; "
    "K = {weight.quant_state.bitsandbytes__fp4}.shape.1; "
    "g = {weight.quant_state.bitsandbytes__fp4}.blocksize; "
    "h = {weight.quant_state.bitsandbytes__fp4}.nested_blocksize";

constexpr auto kindTable = std::to_array<KindRule>({
    {"MLX affine",
     safetensors,
     "quant_method = ,; @.mode = affine,",
     "b = @.bits; g = @.group_size",
     "",
     "weight",
     "E? N K",
     "affine$b/$g:$S",
     {{{"codes", "weight", "U32", "E? N K*b/32"},
       {"scales", "scales", floats, "E? N K/g"},
       {"zero_points", "biases", "$S", "E? N K/g"}}}},
    {"MLX mxfp4",
     safetensors,
     "quant_method = ,; @.mode = mxfp4",
     "",
     "",
     "weight",
     "E? N K",
     "mxfp4/32",
     {{{"codes", "weight", "U32", "E? N K/8"},
       {"scales", "scales", "U8", "E? N K/32"}}}},
    {"MLX mxfp8",
     safetensors,
     "quant_method = ,; @.mode = mxfp8",
     "",
     "",
     "weight",
     "E? N K",
     "mxfp8/32",
     {{{"codes", "weight", "U32", "E? N K/4"},
       {"scales", "scales", "U8", "E? N K/32"}}}},
    // The factor is the largest magnitude, of what 448 * 6 is the largest.
    {"MLX nvfp4",
     safetensors,
     "quant_method = ,; @.mode = nvfp4",
     "",
     "",
     "weight",
     "E? N K",
     "nvfp4/16",
     {{{"codes", "weight", "U32", "E? N K/8"},
       {"scales", "scales", "U8", "E? N K/16"},
       {"global_scale", "global_scale", "F32", "1", "", "over 2688"}}}},
    {"MLX nvfp4",
     safetensors,
     "quant_method = ,; @.mode = nvfp4",
     "",
     "",
     "weight",
     "E? N K",
     "#rlx.scheme<\"nvfp4/16 without global_scale\", block = 16, "
     "code = f4E2M1FN at (i) -> (i floordiv 2, 4 * (i mod 2)), "
     "scale = f8E4M3FN in scales at (n, k) -> (n, k floordiv 16)>",
     {{{"codes", "weight", "U32", "E? N K/8"},
       {"scales", "scales", "U8", "E? N K/16"}}}},

    {"bitsandbytes NF4",
     safetensors,
     "{weight.quant_state.bitsandbytes__nf4}.quant_type = nf4",
     nf4State,
     "",
     "weight",
     "N K",
     "nf4/$g",
     {{{"codes", "weight", anyWords, "N*K/2/e 1"},
       {"scales", "weight.absmax", "F32", "N*K/g"},
       {"codebook", "weight.quant_map", "F32", "16"},
       {"state", "weight.quant_state.bitsandbytes__nf4", "U8", "-"}}}},
    {"bitsandbytes FP4",
     safetensors,
     "{weight.quant_state.bitsandbytes__fp4}.quant_type = fp4",
     fp4State,
     "",
     "weight",
     "N K",
     "bnb_fp4/$g",
     {{{"codes", "weight", anyWords, "N*K/2/e 1"},
       {"scales", "weight.absmax", "F32", "N*K/g"},
       {"codebook", "weight.quant_map", "F32", "16"},
       {"state", "weight.quant_state.bitsandbytes__fp4", "U8", "-"}}}},
    {"bitsandbytes NF4, nested",
     safetensors,
     "{weight.quant_state.bitsandbytes__nf4}.quant_type = nf4",
     nf4Nested,
     "",
     "weight",
     "N K",
     "nf4/$g",
     {{{"codes", "weight", anyWords, "N*K/2/e 1"},
       {"scales", "weight.absmax", "U8", "N*K/g", "", "nested"},
       {"nested_scales", "weight.nested_absmax", "F32", "N*K/g/h"},
       {"nested_codebook", "weight.nested_quant_map", "F32", "256"},
       {"codebook", "weight.quant_map", "F32", "16"},
       {"state", "weight.quant_state.bitsandbytes__nf4", "U8", "-"}}}},
    {"bitsandbytes FP4, nested",
     safetensors,
     "{weight.quant_state.bitsandbytes__fp4}.quant_type = fp4",
     fp4Nested,
     "",
     "weight",
     "N K",
     "bnb_fp4/$g",
     {{{"codes", "weight", anyWords, "N*K/2/e 1"},
       {"scales", "weight.absmax", "U8", "N*K/g", "", "nested"},
       {"nested_scales", "weight.nested_absmax", "F32", "N*K/g/h"},
       {"nested_codebook", "weight.nested_quant_map", "F32", "256"},
       {"codebook", "weight.quant_map", "F32", "16"},
       {"state", "weight.quant_state.bitsandbytes__fp4", "U8", "-"}}}},

    {"HQQ",
     safetensors,
     "{nbits}.0 = 3; {axis}.0 = 1,",
     hqqSizes,
     "t = N*K/g/10 up",
     "weight",
     "N K",
     "uintf3/$g:$S",
     {{{"codes", "W_q", hqqWords, "t g*4/e", hqqCodes3},
       {"scales", "scale", floats, "N*K/g 1"},
       {"zero_points", "zero", floats, "N*K/g 1"},
       {"shape", "shape", "I32 I64", "2"},
       {"", "nbits", "", "-"},
       {"", "group_size", "", "-"},
       {"", "axis", "", "-", "", "", optional}}}},
    {"HQQ",
     safetensors,
     "{nbits}.0 = 3; {axis}.0 = 0,",
     hqqSizes,
     "t = g/10 up; h = N/g",
     "weight",
     "N K",
     hqqScheme0,
     {{{"codes", "W_q", hqqWords, "t h*K*4/e", hqqCodes03},
       {"scales", "scale", floats, "1 h*K", hqqSides0},
       {"zero_points", "zero", floats, "1 h*K", hqqSides0},
       {"shape", "shape", "I32 I64", "2"},
       {"", "nbits", "", "-"},
       {"", "group_size", "", "-"},
       {"", "axis", "", "-", "", "", optional}}}},
    {"HQQ",
     safetensors,
     "{nbits}.0 = 1,2,4,8; {axis}.0 = 1,",
     hqqSizes,
     "t = N*K*b/8/g up",
     "weight",
     "N K",
     "uintf$b/$g:$S",
     {{{"codes", "W_q", anyWords, "t g/e", hqqCodes},
       {"scales", "scale", floats, "N*K/g 1"},
       {"zero_points", "zero", floats, "N*K/g 1"},
       {"shape", "shape", "I32 I64", "2"},
       {"", "nbits", "", "-"},
       {"", "group_size", "", "-"},
       {"", "axis", "", "-", "", "", optional}}}},
    {"HQQ",
     safetensors,
     "{nbits}.0 = 1,2,4,8; {axis}.0 = 0,",
     hqqSizes,
     "t = g*b/8 up; h = N/g",
     "weight",
     "N K",
     hqqScheme0,
     {{{"codes", "W_q", anyWords, "t h*K/e", hqqCodes0},
       {"scales", "scale", floats, "1 h*K", hqqSides0},
       {"zero_points", "zero", floats, "1 h*K", hqqSides0},
       {"shape", "shape", "I32 I64", "2"},
       {"", "nbits", "", "-"},
       {"", "group_size", "", "-"},
       {"", "axis", "", "-", "", "", optional}}}},
    gptq("GPTQ v2", gptq2Of3, gptqOf3, Groups::equal),
    gptq("GPTQ v2", gptq2, gptqOfWords, Groups::equal),
    gptq("GPTQ v1", gptq1Of3, gptqOf3, Groups::equal, "plus 1"),
    gptq("GPTQ v1", gptq1, gptqOfWords, Groups::equal, "plus 1"),
    gptq("GPTQ v2", gptq2Of3, gptqOf3, Groups::lastShort),
    gptq("GPTQ v2", gptq2, gptqOfWords, Groups::lastShort),
    gptq("GPTQ v1", gptq1Of3, gptqOf3, Groups::lastShort, "plus 1"),
    gptq("GPTQ v1", gptq1, gptqOfWords, Groups::lastShort, "plus 1"),
    {"AWQ",
     safetensors,
     "quant_method = awq; version = gemm,GEMM,; bits|w_bit = 4,;"
     "zero_point = true,",
     "",
     "g = K/G : group_size|q_group_size",
     "weight",
     "N K",
     "uint4/$g:$S",
     {{{"codes", "qweight", "I32", "K N/8", awqOrder},
       {"scales", "scales", floats, "G N", transposedScales},
       {"zero_points", "qzeros", "I32", "G N/8", awqOrder}}}},

    // The layout of another kernel: along K, rows of scales of whole words of
    // zero points.
    {"AWQ gemv",
     safetensors,
     "quant_method = awq; version = gemv,GEMV; bits|w_bit = 4,;"
     "zero_point = true,",
     "g = group_size",
     "",
     "weight",
     "N K",
     "uint4/$g:$S",
     {{{"codes", "qweight", "I32", "N K/8"},
       {"zero_points", "qzeros", "I32", "N z",
        "ui4 at (n, g) -> (4 * $z * n, 4 * g)"},
       {"scales", "scales", floats, "N z*8",
        "$S at (n, g) -> ($s * (8 * $z * n + g), 0)"}}}},

    // q * scale + zero_point, the value of code 0.
    {"torchao Int4Tensor",
     safetensors,
     "",
     "",
     "g = K/G",
     "weight",
     "N K",
     "#rlx.scheme<\"torchao int4/$g\", block = $g, "
     "code = si4 at (i) -> (i floordiv 2, 4 * (i mod 2)), "
     "scale = $S in scales at (n, k) -> (n, k floordiv $g), "
     "offset = $Z in zero_points at (n, k) -> (n, k floordiv $g)>",
     {{{"codes", "_weight_qdata", "I8 U8", "N K/2"},
       {"scales", "_weight_scale", floats, "G N", transposedScales},
       {"zero_points", "_weight_zero_point", floats, "G N",
        transposedScales}}}},
    {"torchao IntxUnpackedToInt8Tensor",
     safetensors,
     "",
     "",
     "g = K/G",
     "weight",
     "N K",
     int8WithZeros,
     {{{"codes", "_weight_qdata", "I8", "N K"},
       {"scales", "_weight_scale", floats, "N G"},
       {"zero_points", "_weight_zero_point", "I8 F32 F16 BF16", "N G"}}}},
    {"torchao Int8Tensor",
     safetensors,
     "",
     "",
     "",
     "weight",
     "N K",
     "int8/channel:$S",
     {{{"codes", "_weight_qdata", "I8", "N K"},
       {"scales", "_weight_scale", floats, "N 1"}}}},
    {"torchao Int8Tensor",
     safetensors,
     "",
     "",
     "g = K/G",
     "weight",
     "N K",
     "int8/$g:$S",
     {{{"codes", "_weight_qdata", "I8", "N K"},
       {"scales", "_weight_scale", floats, "N G"}}}},
    {"torchao Float8Tensor",
     safetensors,
     "",
     "",
     "",
     "weight",
     "N K",
     "fp8e4m3/channel:$S",
     {{{"codes", "_weight_qdata", "F8_E4M3", "N K"},
       {"scales", "_weight_scale", floats, "N 1"}}}},
    {"torchao Float8Tensor",
     safetensors,
     "",
     "",
     "",
     "weight",
     "N K",
     "fp8e4m3/tensor:$S",
     {{{"codes", "_weight_qdata", "F8_E4M3", "N K"},
       {"scales", "_weight_scale", floats, "1 1"}}}},
});

} // namespace

std::span<const KindRule> libraryKinds() { return kindTable; }

} // namespace rlx
