// The text of schemes: built-in names, and descriptions of one's own.
// RUN: rlx-opt %s | FileCheck %s
// RUN: rlx-opt %s | rlx-opt | FileCheck %s
// RUN: rlx-opt %s --emit-bytecode | rlx-opt | FileCheck %s

#q4 = #rlx.scheme<"q4_1", block = 32, bytes = 20,
  code = ui4 at (i) -> (4 + i mod 16, 4 * (i floordiv 16)),
  scale = f16 at byte 0,
  offset = f16 at byte 2>

// Everything the language has: planes, codebooks, biases, bits read as another
// type, factors, side tensors, bits that nobody reads. The number of bytes is
// what the planes span.
#all = #rlx.scheme<"all of it", block = 8, unused = 7,
  code = ui2 at (i) -> (i floordiv 4, 2 * (i mod 4)) ++ ui1 at (i) -> (2, i) as [-4, -2.5, -1.0, -0.0, 0, 1, 2, 1.0e3] - 3,
  zero = si8 in zero_points at (n, k) -> (n, k floordiv 8),
  scale = ui7 at byte 3 as f8E4M3FN nan_as_zero * f32 in scales at (n, k) -> (n) * bf16 in global_scale at (n, k) -> (0),
  offset = - ui6 at (i) -> (4, 0) as f6E2M3FN * ui4 at (i) -> (4, 6) - -1>

// Codes that are components of vectors: of a list, which may have a name, of
// bits with an even number of ones, of digits; a map for each part of a block;
// and a codebook that is a line.
#list = [0, 27, 228, 0x2d]
#vectors = #rlx.scheme<"vectors", block = 8, unused = 1,
  code = ui2 from #list by (ui2 at (i) -> (i floordiv 4, 0)) at (i) -> (i mod 4)
      ++ ui1 from parity by (ui3 at (i) -> (0, 2) ++ ui4 at (i) -> (1, 2)) at (i) -> (i)
      as [1, 2, 3, 4, -1, -2, -3, -4],
  scale = f16 at byte 2 * ui3 at (i) -> (0, 5) ++ ui1 at (i) -> (1, 6) as 0.5 * code - 1>
#digits = #rlx.scheme<"digits", block = 12, bytes = 4,
  code = ui2 from digits 3
      by (ui8 at (i) -> (i mod 2, 0) until 10 else (i) -> (2, 0))
      at (i) -> (i floordiv 2) until 10 else (i) -> (i - 10) - 1,
  scale = f8E4M3FN at byte 3>

// A line of two's complement.
#line = #rlx.scheme<"signed line", block = 2, code = si4 at (i) -> (0, 4 * i) as 0.25 * code - 1>

// Values that are rounded to a shorter type.
#rounded = #rlx.scheme<"rounded", block = 2, rounded = bf16, code = si4 at (i) -> (0, 4 * i), scale = f16 at byte 1>

// A name may hold anything; aliases may not.
#name = #rlx.scheme<"5 bits/block", block = 1, code = si8 at byte 0>

// CHECK-DAG: #[[Q4:.*]] = #rlx.scheme<"q4_1", block = 32, bytes = 20, code = ui4 at (d0) -> (d0 mod 16 + 4, (d0 floordiv 16) * 4), scale = f16 at byte 0, offset = f16 at byte 2>
// CHECK-DAG: #[[ALL:.*]] = #rlx.scheme<"all of it", block = 8, bytes = 6, unused = 7, code = ui2 at (d0) -> (d0 floordiv 4, (d0 mod 4) * 2) ++ ui1 at (d0) -> (2, d0) as [-4.000000e+00, -2.500000e+00, -1.000000e+00, -0.000000e+00, 0.000000e+00, 1.000000e+00, 2.000000e+00, 1.000000e+03] - 3, zero = si8 in zero_points at (d0, d1) -> (d0, d1 floordiv 8), scale = ui7 at byte 3 as f8E4M3FN nan_as_zero * f32 in scales at (d0, d1) -> (d0) * bf16 in global_scale at (d0, d1) -> (0), offset = - ui6 at byte 4 as f6E2M3FN * ui4 at (d0) -> (4, 6) - -1>
// CHECK-DAG: #[[VECTORS:.*]] = #rlx.scheme<"vectors", block = 8, bytes = 4, unused = 1, code = ui2 from [0, 27, 228, 45] by (ui2 at (d0) -> (d0 floordiv 4, 0)) at (d0) -> (d0 mod 4) ++ ui1 from parity by (ui3 at (d0) -> (0, 2) ++ ui4 at (d0) -> (1, 2)) at (d0) -> (d0) as [1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00, -1.000000e+00, -2.000000e+00, -3.000000e+00, -4.000000e+00], scale = f16 at byte 2 * ui3 at (d0) -> (0, 5) ++ ui1 at (d0) -> (1, 6) as 5.000000e-01 * code + -1.000000e+00>
// CHECK-DAG: #[[DIGITS:.*]] = #rlx.scheme<"digits", block = 12, bytes = 4, code = ui2 from digits 3 by (ui8 at (d0) -> (d0 mod 2, 0) until 10 else (d0) -> (2, 0)) at (d0) -> (d0 floordiv 2) until 10 else (d0) -> (d0 - 10) - 1, scale = f8E4M3FN at byte 3>
// CHECK-DAG: #[[LINE:.*]] = #rlx.scheme<"signed line", block = 2, bytes = 1, code = si4 at (d0) -> (0, d0 * 4) as 2.500000e-01 * code + -1.000000e+00>
// CHECK-DAG: #[[ROUNDED:.*]] = #rlx.scheme<"rounded", block = 2, bytes = 3, code = si4 at (d0) -> (0, d0 * 4), scale = f16 at byte 1, rounded = bf16>
// CHECK-DAG: #[[NAME:.*]] = #rlx.scheme<"5 bits/block", block = 1, bytes = 1, code = si8 at byte 0>

// CHECK: func private @own(tensor<8x64xf32, #rlx.quant<#[[Q4]]>>, tensor<8x64xf32, #rlx.quant<#[[ALL]]>>, tensor<2x64xf32, #rlx.quant<#[[NAME]]>>, tensor<8x64xf32, #rlx.quant<#[[VECTORS]]>>, tensor<8x48xf32, #rlx.quant<#[[DIGITS]]>>, tensor<8x64xf32, #rlx.quant<#[[LINE]]>>)
func.func private @own(tensor<8x64xf32, #rlx.quant<#q4>>, tensor<8x64xf32, #rlx.quant<#all>>,
                       tensor<2x64xf32, #rlx.quant<#name>>, tensor<8x64xf32, #rlx.quant<#vectors>>,
                       tensor<8x48xf32, #rlx.quant<#digits>>, tensor<8x64xf32, #rlx.quant<#line>>)

// CHECK: func private @rounded(tensor<8x64xf32, #rlx.quant<#[[ROUNDED]]>>)
func.func private @rounded(tensor<8x64xf32, #rlx.quant<#rounded>>)

// The description of a built-in scheme is that scheme.
// CHECK: func private @described(tensor<8x64xf32, #rlx.quant<gguf_q8_0>>)
func.func private @described(tensor<8x64xf32, #rlx.quant<#rlx.scheme<"gguf_q8_0", ggml = "q8_0",
  block = 32, bytes = 34, code = si8 at (i) -> (2 + i, 0), scale = f16 at byte 0>>>)

// Another one of that name is not, and keeps its description.
// CHECK: func private @borrowed(tensor<8x64xf32, #rlx.quant<#{{.*}}>>)
func.func private @borrowed(tensor<8x64xf32, #rlx.quant<#rlx.scheme<"gguf_q8_0", block = 32,
  code = si8 at (i) -> (i, 0)>>>)

// CHECK: func private @ggml_spelling(tensor<8x256xf32, #rlx.quant<gguf_q4k>>, tensor<8x256xf32, #rlx.quant<gguf_q4k>>)
func.func private @ggml_spelling(tensor<8x256xf32, #rlx.quant<q4_K>>, tensor<8x256xf32, #rlx.quant<Q4_K>>)

// CHECK: func private @in_quotes(tensor<8x64xf32, #rlx.quant<int8/32>>)
func.func private @in_quotes(tensor<8x64xf32, #rlx.quant<"int8/32">>)

// CHECK-LABEL: func private @names
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<f32>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<f16>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<bf16>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<int8/64>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<int8a/64>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<int8/tensor>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<int8/channel>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<int4/64>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<int4a/64>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<affine3/64>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<fp8e4m3>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<fp8e4m3/tensor>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<fp8e4m3/channel>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<fp8e4m3/128x128>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<fp8e5m2>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<fp8e5m2/tensor>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<fp8e5m2/channel>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<fp8e5m2/1x128>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<fp6e2m3>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<fp6e3m2>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<fp4e2m1>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<nvfp4/16>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<mxfp4/32>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<mxfp8/32>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<mxfp8e5m2/32>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<mxfp6e3m2/32>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<mxfp6e2m3/32>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<mxint8/32>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<nf4/64>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<bnb_fp4/64>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<f8q8>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q4_0>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q4_1>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q5_0>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q5_1>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q8_0>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q8k>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q2k>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q3k>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q4k>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q5k>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q6k>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq4_nl>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq4_xs>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_mxfp4>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_nvfp4>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_tq2_0>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q1_0>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_q2_0>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_tq1_0>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq2_xxs>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq2_xs>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq2_s>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq3_xxs>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq3_s>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq1_s>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq1_m>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq2_k>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq3_k>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq4_k>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq5_k>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<gguf_iq6_k>>
// CHECK-SAME: tensor<2x256xf32, #rlx.quant<iq4_ks>>
func.func private @names(
  tensor<2x256xf32, #rlx.quant<f32>>, tensor<2x256xf32, #rlx.quant<f16>>,
  tensor<2x256xf32, #rlx.quant<bf16>>, tensor<2x256xf32, #rlx.quant<int8/64>>,
  tensor<2x256xf32, #rlx.quant<int8a/64>>, tensor<2x256xf32, #rlx.quant<int8/tensor>>,
  tensor<2x256xf32, #rlx.quant<int8/channel>>, tensor<2x256xf32, #rlx.quant<int4/64>>,
  tensor<2x256xf32, #rlx.quant<int4a/64>>, tensor<2x256xf32, #rlx.quant<affine3/64>>,
  tensor<2x256xf32, #rlx.quant<fp8e4m3>>, tensor<2x256xf32, #rlx.quant<fp8e4m3/tensor>>,
  tensor<2x256xf32, #rlx.quant<fp8e4m3/channel>>, tensor<2x256xf32, #rlx.quant<fp8e4m3/128x128>>,
  tensor<2x256xf32, #rlx.quant<fp8e5m2>>, tensor<2x256xf32, #rlx.quant<fp8e5m2/tensor>>,
  tensor<2x256xf32, #rlx.quant<fp8e5m2/channel>>, tensor<2x256xf32, #rlx.quant<fp8e5m2/1x128>>,
  tensor<2x256xf32, #rlx.quant<fp6e2m3>>,
  tensor<2x256xf32, #rlx.quant<fp6e3m2>>, tensor<2x256xf32, #rlx.quant<fp4e2m1>>,
  tensor<2x256xf32, #rlx.quant<nvfp4/16>>, tensor<2x256xf32, #rlx.quant<mxfp4/32>>,
  tensor<2x256xf32, #rlx.quant<mxfp8/32>>, tensor<2x256xf32, #rlx.quant<mxfp8e5m2/32>>,
  tensor<2x256xf32, #rlx.quant<mxfp6e3m2/32>>, tensor<2x256xf32, #rlx.quant<mxfp6e2m3/32>>,
  tensor<2x256xf32, #rlx.quant<mxint8/32>>,
  tensor<2x256xf32, #rlx.quant<nf4/64>>,
  tensor<2x256xf32, #rlx.quant<bnb_fp4/64>>, tensor<2x256xf32, #rlx.quant<f8q8>>,
  tensor<2x256xf32, #rlx.quant<gguf_q4_0>>,
  tensor<2x256xf32, #rlx.quant<gguf_q4_1>>, tensor<2x256xf32, #rlx.quant<gguf_q5_0>>,
  tensor<2x256xf32, #rlx.quant<gguf_q5_1>>, tensor<2x256xf32, #rlx.quant<gguf_q8_0>>,
  tensor<2x256xf32, #rlx.quant<gguf_q8k>>, tensor<2x256xf32, #rlx.quant<gguf_q2k>>,
  tensor<2x256xf32, #rlx.quant<gguf_q3k>>, tensor<2x256xf32, #rlx.quant<gguf_q4k>>,
  tensor<2x256xf32, #rlx.quant<gguf_q5k>>, tensor<2x256xf32, #rlx.quant<gguf_q6k>>,
  tensor<2x256xf32, #rlx.quant<gguf_iq4_nl>>, tensor<2x256xf32, #rlx.quant<gguf_iq4_xs>>,
  tensor<2x256xf32, #rlx.quant<gguf_mxfp4>>, tensor<2x256xf32, #rlx.quant<gguf_nvfp4>>,
  tensor<2x256xf32, #rlx.quant<gguf_tq2_0>>, tensor<2x256xf32, #rlx.quant<gguf_q1_0>>, tensor<2x256xf32, #rlx.quant<gguf_q2_0>>,
  tensor<2x256xf32, #rlx.quant<gguf_tq1_0>>, tensor<2x256xf32, #rlx.quant<gguf_iq2_xxs>>,
  tensor<2x256xf32, #rlx.quant<gguf_iq2_xs>>, tensor<2x256xf32, #rlx.quant<gguf_iq2_s>>,
  tensor<2x256xf32, #rlx.quant<gguf_iq3_xxs>>, tensor<2x256xf32, #rlx.quant<gguf_iq3_s>>,
  tensor<2x256xf32, #rlx.quant<gguf_iq1_s>>, tensor<2x256xf32, #rlx.quant<gguf_iq1_m>>,
  tensor<2x256xf32, #rlx.quant<gguf_iq2_k>>, tensor<2x256xf32, #rlx.quant<gguf_iq3_k>>,
  tensor<2x256xf32, #rlx.quant<gguf_iq4_k>>, tensor<2x256xf32, #rlx.quant<gguf_iq5_k>>,
  tensor<2x256xf32, #rlx.quant<gguf_iq6_k>>, tensor<2x256xf32, #rlx.quant<iq4_ks>>)
