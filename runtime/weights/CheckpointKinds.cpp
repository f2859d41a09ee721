//===- CheckpointKinds.cpp - How checkpoints store quantized weights ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sources. compressed-tensors, ModelOpt and FP8: the loaders of vLLM
// (model_executor/layers/quantization). gpt-oss: transformers
// (integrations/mxfp4.py). MLX: its `quantize`. bitsandbytes: functional.py,
// QuantState. HQQ: hqq/core/bitpack.py. GPTQ and AWQ: the linear layers of
// AutoGPTQ and AutoAWQ. MatMulNBits: ONNX Runtime, contrib_defs.cc. NVFP4 in
// GGUF: llama.cpp, whose converter puts a factor beside the blocks.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/CheckpointKinds.h"

namespace rlx {
namespace {

constexpr auto gguf = WeightContainer::gguf;
constexpr auto safetensors = WeightContainer::safetensors;
constexpr bool optional = true;
constexpr std::string_view floats = "F32 F16 BF16";

/// What no matmul of weights alone reads.
constexpr PartRule inputScale = {
    "input_scale", "input_scale", floats, "-", "", "", optional};
constexpr PartRule weightShape = {"shape", "weight_shape", "I64 I32", "2", "",
                                  "",      optional};

// compressed-tensors packs codes and zero points into words of 32 bits, those
// of zero points along N.
constexpr std::string_view packed =
    "quant_method = compressed-tensors;"
    "config_groups.*.format|format = pack-quantized";
constexpr std::string_view packedBits = "b = config_groups.*.weights.num_bits";
constexpr std::string_view packedZeros =
    "ui$b at (n, g) -> (4 * ($G * (n floordiv $p) + g), $b * (n mod $p))";

constexpr std::string_view intQuantized =
    "quant_method = compressed-tensors;"
    "config_groups.*.format|format = int-quantized";
constexpr std::string_view floatQuantized =
    "quant_method = compressed-tensors;"
    "config_groups.*.format|format = float-quantized,naive-quantized";
constexpr std::string_view fp8Tensor = "quant_method = fp8,fbgemm_fp8";

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
constexpr std::string_view transposedScales = "$S at (n, g) -> "
                                              "($s * ($N * g + n), 0)";
constexpr PartRule groupIndex = {"group_index", "g_idx", "I32 I64", "K", "", "",
                                 optional};

// AWQ packs eight columns of N into a word, the even ones first.
constexpr std::string_view awqOrder =
    "ui4 at (n, k) -> (4 * (($N floordiv 8) * k + n floordiv 8), "
    "16 * (n mod 2) + 4 * ((n mod 8) floordiv 2))";

// HQQ puts rows of one part of the weight above those of the others.
constexpr std::string_view hqqCodes =
    "ui$b at (n, k) -> ($K * (n mod ($N floordiv $p)) + k, "
    "8 - $b - $b * (n floordiv ($N floordiv $p)))";

constexpr auto kindTable = std::to_array<KindRule>({
    {"compressed-tensors pack-quantized",
     safetensors,
     packed,
     packedBits,
     "g = K/G; p = 32/b",
     "weight",
     "N K",
     "uint$b/$g:$S",
     {{{"codes", "weight_packed", "I32", "N K*b/32"},
       {"scales", "weight_scale", floats, "N G"},
       {"zero_points", "weight_zero_point", "I32", "N*b/32 G", packedZeros},
       weightShape}}},
    {"compressed-tensors pack-quantized",
     safetensors,
     packed,
     packedBits,
     "",
     "weight",
     "N K",
     "biased$b/channel:$S",
     {{{"codes", "weight_packed", "I32", "N K*b/32"},
       {"scales", "weight_scale", floats, "N 1"},
       weightShape}}},
    {"compressed-tensors pack-quantized",
     safetensors,
     packed,
     packedBits,
     "g = K/G",
     "weight",
     "N K",
     "biased$b/$g:$S",
     {{{"codes", "weight_packed", "I32", "N K*b/32"},
       {"scales", "weight_scale", floats, "N G"},
       weightShape,
       groupIndex}}},
    {"compressed-tensors int-quantized",
     safetensors,
     intQuantized,
     "",
     "",
     "weight",
     "N K",
     "int8/channel:$S",
     {{{"codes", "weight", "I8", "N K"},
       {"scales", "weight_scale", floats, "N 1"},
       inputScale}}},
    {"compressed-tensors int-quantized",
     safetensors,
     intQuantized,
     "",
     "",
     "weight",
     "N K",
     "int8/tensor:$S",
     {{{"codes", "weight", "I8", "N K"},
       {"scales", "weight_scale", floats, "1"},
       inputScale}}},
    {"compressed-tensors int-quantized",
     safetensors,
     intQuantized,
     "",
     "g = K/G",
     "weight",
     "N K",
     "int8/$g:$S",
     {{{"codes", "weight", "I8", "N K"},
       {"scales", "weight_scale", floats, "N G"},
       inputScale}}},
    {"compressed-tensors float-quantized",
     safetensors,
     floatQuantized,
     "",
     "",
     "weight",
     "N K",
     "fp8e4m3/tensor:$S",
     {{{"codes", "weight", "F8_E4M3", "N K"},
       {"scales", "weight_scale", floats, "1"},
       inputScale}}},
    {"compressed-tensors float-quantized",
     safetensors,
     floatQuantized,
     "",
     "",
     "weight",
     "N K",
     "fp8e4m3/channel:$S",
     {{{"codes", "weight", "F8_E4M3", "N K"},
       {"scales", "weight_scale", floats, "N 1"},
       inputScale}}},
    {"compressed-tensors float-quantized",
     safetensors,
     floatQuantized,
     "r = config_groups.*.weights.block_structure.0; "
     "c = config_groups.*.weights.block_structure.1",
     "",
     "weight",
     "N K",
     "fp8e4m3/$rx$c:$S",
     {{{"codes", "weight", "F8_E4M3", "N K"},
       {"scales", "weight_scale", floats, "N/r K/c"},
       inputScale}}},
    // The global scale is what weights were multiplied with.
    {"compressed-tensors nvfp4-pack-quantized",
     safetensors,
     "quant_method = compressed-tensors;"
     "config_groups.*.format|format = nvfp4-pack-quantized",
     "",
     "",
     "weight",
     "N K",
     "nvfp4/16",
     {{{"codes", "weight_packed", "U8", "N K/2"},
       {"scales", "weight_scale", "F8_E4M3", "N K/16"},
       {"global_scale", "weight_global_scale", "F32", "1", "", "reciprocal"},
       {"input_scale", "input_global_scale", "F32", "-", "", "", optional}}}},

    {"ModelOpt NVFP4",
     safetensors,
     "quant_algo = NVFP4",
     "",
     "",
     "weight",
     "N K",
     "nvfp4/16",
     {{{"codes", "weight", "U8", "N K/2"},
       {"scales", "weight_scale", "F8_E4M3", "N K/16"},
       {"global_scale", "weight_scale_2", "F32", ""},
       inputScale}}},
    {"ModelOpt FP8",
     safetensors,
     "quant_algo = FP8",
     "",
     "",
     "weight",
     "N K",
     "fp8e4m3/tensor:$S",
     {{{"codes", "weight", "F8_E4M3", "N K"},
       {"scales", "weight_scale", floats, ""},
       inputScale}}},

    {"FP8, blocks",
     safetensors,
     "quant_method = fp8",
     "r = weight_block_size.0|#128; c = weight_block_size.1|#128",
     "",
     "weight",
     "N K",
     "fp8e4m3/$rx$c:$S",
     {{{"codes", "weight", "F8_E4M3", "N K"},
       {"scales", "weight_scale_inv", floats, "N/r K/c"},
       inputScale}}},
    {"FP8",
     safetensors,
     fp8Tensor,
     "",
     "",
     "weight",
     "N K",
     "fp8e4m3/tensor:$S",
     {{{"codes", "weight", "F8_E4M3", "N K"},
       {"scales", "weight_scale", floats, ""},
       inputScale}}},
    {"FP8",
     safetensors,
     fp8Tensor,
     "",
     "",
     "weight",
     "N K",
     "fp8e4m3/tensor:$S",
     {{{"codes", "weight", "F8_E4M3", "N K"},
       {"scales", "weight_scale", floats, "1"},
       inputScale}}},
    {"FP8",
     safetensors,
     fp8Tensor,
     "",
     "",
     "weight",
     "N K",
     "fp8e4m3/channel:$S",
     {{{"codes", "weight", "F8_E4M3", "N K"},
       {"scales", "weight_scale", floats, "N 1"},
       inputScale}}},

    // Rows of gate_up_proj are those of gate and up in turn.
    {"gpt-oss MXFP4",
     safetensors,
     "",
     "",
     "",
     "",
     "E N K",
     "mxfp4/32",
     {{{"codes", "_blocks", "U8", "E N K/32 16"},
       {"scales", "_scales", "U8", "E N K/32"},
       {"bias", "_bias", floats, "E N", "", "", optional}}}},
    {"gpt-oss MXFP4",
     safetensors,
     "",
     "",
     "",
     "",
     "E N K",
     "mxfp4/32",
     {{{"codes", ".blocks", "U8", "E N K/32 16"},
       {"scales", ".scales", "U8", "E N K/32"}}}},

    {"MLX affine",
     safetensors,
     "quant_method = ,; @.mode|mode = affine,",
     "b = @.bits|bits; g = @.group_size|group_size",
     "",
     "weight",
     "N K",
     "affine$b/$g:$S",
     {{{"codes", "weight", "U32", "N K*b/32"},
       {"scales", "scales", floats, "N K/g"},
       {"zero_points", "biases", floats, "N K/g"}}}},
    {"MLX mxfp4",
     safetensors,
     "quant_method = ,; @.mode|mode = mxfp4",
     "",
     "",
     "weight",
     "N K",
     "mxfp4/32",
     {{{"codes", "weight", "U32", "N K/8"},
       {"scales", "scales", "U8", "N K/32"}}}},
    {"MLX mxfp8",
     safetensors,
     "quant_method = ,; @.mode|mode = mxfp8",
     "",
     "",
     "weight",
     "N K",
     "mxfp8/32",
     {{{"codes", "weight", "U32", "N K/4"},
       {"scales", "scales", "U8", "N K/32"}}}},
    {"MLX nvfp4",
     safetensors,
     "quant_method = ,; @.mode|mode = nvfp4",
     "",
     "",
     "weight",
     "N K",
     "#rlx.scheme<\"nvfp4/16 without global_scale\", block = 16, "
     "code = f4E2M1FN at (i) -> (i floordiv 2, 4 * (i mod 2)), "
     "scale = f8E4M3FN in scales at (n, k) -> (n, k floordiv 16)>",
     {{{"codes", "weight", "U32", "N K/8"},
       {"scales", "scales", "U8", "N K/16"}}}},

    {"bitsandbytes NF4",
     safetensors,
     "",
     "N = {weight.quant_state.bitsandbytes__nf4}.shape.0; "
     "K = {weight.quant_state.bitsandbytes__nf4}.shape.1; "
     "g = {weight.quant_state.bitsandbytes__nf4}.blocksize",
     "",
     "weight",
     "N K",
     "nf4/$g",
     {{{"codes", "weight", "U8", "N*K/2 1"},
       {"scales", "weight.absmax", "F32", "N*K/g"},
       {"codebook", "weight.quant_map", "F32", "16"},
       {"state", "weight.quant_state.bitsandbytes__nf4", "U8", "-"}}}},
    {"bitsandbytes FP4",
     safetensors,
     "",
     "N = {weight.quant_state.bitsandbytes__fp4}.shape.0; "
     "K = {weight.quant_state.bitsandbytes__fp4}.shape.1; "
     "g = {weight.quant_state.bitsandbytes__fp4}.blocksize",
     "",
     "weight",
     "N K",
     "bnb_fp4/$g",
     {{{"codes", "weight", "U8", "N*K/2 1"},
       {"scales", "weight.absmax", "F32", "N*K/g"},
       {"codebook", "weight.quant_map", "F32", "16"},
       {"state", "weight.quant_state.bitsandbytes__fp4", "U8", "-"}}}},
    {"bitsandbytes NF4, nested",
     safetensors,
     "",
     "N = {weight.quant_state.bitsandbytes__nf4}.shape.0; "
     "K = {weight.quant_state.bitsandbytes__nf4}.shape.1; "
     "g = {weight.quant_state.bitsandbytes__nf4}.blocksize; "
     "h = {weight.quant_state.bitsandbytes__nf4}.nested_blocksize",
     "",
     "weight",
     "N K",
     "nf4/$g",
     {{{"codes", "weight", "U8", "N*K/2 1"},
       {"scales", "weight.absmax", "U8", "N*K/g", "", "nested"},
       {"nested_scales", "weight.nested_absmax", "F32", "N*K/g/h"},
       {"nested_codebook", "weight.nested_quant_map", "F32", "256"},
       {"codebook", "weight.quant_map", "F32", "16"},
       {"state", "weight.quant_state.bitsandbytes__nf4", "U8", "-"}}}},
    {"bitsandbytes FP4, nested",
     safetensors,
     "",
     "N = {weight.quant_state.bitsandbytes__fp4}.shape.0; "
     "K = {weight.quant_state.bitsandbytes__fp4}.shape.1; "
     "g = {weight.quant_state.bitsandbytes__fp4}.blocksize; "
     "h = {weight.quant_state.bitsandbytes__fp4}.nested_blocksize",
     "",
     "weight",
     "N K",
     "bnb_fp4/$g",
     {{{"codes", "weight", "U8", "N*K/2 1"},
       {"scales", "weight.absmax", "U8", "N*K/g", "", "nested"},
       {"nested_scales", "weight.nested_absmax", "F32", "N*K/g/h"},
       {"nested_codebook", "weight.nested_quant_map", "F32", "256"},
       {"codebook", "weight.quant_map", "F32", "16"},
       {"state", "weight.quant_state.bitsandbytes__fp4", "U8", "-"}}}},

    {"HQQ",
     safetensors,
     "",
     "N = {shape}.0; K = {shape}.1; b = {nbits}.0; g = {group_size}.0",
     "p = 8/b",
     "weight",
     "N K",
     "uintf$b/$g:$S",
     {{{"codes", "W_q", "U8", "N*K*b/8/g g", hqqCodes},
       {"scales", "scale", floats, "N*K/g 1"},
       {"zero_points", "zero", floats, "N*K/g 1"},
       {"shape", "shape", "I32 I64", "2"},
       {"", "nbits", "", "-"},
       {"", "group_size", "", "-"}}}},

    {"GPTQ v2",
     safetensors,
     "quant_method = gptq,; checkpoint_format = gptq_v2",
     "b = bits",
     "g = K/G; p = 32/b",
     "weight",
     "N K",
     "uint$b/$g:$S",
     {{{"codes", "qweight", "I32", "K*b/32 N", gptqCodes},
       {"scales", "scales", floats, "G N", transposedScales},
       {"zero_points", "qzeros", "I32", "G N*b/32", gptqZeros},
       groupIndex}}},
    {"GPTQ",
     safetensors,
     "quant_method = gptq,; bits = 3",
     "",
     "g = K/G",
     "weight",
     "N K",
     "uint3/$g:$S",
     {{{"codes", "qweight", "I32", "K*3/32 N", gptqCodes3},
       {"scales", "scales", floats, "G N", transposedScales},
       {"zero_points", "qzeros", "I32", "G N*3/32", gptqZeros3, "plus 1"},
       groupIndex}}},
    {"GPTQ",
     safetensors,
     "quant_method = gptq,",
     "b = bits",
     "g = K/G; p = 32/b",
     "weight",
     "N K",
     "uint$b/$g:$S",
     {{{"codes", "qweight", "I32", "K*b/32 N", gptqCodes},
       {"scales", "scales", floats, "G N", transposedScales},
       {"zero_points", "qzeros", "I32", "G N*b/32", gptqZeros, "plus 1"},
       groupIndex}}},
    {"AWQ",
     safetensors,
     "quant_method = awq; version = gemm,GEMM,",
     "",
     "g = K/G",
     "weight",
     "N K",
     "uint4/$g:$S",
     {{{"codes", "qweight", "I32", "K N/8", awqOrder},
       {"scales", "scales", floats, "G N", transposedScales},
       {"zero_points", "qzeros", "I32", "G N/8", awqOrder}}}},

    {"ONNX MatMulNBits",
     safetensors,
     "",
     "",
     "g = K/G; h = G/2",
     "",
     "N K",
     "uint4/$g:$S",
     {{{"codes", "_Q4", "U8", "N G K/2/G"},
       {"scales", "_scales", floats, "N*G"},
       {"zero_points", "_zero_points", "U8", "N*h",
        "ui4 at (n, g) -> ($h * n + g floordiv 2, 4 * (g mod 2))"}}}},
    {"ONNX MatMulNBits",
     safetensors,
     "",
     "",
     "g = K/G",
     "",
     "N K",
     "biased4/$g:$S",
     {{{"codes", "_Q4", "U8", "N G K/2/G"},
       {"scales", "_scales", floats, "N*G"}}}},

    {"NVFP4 with a factor",
     gguf,
     "",
     "",
     "",
     "weight",
     "N K",
     "#rlx.scheme<\"gguf_nvfp4 with global_scale\", block = 64, bytes = 36, "
     "unused = 4, code = f4E2M1FN at (i) -> (4 + 8 * (i floordiv 16) + i mod "
     "8, 4 * ((i mod 16) floordiv 8)), scale = ui7 at (i) -> (i floordiv 16, "
     "0) as f8E4M3FN nan_as_zero * f32 in global_scale at (n, k) -> (0)>",
     {{{"codes", "weight", "nvfp4", "N K"},
       {"global_scale", "scale", "f32", "1"}}}},
});

} // namespace

std::span<const KindRule> checkpointKinds() { return kindTable; }

} // namespace rlx
