//===- CheckpointKinds.cpp - How checkpoints store quantized weights ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kinds that publishers of models and those who serve them use. Sources.
// compressed-tensors, ModelOpt and FP8: the loaders of vLLM
// (model_executor/layers/quantization). gpt-oss: transformers
// (integrations/mxfp4.py). MatMulNBits: ONNX Runtime, contrib_defs.cc. NVFP4 in
// GGUF: llama.cpp, whose converter puts a factor beside the blocks. iq4_ks:
// ik_llama.cpp, whose types may begin rows with numbers (`row_meta_size`).
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/CheckpointKinds.h"

#include <vector>

namespace rlx {
namespace {

constexpr auto gguf = WeightContainer::gguf;
constexpr auto safetensors = WeightContainer::safetensors;
using namespace kinds;

/// What no matmul of weights alone reads.
constexpr PartRule inputScale = {
    "input_scale", "input_scale", floats, "-", "", "", optional};
/// Of columns, where they are not in the order of their groups.
constexpr PartRule weightGroupIndex = {
    "group_index",
    "weight_g_idx",
    "I32 I64",
    "K",
    "",
    "",
    optional,
    "config_groups.~.weights.actorder = group,dynamic,true"};
/// What the packed shape cannot say where rows end within a word.
constexpr PartRule weightShape = {"shape", "weight_shape", "I64 I32", "2", "",
                                  "",      optional};

// compressed-tensors packs codes and zero points into words of 32 bits, those
// of zero points along N.
constexpr std::string_view packed =
    "quant_method = compressed-tensors; config_groups.~ = *;"
    "config_groups.~.format|format = pack-quantized;"
    "config_groups.~.weights.num_bits = 4,8";
constexpr std::string_view packedSymmetric =
    "quant_method = compressed-tensors; config_groups.~ = *;"
    "config_groups.~.format|format = pack-quantized;"
    "config_groups.~.weights.num_bits = 4,8;"
    "config_groups.~.weights.symmetric = true,";
constexpr std::string_view packedSizes =
    "b = config_groups.~.weights.num_bits; "
    "N? = {weight_shape}.0; K? = {weight_shape}.1";
constexpr std::string_view packedZeros =
    "ui$b at (n, g) -> (4 * ($G * (n floordiv $p) + g), $b * (n mod $p))";
/// Rows that end within a word.
constexpr std::string_view packedRows =
    "ui$b at (n, k) -> (4 * $w * n, $b * k)";

constexpr std::string_view intAsymmetric =
    "quant_method = compressed-tensors; config_groups.~ = *;"
    "config_groups.~.format|format = int-quantized,naive-quantized";
constexpr std::string_view intQuantized =
    "quant_method = compressed-tensors; config_groups.~ = *;"
    "config_groups.~.format|format = int-quantized,naive-quantized;"
    "config_groups.~.weights.symmetric = true,";
constexpr std::string_view int8WithZero =
    "#rlx.scheme<\"int8/tensor with a zero point\", block = 1, "
    "code = si8 at byte 0, zero = $Z in zero_points at (n, k) -> (0), "
    "scale = $S in scales at (n, k) -> (0)>";
constexpr std::string_view floatQuantized =
    "quant_method = compressed-tensors; config_groups.~ = *;"
    "config_groups.~.format|format = float-quantized,naive-quantized";

/// A scale for all, or for each row, which some name as those of blocks are.
constexpr KindRule fp8(std::string_view scales, std::string_view shape,
                       std::string_view scheme) {
  return {"FP8",
          safetensors,
          "quant_method = fp8,fbgemm_fp8; weight_block_size = ",
          "",
          "",
          "weight",
          "N K",
          scheme,
          {{{"codes", "weight", "F8_E4M3 F8_E5M2", "N K"},
            {"scales", scales, floats, shape},
            inputScale}}};
}
constexpr std::string_view oneNumber = "| 1 | 1 1", oneOfRow = "N | N 1";

// The name says the bits. Zero points are packed as codes are, each row from a
// byte on, or floats; without them codes stand for numbers of both signs.
struct OnnxBits {
  std::string_view suffix, parameter;
};
constexpr OnnxBits onnx2 = {"_Q2", "b = #2"}, onnx4 = {"_Q4", "b = #4"},
                   onnx8 = {"_Q8", "b = #8"};
constexpr std::string_view onnxZeros =
    "ui$b at (n, g) -> ($h * n + ($b * g) floordiv 8, ($b * g) mod 8)";
constexpr KindRule matMulNBits(OnnxBits bits, std::string_view zeroTypes,
                               std::string_view zeros, std::string_view order,
                               std::string_view scheme) {
  PartRule zeroPoints = {"zero_points", "_zero_points", zeroTypes, zeros,
                         order};
  return {"ONNX MatMulNBits",
          safetensors,
          "",
          bits.parameter,
          "g = K/G; h = G*b/8 up",
          "",
          "N K",
          scheme,
          {{{"codes", bits.suffix, "U8", "N G K*b/8/G"},
            {"scales", "_scales", floats, "N*G"},
            zeros.empty() ? PartRule() : zeroPoints}}};
}

// A factor for all that its blocks say.
constexpr std::string_view ggufNvfp4 =
    "#rlx.scheme<\"gguf_nvfp4 with global_scale\", block = 64, bytes = 36, "
    "unused = 4, code = f4E2M1FN at (i) -> (4 + 8 * (i floordiv 16) + i mod "
    "8, 4 * ((i mod 16) floordiv 8)), scale = ui7 at (i) -> (i floordiv 16, "
    "0) as f8E4M3FN nan_as_zero * $C in global_scale at (n, k) -> (0)>";

// Each row has a scale, and then its blocks.
constexpr std::string_view iq4KsBlocks =
    "bytes ui8 at (n, b) -> ((4 + 136 * ($K floordiv 256)) * n + 4 + b, 0)";
constexpr std::string_view iq4KsScales =
    "f32 at (e, n) -> ((4 + 136 * ($K floordiv 256)) * ($N * e + n), 0)";

constexpr auto kindTable = std::to_array<KindRule>({
    {"compressed-tensors pack-quantized",
     safetensors,
     packed,
     packedSizes,
     "g = K/G : config_groups.~.weights.group_size; p = 32/b",
     "weight",
     "N K",
     "uint$b/$g:$S",
     {{{"codes", "weight_packed", "I32", "N K*b/32"},
       {"scales", "weight_scale", floats, "N G"},
       {"zero_points", "weight_zero_point", "I32", "N*b/32 G", packedZeros},
       weightShape,
       weightGroupIndex}}},
    {"compressed-tensors pack-quantized",
     safetensors,
     packedSymmetric,
     packedSizes,
     "w = K*b/32",
     "weight",
     "N K",
     "biased$b/channel:$S",
     {{{"codes", "weight_packed", "I32", "N K*b/32"},
       {"scales", "weight_scale", floats, oneOfRow},
       weightShape}}},
    {"compressed-tensors pack-quantized",
     safetensors,
     packedSymmetric,
     packedSizes,
     "w = K*b/32 up",
     "weight",
     "N K",
     "biased$b/channel:$S",
     {{{"codes", "weight_packed", "I32", "N w", packedRows},
       {"scales", "weight_scale", floats, oneOfRow},
       weightShape}}},
    {"compressed-tensors pack-quantized",
     safetensors,
     packedSymmetric,
     packedSizes,
     "g = K/G : config_groups.~.weights.group_size",
     "weight",
     "N K",
     "biased$b/$g:$S",
     {{{"codes", "weight_packed", "I32", "N K*b/32"},
       {"scales", "weight_scale", floats, "N G"},
       weightShape,
       weightGroupIndex}}},
    {"compressed-tensors int-quantized, asymmetric",
     safetensors,
     intAsymmetric,
     "",
     "g = K/G : config_groups.~.weights.group_size",
     "weight",
     "N K",
     int8WithZeros,
     {{{"codes", "weight", "I8", "N K"},
       {"scales", "weight_scale", floats, "N G"},
       {"zero_points", "weight_zero_point", "I8", "N G"},
       inputScale}}},
    {"compressed-tensors int-quantized, asymmetric",
     safetensors,
     intAsymmetric,
     "",
     "",
     "weight",
     "N K",
     int8WithZero,
     {{{"codes", "weight", "I8", "N K"},
       {"scales", "weight_scale", floats, "1"},
       {"zero_points", "weight_zero_point", "I8", "1"},
       inputScale}}},
    {"compressed-tensors int-quantized",
     safetensors,
     intQuantized,
     "",
     "",
     "weight",
     "N K",
     "int8/channel:$S",
     {{{"codes", "weight", "I8", "N K"},
       {"scales", "weight_scale", floats, oneOfRow},
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
     "g = K/G : config_groups.~.weights.group_size",
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
       {"scales", "weight_scale", floats, oneOfRow},
       inputScale}}},
    {"compressed-tensors float-quantized",
     safetensors,
     floatQuantized,
     "r = config_groups.~.weights.block_structure.0; "
     "c = config_groups.~.weights.block_structure.1",
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
     "quant_method = compressed-tensors; config_groups.~ = *;"
     "config_groups.~.format|format = nvfp4-pack-quantized",
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
     "quantized_layers.@.quant_algo|quant_algo = NVFP4;"
     "quantized_layers.@.group_size|group_size = 16,",
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
     "quantized_layers.@.quant_algo|quant_algo = FP8",
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
     "quant_method = fp8; weight_block_size.2 = ",
     "r = weight_block_size.0|#128; c = weight_block_size.1|#128",
     "",
     "weight",
     "N K",
     "$Q/$rx$c:$S",
     {{{"codes", "weight", "F8_E4M3 F8_E5M2", "N K"},
       {"scales", "weight_scale_inv", floats, "N/r K/c"},
       inputScale}}},
    fp8("weight_scale", oneNumber, "$Q/tensor:$S"),
    fp8("weight_scale", oneOfRow, "$Q/channel:$S"),
    fp8("weight_scale_inv", oneNumber, "$Q/tensor:$S"),
    fp8("weight_scale_inv", oneOfRow, "$Q/channel:$S"),

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

    matMulNBits(onnx4, "$S", "N*G", "", "uintf$b/$g:$S"),
    matMulNBits(onnx4, "U8", "N*h", onnxZeros, "uint$b/$g:$S"),
    matMulNBits(onnx4, "", "", "", "biased$b/$g:$S"),
    matMulNBits(onnx8, "$S", "N*G", "", "uintf$b/$g:$S"),
    matMulNBits(onnx8, "U8", "N*h", onnxZeros, "uint$b/$g:$S"),
    matMulNBits(onnx8, "", "", "", "biased$b/$g:$S"),
    matMulNBits(onnx2, "$S", "N*G", "", "uintf$b/$g:$S"),
    matMulNBits(onnx2, "U8", "N*h", onnxZeros, "uint$b/$g:$S"),
    matMulNBits(onnx2, "", "", "", "biased$b/$g:$S"),

    {"NVFP4 with a factor",
     gguf,
     "",
     "",
     "",
     "weight",
     "N K",
     ggufNvfp4,
     {{{"codes", "weight", "nvfp4", "N K"},
       {"global_scale", "scale", "f32 f16 bf16", "1"},
       {"input_scale", "input_scale", "f32", "-", "", "", optional}}}},
    {"NVFP4 with factors",
     gguf,
     "",
     "",
     "",
     "weight",
     "E N K",
     ggufNvfp4,
     {{{"codes", "weight", "nvfp4", "E N K"},
       {"global_scale", "scale", "f32 f16 bf16", "E"},
       {"input_scale", "input_scale", "f32", "-", "", "", optional}}}},
    {"ik_llama.cpp iq4_ks",
     gguf,
     "",
     "",
     "",
     "weight",
     "N K",
     "iq4_ks",
     {{{"codes", "weight", "iq4_ks", "N K", iq4KsBlocks},
       {"scales", "weight", "iq4_ks", "N K", iq4KsScales}}}},
    {"ik_llama.cpp iq4_ks",
     gguf,
     "",
     "",
     "",
     "weight",
     "E N K",
     "iq4_ks",
     {{{"codes", "weight", "iq4_ks", "E N K", iq4KsBlocks},
       {"scales", "weight", "iq4_ks", "E N K", iq4KsScales}}}},
});

} // namespace

std::span<const KindRule> publishedKinds() { return kindTable; }

std::span<const std::string_view> unreadSuffixes() {
  // Factors of activations: of torchao, and of ModelOpt.
  static constexpr std::string_view suffixes[] = {"_weight_act_pre_scale",
                                                  "pre_quant_scale"};
  return suffixes;
}

std::span<const KindRule> checkpointKinds() {
  static const std::vector<KindRule> all = [] {
    std::vector<KindRule> kinds;
    for (std::span<const KindRule> some : {publishedKinds(), libraryKinds()})
      kinds.insert(kinds.end(), some.begin(), some.end());
    return kinds;
  }();
  return all;
}

} // namespace rlx
