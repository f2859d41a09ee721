//===- BuiltinSchemes.cpp - The table of schemes --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every built-in scheme, in the language of #rlx.scheme. No code in RLX asks
// for a scheme by name; tables of checkpoints (runtime/weights/) name what
// their tensors are stored as. `$x` in a pattern stands for digits and is
// replaced in the body. The last string is the rule by which scales are chosen
// (QuantRule.h), and the scheme for weights whose K does not fit.
//
// Sources. gguf_: ggml/src/ggml-common.h and ggml-quants.c. fp8: Micikevicius
// et al., "FP8 Formats for Deep Learning", 2022. mx: OCP Microscaling Formats
// (MX) Specification 1.0, 2023, with its conversion (6.3). nvfp4: NVIDIA's
// two-level FP4, as ModelOpt and TensorRT write it. nf4: Dettmers et al.,
// "QLoRA", 2023, with the numbers of bitsandbytes, as of bnb_fp4. f8q8:
// mistral.rs. affine: MLX. iq2_k to iq6_k and iq4_ks: ik_llama.cpp,
// ggml-common.h and iqk_quantize.cpp; the numbers of iq6_k are those that its
// matmuls multiply. biased, uint: the packed weights of compressed-tensors,
// GPTQ and AWQ. Side tensors: scales and zero
// points of group g lie at (n, k floordiv g); `NAME:f16` is a scheme whose side
// tensors of f32 are of f16 (Scheme.cpp).
//
//===----------------------------------------------------------------------===//

#include "ir/BuiltinTables.h"
#include "ir/QuantMethod.h"
#include "ir/QuantRule.h"

#include <array>

using namespace rlx;

namespace {
struct Row {
  BuiltinScheme scheme;
  llvm::StringRef rule = {};
};
} // namespace

static constexpr Row table[] = {
    // Plain floats: one element a block.
    {"f32", "block = 1, code = f32 at byte 0", ""},
    {"f16", "block = 1, code = f16 at byte 0", ""},
    {"bf16", "block = 1, code = bf16 at byte 0", ""},

    // Integers with scales beside them.
    {"int8/$b",
     R"(block = $b,
        code = si8 at (i) -> (i, 0),
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "int8/32 int8/64 int8/128", "absmax 127"},
    {"int8a/$b",
     R"(block = $b,
        code = si8 at (i) -> (i, 0),
        zero = f32 in zero_points at (n, k) -> (n, k floordiv $b),
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "int8a/32 int8a/64 int8a/128", "minmax"},
    {"int8/tensor",
     "block = 1, code = si8 at byte 0, scale = f32 in scales at (n, k) -> (0)",
     "", "absmax 127"},
    {"int8/channel",
     "block = 1, code = si8 at byte 0, scale = f32 in scales at (n, k) -> (n)",
     "", "absmax 127"},
    {"int4/$b",
     R"(block = $b,
        code = si4 at (i) -> (i floordiv 2, 4 * (i mod 2)),
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "int4/32 int4/64 int4/128"},
    {"int4a/$b",
     R"(block = $b,
        code = ui4 at (i) -> (i floordiv 2, 4 * (i mod 2)),
        zero = f32 in zero_points at (n, k) -> (n, k floordiv $b),
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "int4a/32 int4a/64 int4a/128", "minmax"},
    // Unsigned codes less the middle of their range, with the first element in
    // the lowest bits; `/channel` has one scale a row.
    {"biased2/$b",
     R"(block = $b,
        code = ui2 at (i) -> (0, 2 * i) - 2,
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "biased2/64"},
    {"biased3/$b",
     R"(block = $b,
        code = ui3 at (i) -> (0, 3 * i) - 4,
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "biased3/64"},
    {"biased4/$b",
     R"(block = $b,
        code = ui4 at (i) -> (0, 4 * i) - 8,
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "biased4/32", "absmax 7"},
    {"biased8/$b",
     R"(block = $b,
        code = ui8 at (i) -> (i, 0) - 128,
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "biased8/32", "absmax 127"},
    {"biased4/channel",
     R"(block = 2,
        code = ui4 at (i) -> (0, 4 * i) - 8,
        scale = f32 in scales at (n, k) -> (n))",
     ""},
    {"biased8/channel",
     R"(block = 1,
        code = ui8 at byte 0 - 128,
        scale = f32 in scales at (n, k) -> (n))",
     "", "absmax 127"},
    // The same with zero points, which are integers or floats.
    {"uint$w/$b",
     R"(block = $b,
        code = ui$w at (i) -> (0, $w * i),
        zero = ui8 in zero_points at (n, k) -> (n, k floordiv $b),
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "uint4/32"},
    {"uintf$w/$b",
     R"(block = $b,
        code = ui$w at (i) -> (0, $w * i),
        zero = f32 in zero_points at (n, k) -> (n, k floordiv $b),
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "uintf4/64", "minmax"},
    // q * scale + offset: the zero point is a float, the value of code 0.
    {"affine$w/$b",
     R"(block = $b,
        code = ui$w at (i) -> (0, $w * i),
        scale = f32 in scales at (n, k) -> (n, k floordiv $b),
        offset = f32 in zero_points at (n, k) -> (n, k floordiv $b))",
     "affine2/64 affine3/64 affine4/64 affine6/64 affine8/64", "minmax"},

    // Small floats.
    {"fp8e4m3", "block = 1, code = f8E4M3FN at byte 0", ""},
    {"fp8e4m3/tensor",
     "block = 1, code = f8E4M3FN at byte 0, scale = f32 in scales at (n, k) -> "
     "(0)",
     "", "absmax 448"},
    {"fp8e4m3/channel",
     "block = 1, code = f8E4M3FN at byte 0, scale = f32 in scales at (n, k) -> "
     "(n)",
     "", "absmax 448"},
    {"fp8e4m3/$rx$c",
     R"(block = 1, code = f8E4M3FN at byte 0,
        scale = f32 in scales at (n, k) -> (n floordiv $r, k floordiv $c))",
     "fp8e4m3/128x128", "absmax 448"},
    {"fp8e5m2", "block = 1, code = f8E5M2 at byte 0", ""},
    {"fp8e5m2/tensor",
     "block = 1, code = f8E5M2 at byte 0, scale = f32 in scales at (n, k) -> "
     "(0)",
     "", "absmax 57344"},
    {"fp8e5m2/channel",
     "block = 1, code = f8E5M2 at byte 0, scale = f32 in scales at (n, k) -> "
     "(n)",
     "", "absmax 57344"},
    {"fp8e5m2/$rx$c",
     R"(block = 1, code = f8E5M2 at byte 0,
        scale = f32 in scales at (n, k) -> (n floordiv $r, k floordiv $c))",
     "fp8e5m2/128x128", "absmax 57344"},
    {"fp6e2m3", "block = 4, code = f6E2M3FN at (i) -> (0, 6 * i)", ""},
    {"fp6e3m2", "block = 4, code = f6E3M2FN at (i) -> (0, 6 * i)", ""},
    {"fp4e2m1", "block = 2, code = f4E2M1FN at (i) -> (0, 4 * i)", ""},
    {"nvfp4/16",
     R"(block = 16,
        code = f4E2M1FN at (i) -> (i floordiv 2, 4 * (i mod 2)),
        scale = f8E4M3FN in scales at (n, k) -> (n, k floordiv 16) nan_as_zero
              * f32 in global_scale at (n, k) -> (0))",
     ""},
    {"mxfp4/32",
     R"(block = 32,
        code = f4E2M1FN at (i) -> (i floordiv 2, 4 * (i mod 2)),
        scale = f8E8M0FNU in scales at (n, k) -> (n, k floordiv 32))",
     "", "power_of_two 4"},
    {"mxfp8/32",
     R"(block = 32,
        code = f8E4M3FN at (i) -> (i, 0),
        scale = f8E8M0FNU in scales at (n, k) -> (n, k floordiv 32))",
     "", "power_of_two 256"},
    {"mxfp8e5m2/32",
     R"(block = 32,
        code = f8E5M2 at (i) -> (i, 0),
        scale = f8E8M0FNU in scales at (n, k) -> (n, k floordiv 32))",
     "", "power_of_two 32768"},
    {"mxfp6e3m2/32",
     R"(block = 32,
        code = f6E3M2FN at (i) -> (0, 6 * i),
        scale = f8E8M0FNU in scales at (n, k) -> (n, k floordiv 32))",
     "", "power_of_two 16"},
    {"mxfp6e2m3/32",
     R"(block = 32,
        code = f6E2M3FN at (i) -> (0, 6 * i),
        scale = f8E8M0FNU in scales at (n, k) -> (n, k floordiv 32))",
     "", "power_of_two 4"},
    // Integers of 1/64.
    {"mxint8/32",
     R"(block = 32,
        code = si8 at (i) -> (i, 0) as 0.015625 * code,
        scale = f8E8M0FNU in scales at (n, k) -> (n, k floordiv 32))",
     "", "power_of_two 1"},
    // Normal-float codes of bitsandbytes, first element in the high nibble.
    {"nf4/$b",
     R"(block = $b,
        code = ui4 at (i) -> (i floordiv 2, 4 - 4 * (i mod 2)) as
          [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
           -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
           0.07958029955625534, 0.16093020141124725, 0.24611230194568634,
           0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
           0.7229568362236023, 1.0],
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "nf4/32 nf4/64 nf4/128", "absmax 1"},
    // Its small floats, in the same order; the numbers are those of f32.
    {"bnb_fp4/$b",
     R"(block = $b,
        code = ui4 at (i) -> (i floordiv 2, 4 - 4 * (i mod 2)) as
          [0.0, 0.0052083334885537624, 0.6666666865348816, 1.0,
           0.3333333432674408, 0.5, 0.1666666716337204, 0.25,
           -0.0, -0.0052083334885537624, -0.6666666865348816, -1.0,
           -0.3333333432674408, -0.5, -0.1666666716337204, -0.25],
        scale = f32 in scales at (n, k) -> (n, k floordiv $b))",
     "bnb_fp4/64"},
    // 448 divides the scale.
    {"f8q8",
     R"(block = 32, bytes = 33,
        code = si8 at (i) -> (1 + i, 0),
        scale = ui8 at byte 0 as )" RLX_E4M3_BY_448,
     ""},

    // ggml's blocks.
    {"gguf_q4_0",
     R"(ggml = "q4_0", block = 32, bytes = 18,
        code = ui4 at (i) -> (2 + i mod 16, 4 * (i floordiv 16)) - 8,
        scale = f16 at byte 0)",
     "", "signed_max -8 by reciprocal ties up"},
    {"gguf_q4_1",
     R"(ggml = "q4_1", block = 32, bytes = 20,
        code = ui4 at (i) -> (4 + i mod 16, 4 * (i floordiv 16)),
        scale = f16 at byte 0,
        offset = f16 at byte 2)",
     "", "minmax by reciprocal ties up"},
    {"gguf_q5_0",
     R"(ggml = "q5_0", block = 32, bytes = 22,
        code = ui4 at (i) -> (6 + i mod 16, 4 * (i floordiv 16))
            ++ ui1 at (i) -> (2 + i floordiv 8, i mod 8) - 16,
        scale = f16 at byte 0)",
     "", "signed_max -16 by reciprocal ties up"},
    {"gguf_q5_1",
     R"(ggml = "q5_1", block = 32, bytes = 24,
        code = ui4 at (i) -> (8 + i mod 16, 4 * (i floordiv 16))
            ++ ui1 at (i) -> (4 + i floordiv 8, i mod 8),
        scale = f16 at byte 0,
        offset = f16 at byte 2)",
     "", "minmax by reciprocal ties up"},
    {"gguf_q8_0",
     R"(ggml = "q8_0", block = 32, bytes = 34,
        code = si8 at (i) -> (2 + i, 0),
        scale = f16 at byte 0)",
     "", "absmax 127 by reciprocal ties away"},
    // The sums of 16 codes that follow the codes say nothing new.
    {"gguf_q8k",
     R"(ggml = "q8_K", block = 256, bytes = 292, unused = 256,
        code = si8 at (i) -> (4 + i, 0),
        scale = f32 at byte 0)",
     "", "signed_max -127 by inverse ties even sums 16 at 260"},
    {"gguf_q2k",
     R"(ggml = "q2_K", block = 256, bytes = 84,
        code = ui2 at (i) -> (16 + 32 * (i floordiv 128) + i mod 32, 2 * ((i mod 128) floordiv 32)),
        scale = f16 at byte 80 * ui4 at (i) -> (i floordiv 16, 0),
        offset = - f16 at byte 82 * ui4 at (i) -> (i floordiv 16, 4))",
     "", "search else gguf_iq4_nl"},
    {"gguf_q3k",
     R"(ggml = "q3_K", block = 256, bytes = 110,
        code = ui2 at (i) -> (32 + 32 * (i floordiv 128) + i mod 32, 2 * ((i mod 128) floordiv 32))
            ++ ui1 at (i) -> (i mod 32, i floordiv 32) - 4,
        scale = f16 at byte 108
              * ui4 at (i) -> (96 + (i floordiv 16) mod 8, 4 * (i floordiv 128))
             ++ ui2 at (i) -> (104 + (i floordiv 16) mod 4, 2 * (i floordiv 64)) - 32)",
     "", "search else gguf_iq4_nl"},
    {"gguf_q4k",
     R"(ggml = "q4_K", block = 256, bytes = 144,
        code = ui4 at (i) -> (16 + 32 * (i floordiv 64) + i mod 32, 4 * ((i mod 64) floordiv 32)),
        scale = f16 at byte 0
              * ui4 at (i) -> (4 + i floordiv 32 + 4 * (i floordiv 128), 0)
             ++ ui2 at (i) -> (4 + (i floordiv 32) mod 4, 4 + 2 * (i floordiv 128)),
        offset = - f16 at byte 2
               * ui4 at (i) -> (8 + i floordiv 32, 4 * (i floordiv 128))
              ++ ui2 at (i) -> (8 + (i floordiv 32) mod 4, 4 + 2 * (i floordiv 128)))",
     "", "search else gguf_q5_0"},
    {"gguf_q5k",
     R"(ggml = "q5_K", block = 256, bytes = 176,
        code = ui4 at (i) -> (48 + 32 * (i floordiv 64) + i mod 32, 4 * ((i mod 64) floordiv 32))
            ++ ui1 at (i) -> (16 + i mod 32, i floordiv 32),
        scale = f16 at byte 0
              * ui4 at (i) -> (4 + i floordiv 32 + 4 * (i floordiv 128), 0)
             ++ ui2 at (i) -> (4 + (i floordiv 32) mod 4, 4 + 2 * (i floordiv 128)),
        offset = - f16 at byte 2
               * ui4 at (i) -> (8 + i floordiv 32, 4 * (i floordiv 128))
              ++ ui2 at (i) -> (8 + (i floordiv 32) mod 4, 4 + 2 * (i floordiv 128)))",
     "", "search else gguf_q5_1"},
    {"gguf_q6k",
     R"(ggml = "q6_K", block = 256, bytes = 210,
        code = ui4 at (i) -> (64 * (i floordiv 128) + i mod 64, 4 * ((i mod 128) floordiv 64))
            ++ ui2 at (i) -> (128 + 32 * (i floordiv 128) + i mod 32, 2 * ((i mod 128) floordiv 32)) - 32,
        scale = f16 at byte 208 * si8 at (i) -> (192 + i floordiv 16, 0))",
     "", "search else gguf_q8_0"},
    {"gguf_iq4_nl",
     R"(ggml = "iq4_nl", block = 32, bytes = 18,
        code = ui4 at (i) -> (2 + i mod 16, 4 * (i floordiv 16)) as
          [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113],
        scale = f16 at byte 0)",
     ""},
    {"gguf_iq4_xs",
     R"(ggml = "iq4_xs", block = 256, bytes = 136,
        code = ui4 at (i) -> (8 + 16 * (i floordiv 32) + i mod 16, 4 * ((i mod 32) floordiv 16)) as
          [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113],
        scale = f16 at byte 0
              * ui4 at (i) -> (4 + i floordiv 64, 4 * ((i floordiv 32) mod 2))
             ++ ui2 at (i) -> (2 + i floordiv 128, 2 * ((i floordiv 32) mod 4)) - 32)",
     "", "search else gguf_iq4_nl"},
    {"gguf_mxfp4",
     R"(ggml = "mxfp4", block = 32, bytes = 17,
        code = f4E2M1FN at (i) -> (1 + i mod 16, 4 * (i floordiv 16)),
        scale = f8E8M0FNU at byte 0)",
     "", "power_of_two 4 by log2f ties first"},
    // The scale's sign bit is never read.
    {"gguf_nvfp4",
     R"(ggml = "nvfp4", block = 64, bytes = 36, unused = 4,
        code = f4E2M1FN at (i) -> (4 + 8 * (i floordiv 16) + i mod 8, 4 * ((i mod 16) floordiv 8)),
        scale = ui7 at (i) -> (i floordiv 16, 0) as f8E4M3FN nan_as_zero)",
     ""},
    {"gguf_tq2_0",
     R"(ggml = "tq2_0", block = 256, bytes = 66,
        code = ui2 at (i) -> (32 * (i floordiv 128) + i mod 32, 2 * ((i mod 128) floordiv 32)) - 1,
        scale = f16 at byte 64)",
     "", "search else gguf_q4_0"},
    // The other ones of few bits: a bit, its sign, for each element; and -1, 0,
    // 1
    // and 2.
    {"gguf_q1_0",
     R"(ggml = "q1_0", block = 128, bytes = 18,
        code = ui1 at (i) -> (2, i) as [-1, 1],
        scale = f16 at byte 0)",
     "", "search else gguf_q4_0"},
    {"gguf_q2_0",
     R"(ggml = "q2_0", block = 64, bytes = 18,
        code = ui2 at (i) -> (2, 2 * i) - 1,
        scale = f16 at byte 0)",
     "", "search else gguf_q4_0"},
    // Five digits of base 3 a byte; of the last four bytes, four.
    {"gguf_tq1_0",
     R"(ggml = "tq1_0", block = 256, bytes = 54,
        code = ui2 from digits 3
          by (ui8 at (i) -> (i mod 32, 0)
             until 160 else (i) -> (32 + i mod 16, 0)
             until 240 else (i) -> (48 + i mod 4, 0))
          at (i) -> (i floordiv 32)
             until 160 else (i) -> (i floordiv 16 - 10)
             until 240 else (i) -> (i floordiv 4 - 60) - 1,
        scale = f16 at byte 52)",
     "", "search else gguf_q4_0"},
    // Vectors of eight and of four numbers without signs, whose signs are bits:
    // eight of them, or seven with an even number of minus signs.
    {"gguf_iq2_xxs",
     R"(ggml = "iq2_xxs", block = 256, bytes = 66,
        code = ui2 from )" RLX_E8_256 R"(
            by (ui8 at (i) -> (2 + 8 * (i floordiv 32) + (i mod 32) floordiv 8, 0))
            at (i) -> (i mod 8)
          ++ ui1 from parity
            by (ui7 at (i) -> (6 + 8 * (i floordiv 32), 7 * ((i mod 32) floordiv 8)))
            at (i) -> (i mod 8)
          as [8, 25, 43, 0, -8, -25, -43, 0],
        scale = f16 at byte 0
              * ui4 at (i) -> (9 + 8 * (i floordiv 32), 4) as 0.25 * code + 0.125)",
     "", "search else gguf_iq4_nl"},
    {"gguf_iq2_xs",
     R"(ggml = "iq2_xs", block = 256, bytes = 74,
        code = ui2 from )" RLX_E8_512 R"(
            by (ui9 at (i) -> (2 + 2 * (i floordiv 8), 0)) at (i) -> (i mod 8)
          ++ ui1 from parity
            by (ui7 at (i) -> (3 + 2 * (i floordiv 8), 1)) at (i) -> (i mod 8)
          as [8, 25, 43, 0, -8, -25, -43, 0],
        scale = f16 at byte 0
              * ui4 at (i) -> (66 + i floordiv 32, 4 * ((i floordiv 16) mod 2))
                as 0.25 * code + 0.125)",
     "", "search else gguf_iq4_nl"},
    {"gguf_iq2_s",
     R"(ggml = "iq2_s", block = 256, bytes = 82,
        code = ui2 from )" RLX_E8_1024 R"(
            by (ui8 at (i) -> (2 + i floordiv 8, 0)
             ++ ui2 at (i) -> (66 + i floordiv 32, 2 * ((i mod 32) floordiv 8)))
            at (i) -> (i mod 8)
          ++ ui1 at (i) -> (34, i)
          as [8, 25, 43, 0, -8, -25, -43, 0],
        scale = f16 at byte 0
              * ui4 at (i) -> (74 + i floordiv 32, 4 * ((i floordiv 16) mod 2))
                as 0.25 * code + 0.125)",
     "", "search else gguf_iq4_nl"},
    {"gguf_iq3_xxs",
     R"(ggml = "iq3_xxs", block = 256, bytes = 98,
        code = ui3 from )" RLX_D4_256 R"(
            by (ui8 at (i) -> (2 + i floordiv 4, 0)) at (i) -> (i mod 4)
          ++ ui1 from parity
            by (ui7 at (i) -> (66 + 4 * (i floordiv 32), 7 * ((i mod 32) floordiv 8)))
            at (i) -> (i mod 8)
          as [4, 12, 20, 28, 36, 44, 52, 62, -4, -12, -20, -28, -36, -44, -52, -62],
        scale = f16 at byte 0
              * ui4 at (i) -> (69 + 4 * (i floordiv 32), 4) as 0.5 * code + 0.25)",
     "", "search else gguf_iq4_nl"},
    {"gguf_iq3_s",
     R"(ggml = "iq3_s", block = 256, bytes = 110,
        code = ui3 from )" RLX_D4_512 R"(
            by (ui8 at (i) -> (2 + i floordiv 4, 0) ++ ui1 at (i) -> (66, i floordiv 4))
            at (i) -> (i mod 4)
          ++ ui1 at (i) -> (74, i)
          as [1, 3, 5, 7, 9, 11, 13, 15, -1, -3, -5, -7, -9, -11, -13, -15],
        scale = f16 at byte 0
              * ui4 at (i) -> (106 + i floordiv 64, 4 * ((i floordiv 32) mod 2))
                as 2 * code + 1)",
     "", "search else gguf_iq4_nl"},
    // Vectors of -1, 0 and 1, all of which a bit moves up or down by an eighth.
    {"gguf_iq1_s",
     R"(ggml = "iq1_s", block = 256, bytes = 50,
        code = ui2 from )" RLX_TERNARY_2048 R"(
            by (ui8 at (i) -> (2 + i floordiv 8, 0)
             ++ ui3 at (i) -> (34 + 2 * (i floordiv 32), 3 * ((i mod 32) floordiv 8)))
            at (i) -> (i mod 8)
          ++ ui1 at (i) -> (35 + 2 * (i floordiv 32), 7)
          as [-0.875, 0.125, 1.125, 0, -1.125, -0.125, 0.875, 0],
        scale = f16 at byte 0
              * ui3 at (i) -> (35 + 2 * (i floordiv 32), 4) as 2 * code + 1)",
     "", "search else gguf_iq4_nl"},
    // The bits of the block's scale are the highest of four words.
    {"gguf_iq1_m",
     R"(ggml = "iq1_m", block = 256, bytes = 56,
        code = ui2 from )" RLX_TERNARY_2048 R"(
            by (ui8 at (i) -> (i floordiv 8, 0)
             ++ ui3 at (i) -> (32 + i floordiv 16, 4 * ((i floordiv 8) mod 2)))
            at (i) -> (i mod 8)
          ++ ui1 at (i) -> (32 + i floordiv 16, 3 + 4 * ((i floordiv 8) mod 2))
          as [-0.875, 0.125, 1.125, 0, -1.125, -0.125, 0.875, 0],
        scale = ui4 at (i) -> (49, 4) ++ ui4 at (i) -> (51, 4)
             ++ ui4 at (i) -> (53, 4) ++ ui4 at (i) -> (55, 4) as f16
              * ui3 at (i) -> (48 + 2 * (i floordiv 64), 3 * ((i floordiv 16) mod 4))
                as 2 * code + 1)",
     "", "search else gguf_iq4_nl"},
    // Types of ik_llama.cpp: numbers of a codebook, all of which a bit moves up
    // by the same for a group of 16.
    {"gguf_iq2_k",
     R"(ggml = "iq2_k", block = 256, bytes = 76,
        code = ui2 at (i) -> (12 + 32 * (i floordiv 128) + i mod 32, 2 * ((i mod 128) floordiv 32))
          as [-31, -13, 1, 17],
        zero = ui1 at (i) -> (2, i floordiv 16) as [0, -5],
        scale = f16 at byte 0 * ui4 at (i) -> (4 + i floordiv 32, 4 * ((i floordiv 16) mod 2)) - 8)",
     "", "search else gguf_iq4_nl"},
    {"gguf_iq3_k",
     R"(ggml = "iq3_k", block = 256, bytes = 110,
        code = ui2 at (i) -> (14 + 32 * (i floordiv 128) + i mod 32, 2 * ((i mod 128) floordiv 32))
            ++ ui1 at (i) -> (78 + i mod 32, i floordiv 32)
          as [-63, -40, -23, -10, 1, 13, 28, 47],
        zero = ui1 at (i) -> (2, i floordiv 16) as [0, -4],
        scale = f16 at byte 0
              * ui4 at (i) -> (6 + i floordiv 32, 4 * ((i floordiv 16) mod 2))
             ++ ui1 at (i) -> (4, i floordiv 16)
                as [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
                    -1, -3, -5, -7, -9, -11, -13, -15, -17, -19, -21, -23, -25, -27, -29, -31])",
     "", "search else gguf_iq4_nl"},
    {"gguf_iq4_k",
     R"(ggml = "iq4_k", block = 256, bytes = 144,
        code = ui4 at (i) -> (16 + 16 * (i floordiv 32) + i mod 16, 4 * ((i mod 32) floordiv 16))
          as [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113],
        zero = ui1 at (i) -> (2, i floordiv 16) as [0, -4],
        scale = f16 at byte 0
              * ui4 at (i) -> (8 + i floordiv 32, 4 * ((i floordiv 16) mod 2))
             ++ ui2 at (i) -> (4 + i floordiv 64, 2 * ((i floordiv 16) mod 4)) - 32)",
     "", "search else gguf_iq4_nl"},
    {"gguf_iq5_k",
     R"(ggml = "iq5_k", block = 256, bytes = 176,
        code = ui4 at (i) -> (16 + 32 * (i floordiv 64) + i mod 32, 4 * ((i mod 64) floordiv 32))
            ++ ui1 at (i) -> (144 + i mod 32, i floordiv 32)
          as [-126, -114, -103, -92, -83, -74, -65, -57, -50, -43, -36, -30, -24, -18, -12, -6,
              -1, 5, 11, 17, 23, 29, 36, 43, 51, 59, 68, 77, 87, 97, 109, 121],
        zero = ui1 at (i) -> (2, i floordiv 16) as [0, -2],
        scale = f16 at byte 0
              * ui4 at (i) -> (8 + i floordiv 32, 4 * ((i floordiv 16) mod 2))
             ++ ui2 at (i) -> (4 + i floordiv 64, 2 * ((i floordiv 16) mod 4)) - 32)",
     "", "search else gguf_q5_0"},
    {"gguf_iq6_k",
     R"(ggml = "iq6_k", block = 256, bytes = 212,
        code = ui4 at (i) -> (20 + 32 * (i floordiv 64) + i mod 32, 4 * ((i mod 64) floordiv 32))
            ++ ui2 at (i) -> (148 + 32 * (i floordiv 128) + i mod 32, 2 * ((i mod 128) floordiv 32))
          as [-127, -121, -115, -109, -104, -98, -93, -88, -84, -79, -74, -70, -66, -62, -58, -54,
              -51, -47, -44, -40, -37, -34, -31, -28, -25, -22, -19, -16, -13, -11, -8, -5,
              -2, 0, 3, 6, 9, 12, 14, 17, 20, 23, 27, 30, 33, 36, 40, 44,
              47, 51, 55, 59, 63, 68, 72, 77, 82, 87, 92, 98, 103, 109, 115, 121],
        zero = ui1 at (i) -> (2, i floordiv 16) as [0, -1],
        scale = f16 at byte 0 * si8 at (i) -> (4 + i floordiv 16, 0))",
     "", "search else gguf_q8_0"},
    // Their rows begin with a scale of the row.
    {"iq4_ks",
     R"(block = 256, bytes = 136,
        code = ui4 at (i) -> (8 + 16 * (i floordiv 32) + i mod 16, 4 * ((i mod 32) floordiv 16))
          as [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113],
        zero = ui1 at (i) -> (i floordiv 32, 0) as [0, -4],
        scale = f32 in scales at (n, k) -> (n)
              * ui7 at (i) -> (i floordiv 32, 1) as 2 * code - 127)",
     "", "search else gguf_iq4_nl"},
};

/// A column of the table.
template <typename T> static constexpr auto columnOf(T Row::*member) {
  std::array<T, std::size(table)> column = {};
  for (size_t i = 0; i < column.size(); ++i)
    column[i] = table[i].*member;
  return column;
}

llvm::ArrayRef<BuiltinScheme> rlx::builtinSchemes() {
  static constexpr auto schemes = columnOf(&Row::scheme);
  return schemes;
}

llvm::ArrayRef<llvm::StringRef> rlx::builtinRules() {
  static constexpr auto rules = columnOf(&Row::rule);
  return rules;
}

/// Methods that people know by name, and the schemes that they store weights
/// in.
static constexpr BuiltinMethod methods[] = {
    {"int8", "INT8-Symmetric", "int8/channel"},
    {"int4", "INT4-Asymmetric", "int4a/$g"},
    {"fp8", "FP8-E4M3", "fp8e4m3/channel"},
    {"awq", "AWQ(group=$g)", "int4a/$g", QuantAlgorithm::awq},
    {"smoothquant", "SmoothQuant(α=$a)", "int8/channel",
     QuantAlgorithm::smoothQuant},
    {"gptq", "GPTQ($wbit, group=$g)", "affine$w/$g", QuantAlgorithm::gptq},
};

llvm::ArrayRef<BuiltinMethod> rlx::builtinMethods() { return methods; }
