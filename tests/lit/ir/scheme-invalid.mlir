// Every diagnostic about a description, and about the tensor it stands on.
// RUN: rlx-opt %s --split-input-file --verify-diagnostics

// What a description must give.
// expected-error@+1 {{expected a scheme to give 'block' and 'code'}}
#s = #rlx.scheme<"s", code = ui8 at byte 0>

// -----

// expected-error@+1 {{expected a scheme to give 'block' and 'code'}}
#s = #rlx.scheme<"s", block = 1>

// -----

// expected-error@+1 {{'block' is given twice}}
#s = #rlx.scheme<"s", block = 1, block = 2, code = ui8 at byte 0>

// -----

// expected-error@+1 {{unknown entry 'codes' of a scheme, expected block, bytes, unused, ggml, code, zero, scale, offset or rounded}}
#s = #rlx.scheme<"s", block = 1, codes = ui8 at byte 0>

// -----

// expected-error@+1 {{expected values to be rounded to f16 or bf16, but got 'f32'}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, rounded = f32>

// -----

// expected-error@+1 {{expected 1 <= block <= 65536, but got 0}}
#s = #rlx.scheme<"s", block = 0, bytes = 1, code = ui8 at byte 0>

// -----

// expected-error@+1 {{expected 1 <= block <= 65536, but got -1}}
#s = #rlx.scheme<"s", block = -1, code = ui8 at byte 0>

// -----

// expected-error@+1 {{expected 1 <= block <= 65536, but got 65537}}
#s = #rlx.scheme<"s", block = 65537, code = ui8 at (i) -> (i, 0)>

// -----

// expected-error@+1 {{expected 1 <= bytes <= 1048576, but got 0}}
#s = #rlx.scheme<"s", block = 1, bytes = 0, code = ui8 at byte 0>

// -----

// expected-error@+1 {{expected 1 <= bytes <= 1048576, but got 10000000000000}}
#s = #rlx.scheme<"s", block = 1, bytes = 10000000000000, code = ui8 at byte 0>

// -----

// A position far away costs no memory.
// expected-error@+1 {{expected 1 <= bytes <= 1048576, but got 1048577}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 10000000000000>

// -----

// expected-error@+1 {{expected 1 <= bytes <= 1048576, but got 0}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 9223372036854775807>

// -----

// The form of a field.
// expected-error@+1 {{expected an integer or float type, but got 'index'}}
#s = #rlx.scheme<"s", block = 1, code = index at byte 0>

// -----

// expected-error@+1 {{expected 'at'}}
#s = #rlx.scheme<"s", block = 1, code = ui8 byte 0>

// -----

// expected-error@+1 {{expected a codebook, a list of numbers}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0 as 5>

// -----

// expected-error@+1 {{expected the codebook to hold numbers, but got "a"}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0 as ["a"]>

// -----

// expected-error@+1 {{expected the codebook to hold numbers, but got true}}
#s = #rlx.scheme<"s", block = 8, code = ui1 at (i) -> (0, i) as [true, false]>

// -----

// expected-error@+1 {{expected integer value}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0 - x>

// -----

// Planes of a side tensor cannot be put together.
// expected-error@+1 {{expected '>'}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, zero = ui4 in zero_points at (n, k) -> (n) ++ ui4 at byte 0>

// -----

// Positions.
// expected-error@+1 {{expected the position of 'code' to be a map (i) -> (byte, bit), but got affine_map<(d0, d1) -> (d0, d1)>}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at (n, k) -> (n, k)>

// -----

// expected-error@+1 {{expected the position of 'code' to be a map (i) -> (byte, bit), but got affine_map<(d0) -> (d0)>}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at (i) -> (i)>

// -----

// expected-error@+1 {{expected the position of 'code' to be a map (i) -> (byte, bit), but got affine_map<(d0)[s0] -> (s0, 0)>}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at (i)[s] -> (s, 0)>

// -----

// expected-error@+1 {{expected the position of 'scale factor 1' to be a map (n, k) -> (index, ...), but got affine_map<(d0) -> (d0)>}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, scale = f32 in scales at (i) -> (i)>

// -----

// expected-error@+1 {{expected the position of 'scale factor 1' to be a map (n, k) -> (index, ...), but got affine_map<(d0) -> (0, 0)>}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, scale = f32 in scales at byte 0>

// -----

// expected-error@+1 {{expected the position of 'scale factor 1' to be a map (n, k) -> (index, ...), but got affine_map<(d0, d1) -> ()>}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, scale = f32 in scales at (n, k) -> ()>

// -----

// expected-error@+1 {{expected the position of 'code' to divide by positive constants only, but got affine_map<(d0) -> (d0 floordiv 0, 0)>}}
#s = #rlx.scheme<"s", block = 1, bytes = 1, code = ui8 at (i) -> (i floordiv 0, 0)>

// -----

// The last element of a tensor must tell how large its side tensors are.
// expected-error@+1 {{expected the index of 'scale factor 1' to grow with n and k, but got affine_map<(d0, d1) -> (d0 mod 4)>}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, scale = f32 in scales at (n, k) -> (n mod 4)>

// -----

// expected-error@+1 {{expected the index of 'scale factor 1' to grow with n and k, but got affine_map<(d0, d1) -> (d0, -d1 + 7)>}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, scale = f32 in scales at (n, k) -> (n, 7 - k)>

// -----

// expected-error@+1 {{expected the index of 'scale factor 1' to grow with n and k, but got affine_map<(d0, d1) -> (d0 * 9223372036854775807)>}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, scale = f32 in scales at (n, k) -> (n * 9223372036854775807)>

// -----

// Bits: inside the block, once each, none forgotten.
// expected-error@+1 {{expected the bits of 'code' to lie in the block of 2 bytes, but the 8 bits of element 2 begin at bit 16}}
#s = #rlx.scheme<"s", block = 4, bytes = 2, code = ui8 at (i) -> (i, 0)>

// -----

// expected-error@+1 {{expected the bits of 'code' to lie in the block of 2 bytes, but the 4 bits of element 3 begin at bit 14}}
#s = #rlx.scheme<"s", block = 4, bytes = 2, code = ui4 at (i) -> (0, 4 * i + 2)>

// -----

// expected-error@+1 {{expected the bits of 'code' to lie in the block of 4 bytes, but the 8 bits of element 0 begin at bit -8}}
#s = #rlx.scheme<"s", block = 4, bytes = 4, code = ui8 at (i) -> (i - 1, 0)>

// -----

// expected-error@+1 {{bit 4 of byte 0 is read twice, the second time by 'code' for element 1}}
#s = #rlx.scheme<"s", block = 2, code = ui8 at (i) -> (0, 4 * i)>

// -----

// expected-error@+1 {{bit 0 of byte 0 is read twice, the second time by 'code' for element 1}}
#s = #rlx.scheme<"s", block = 2, code = ui8 at byte 0>

// -----

// expected-error@+1 {{bit 0 of byte 1 is read twice, the second time by 'scale factor 1' for element 0}}
#s = #rlx.scheme<"s", block = 2, code = ui8 at (i) -> (i, 0), scale = f16 at byte 1>

// -----

// expected-error@+1 {{bit 0 of byte 3 is read twice, the second time by 'scale factor 2' for element 0}}
#s = #rlx.scheme<"s", block = 2, code = ui8 at (i) -> (i, 0), scale = f16 at byte 2 * ui4 at byte 3>

// -----

// Elements may share a scale, but not a part of it.
// expected-error@+1 {{bit 4 of byte 2 is read twice, the second time by 'scale factor 1' for element 1}}
#s = #rlx.scheme<"s", block = 2, code = ui8 at (i) -> (i, 0), scale = ui8 at (i) -> (2, 4 * i)>

// -----

// expected-error@+1 {{bit 0 of byte 0 is read twice, the second time by 'code' for element 0}}
#s = #rlx.scheme<"s", block = 2, code = ui4 at (i) -> (0, 4 * i) ++ ui1 at (i) -> (0, i)>

// -----

// expected-error@+1 {{16 bits of the block of 4 bytes belong to no field, the first in byte 2, but 'unused' says 0}}
#s = #rlx.scheme<"s", block = 2, bytes = 4, code = ui8 at (i) -> (i, 0)>

// -----

// expected-error@+1 {{0 bits of the block of 2 bytes belong to no field, but 'unused' says 8}}
#s = #rlx.scheme<"s", block = 2, unused = 8, code = ui8 at (i) -> (i, 0)>

// -----

// expected-error@+1 {{4 bits of the block of 2 bytes belong to no field, the first in byte 1, but 'unused' says 0}}
#s = #rlx.scheme<"s", block = 3, code = ui4 at (i) -> (0, 4 * i)>

// -----

// Numbers.
// expected-error@+1 {{expected a signed or unsigned type for 'code', such as 'ui8', but got 'i8'}}
#s = #rlx.scheme<"s", block = 1, code = i8 at byte 0>

// -----

// expected-error@+1 {{expected 'code' to be read as a signed or unsigned integer of its 8 bits, at most 16, but got 'i8'}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0 as i8>

// -----

// expected-error@+1 {{expected 'code' to be read as a signed or unsigned integer of its 8 bits, at most 16, but got 'si4'}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0 as si4>

// -----

// expected-error@+1 {{expected 'code' to be read as a signed or unsigned integer of its 32 bits, at most 16, but got 'ui32'}}
#s = #rlx.scheme<"s", block = 1, code = ui32 at byte 0>

// -----

// expected-error@+1 {{'code' cannot be read as 'index'}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0 as index>

// -----

// expected-error@+1 {{expected 'scale factor 1' to have at least one bit, but got 'si0'}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, scale = si0 at byte 1>

// -----

// expected-error@+1 {{expected the planes of 'code' to be unsigned integers, but got 'si4'}}
#s = #rlx.scheme<"s", block = 1, code = si4 at byte 0 ++ ui4 at (i) -> (0, 4)>

// -----

// expected-error@+1 {{'code' is of type 'f64', expected f32, f16, bf16, f8E4M3FN, f8E5M2, f8E8M0FNU, f6E2M3FN, f6E3M2FN, f4E2M1FN or an integer type}}
#s = #rlx.scheme<"s", block = 1, code = f64 at byte 0>

// -----

// expected-error@+1 {{'code' has 16 bits, too many for 'f8E4M3FN'}}
#s = #rlx.scheme<"s", block = 1, code = ui16 at byte 0 as f8E4M3FN>

// -----

// expected-error@+1 {{expected the codebook of 'code' to have 16 entries for codes of 4 bits, but it has 3}}
#s = #rlx.scheme<"s", block = 2, code = ui4 at (i) -> (0, 4 * i) as [1, 2, 3]>

// -----

// expected-error@+1 {{expected the codes of 'code' to have at most 8 bits for a codebook, but got 16}}
#s = #rlx.scheme<"s", block = 1, code = ui16 at byte 0 as [1, 2]>

// -----

// expected-error@+1 {{expected the position of 'code' to be computed in 31 bits, but it needs more for element 3 of affine_map<(d0) -> (d0, (d0 * 1000000001) mod 8)>}}
#s = #rlx.scheme<"s", block = 4, code = ui8 at (i) -> (i, (1000000001 * i) mod 8)>

// -----

// Numbers of f32.
// expected-error@+1 {{expected the bias of 'code' to be -16711680 to 16711680, so that f32 holds codes minus it exactly, but got 16711681}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0 - 16711681>

// -----

// expected-error@+1 {{expected the bias of 'scale factor 1' to be -16711680 to 16711680, so that f32 holds codes minus it exactly, but got -4294967296}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, scale = ui8 at byte 1 - -4294967296>

// -----

// expected-error@+1 {{expected the codebook of 'code' to hold numbers that f32 can hold, 0 or 1.2e-38 to 3.4e+38 in magnitude, but got 1.000000e+39}}
#s = #rlx.scheme<"s", block = 8, code = ui1 at (i) -> (0, i) as [0, 1.0e39]>

// -----

// expected-error@+1 {{expected the codebook of 'code' to hold numbers that f32 can hold, 0 or 1.2e-38 to 3.4e+38 in magnitude, but got -1.000000e-40}}
#s = #rlx.scheme<"s", block = 8, code = ui1 at (i) -> (0, i) as [-1.0e-40, 0.0]>

// -----

// Side tensors.
// expected-error@+1 {{expected 'code' to lie in the block}}
#s = #rlx.scheme<"s", block = 1, code = ui8 in scales at (n, k) -> (n, k)>

// -----

// expected-error@+1 {{'scale factor 1' lies in the side tensor 'sizes', expected scales, zero_points or global_scale}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, scale = f32 in sizes at (n, k) -> (n)>

// -----

// expected-error@+1 {{the side tensor 'scales' is read in two ways, the second time by 'offset factor 1'}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, scale = f32 in scales at (n, k) -> (n), offset = f32 in scales at (n, k) -> (k)>

// -----

// expected-error@+1 {{the side tensor 'scales' is read in two ways, the second time by 'scale factor 1'}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0, zero = f16 in scales at (n, k) -> (n), scale = f32 in scales at (n, k) -> (n)>

// -----

// expected-error@+1 {{expected a scheme to have a name}}
#s = #rlx.scheme<"", block = 1, code = ui8 at byte 0>

// -----

// expected-error@+1 {{expected string}}
#s = #rlx.scheme<s, block = 1, code = ui8 at byte 0>

// -----

// Names.
// expected-error@+1 {{unknown scheme 'gguf_q4_k', expected a built-in name such as 'gguf_q4k', 'gguf_q4_0', 'gguf_q4_1' or a #rlx.scheme attribute}}
func.func private @f(tensor<8x64xf32, #rlx.quant<gguf_q4_k>>)

// -----

// expected-error@+1 {{unknown scheme 'int4/7', expected a built-in name such as}}
func.func private @f(tensor<8x64xf32, #rlx.quant<int4/7>>)

// -----

// expected-error@+1 {{expected }}
func.func private @f(tensor<8x64xf32, #rlx.quant<int8/>>)

// -----

// Vectors of a table.
// expected-error@+1 {{expected at most 12 bits to name a vector of a table, but got 13}}
#s = #rlx.scheme<"s", block = 1, code = ui1 from parity by (ui13 at byte 0) at (i) -> (0)>

// -----

// expected-error@+1 {{expected bits, 'ui1', from 'parity', but got 'ui2'}}
#s = #rlx.scheme<"s", block = 8, code = ui2 from parity by (ui7 at byte 0) at (i) -> (i)>

// -----

// expected-error@+1 {{expected digits in a base of 2 to 4 for 'ui2', but got 5}}
#s = #rlx.scheme<"s", block = 4, code = ui2 from digits 5 by (ui8 at byte 0) at (i) -> (i)>

// -----

// expected-error@+1 {{expected digits in a base of 2 to 4 for 'ui2', but got -3}}
#s = #rlx.scheme<"s", block = 4, code = ui2 from digits -3 by (ui8 at byte 0) at (i) -> (i)>

// -----

// expected-error@+1 {{expected the vectors of a table, a list of integers}}
#s = #rlx.scheme<"s", block = 1, code = ui2 from f32 by (ui8 at byte 0) at (i) -> (i)>

// -----

#list = [1, 2.5]
// expected-error@+1 {{expected the vectors of a table, a list of integers}}
#s = #rlx.scheme<"s", block = 1, code = ui2 from #list by (ui1 at byte 0) at (i) -> (i)>

// -----

// expected-error@+1 {{expected the table of 'code' to have 4 vectors for the 2 bits that name one, at most 12, but it has 3}}
#s = #rlx.scheme<"s", block = 2, code = ui2 from [1, 2, 3] by (ui2 at byte 0) at (i) -> (i), unused = 6>

// -----

// expected-error@+1 {{expected the planes of 'code' that name vectors to be unsigned integers, but got 'si2'}}
#s = #rlx.scheme<"s", block = 2, code = ui2 from [0, 1, 2, 3] by (si2 at byte 0) at (i) -> (i), unused = 6>

// -----

// expected-error@+1 {{expected the components of vectors of 'code' to be unsigned integers of 1 to 8 bits, but got 'f16'}}
#s = #rlx.scheme<"s", block = 2, code = f16 from [0, 1, 2, 3] by (ui2 at byte 0) at (i) -> (i), unused = 6>

// -----

// expected-error@+1 {{expected the component of 'code' to be a map (i) -> (component), but got affine_map<(d0) -> (d0, d0)>}}
#s = #rlx.scheme<"s", block = 2, code = ui2 from [0, 1, 2, 3] by (ui2 at byte 0) at (i) -> (i, i), unused = 6>

// -----

// expected-error@+1 {{expected the component of 'code' to divide by positive constants only, but got affine_map<(d0) -> (d0 floordiv 0)>}}
#s = #rlx.scheme<"s", block = 2, code = ui2 from [0, 1, 2, 3] by (ui2 at byte 0) at (i) -> (i floordiv 0), unused = 6>

// -----

// expected-error@+1 {{expected element 16 of 'code' to take one of the 16 components of a vector of 32 bits, but it takes number 16}}
#s = #rlx.scheme<"s", block = 17, code = ui2 from [0, 0xc0000000] by (ui1 at byte 0) at (i) -> (i), unused = 7>

// -----

// expected-error@+1 {{expected element 0 of 'code' to take one of the 16 components of a vector of 32 bits, but it takes number -1}}
#s = #rlx.scheme<"s", block = 2, code = ui2 from [0, 1] by (ui1 at byte 0) at (i) -> (i - 1), unused = 7>

// -----

// expected-error@+1 {{expected the component of 'code' to be computed in 31 bits, but it needs more for element 0 of}}
#s = #rlx.scheme<"s", block = 2, code = ui2 from [0, 1] by (ui1 at byte 0) at (i) -> ((i * 4294967296 + 1) floordiv 4294967297), unused = 7>

// -----

// expected-error@+1 {{expected the vectors of 'code' to have 4 bits, 2 for each of the components that elements take, but got 16}}
#s = #rlx.scheme<"s", block = 2, code = ui2 from [15, 16] by (ui1 at byte 0) at (i) -> (i), unused = 7>

// -----

// expected-error@+1 {{expected the vectors of 'code' to have a component 1, which elements take, but it is 0 in all of them}}
#s = #rlx.scheme<"s", block = 2, code = ui2 from [1, 3] by (ui1 at byte 0) at (i) -> (i), unused = 7>

// -----

// Two elements that are the same one.
// expected-error@+1 {{expected each element to have a 'code' of its own, but elements 0 and 2 take the same components of the same vectors}}
#s = #rlx.scheme<"s", block = 4, code = ui2 from [0, 15] by (ui1 at byte 0) at (i) -> (i mod 2), unused = 7>

// -----

// expected-error@+1 {{bit 2 of byte 0 is read twice, the second time by 'code' for element 2}}
#s = #rlx.scheme<"s", block = 4, code = ui2 from [0, 1, 2, 3, 4, 5, 6, 15] by (ui3 at (i) -> (0, 2 * (i floordiv 2))) at (i) -> (i mod 2), unused = 3>

// -----

// Maps for parts of a block.
// expected-error@+1 {{expected the maps of pieces to be (i) -> (byte, bit), but got affine_map<(d0) -> (d0)>}}
#s = #rlx.scheme<"s", block = 4, code = ui8 at (i) -> (i, 0) until 2 else (i) -> (i)>

// -----

// expected-error@+1 {{expected the pieces of 'code' to begin at rising elements below 4, but got one at 4 after one at 0}}
#s = #rlx.scheme<"s", block = 4, code = ui8 at (i) -> (i, 0) until 4 else (i) -> (i, 0)>

// -----

// expected-error@+1 {{expected the pieces of 'code' to begin at rising elements below 8, but got one at 2 after one at 2}}
#s = #rlx.scheme<"s", block = 8, code = ui8 at (i) -> (i, 0) until 2 else (i) -> (i, 0) until 2 else (i) -> (i, 0)>

// -----

// Codebooks that are lines.
// expected-error@+1 {{expected integer codes of at most 8 bits for 'A * code + B', but got 'ui9'}}
#s = #rlx.scheme<"s", block = 1, code = ui9 at byte 0 as 2 * code + 1, unused = 7>

// -----

// expected-error@+1 {{expected integer codes of at most 8 bits for 'A * code + B', but got 'f16'}}
#s = #rlx.scheme<"s", block = 1, code = f16 at byte 0 as 2 * code + 1>

// -----

// expected-error@+1 {{expected 'A * code + B', two numbers}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0 as 2 * code + [1]>

// -----

// Another attribute is not a scheme.
// expected-error@+1 {{expected the name of a scheme or a #rlx.scheme attribute, but got #rlx.quant<int8/32>}}
func.func private @f(tensor<8x64xf32, #rlx.quant<#rlx.quant<int8/32>>>)

// -----

// expected-error@+1 {{expected the name of a scheme or a #rlx.scheme attribute, but got [1]}}
func.func private @f(tensor<8x64xf32, #rlx.quant<[1]>>)

// -----

// The tensor.
// expected-error@+1 {{expected a tensor encoded by 'int8/32' to be [N, K] or [E, N, K], but its rank is 1}}
func.func private @f(tensor<64xf32, #rlx.quant<int8/32>>)

// -----

// expected-error@+1 {{expected a tensor encoded by 'int8/32' to be [N, K] or [E, N, K], but its rank is 4}}
func.func private @f(tensor<2x2x2x64xf32, #rlx.quant<int8/32>>)

// -----

// expected-error@+1 {{expected a tensor encoded by 'int8/32' to have a static shape without zeros}}
func.func private @f(tensor<?x64xf32, #rlx.quant<int8/32>>)

// -----

// expected-error@+1 {{expected a tensor encoded by 'int8/32' to have a static shape without zeros}}
func.func private @f(tensor<0x64xf32, #rlx.quant<int8/32>>)

// -----

// expected-error@+1 {{expected the logical element type of a tensor encoded by 'int8/32' to be f32, f16 or bf16, but got 'i8'}}
func.func private @f(tensor<8x64xi8, #rlx.quant<int8/32>>)

// -----

// expected-error@+1 {{expected K to be a multiple of the block size 256 of 'gguf_q4k', but got 300}}
func.func private @f(tensor<8x300xf32, #rlx.quant<gguf_q4k>>)

// -----

// expected-error@+1 {{the stored bytes of the tensor overflow 64 bits}}
func.func private @f(tensor<4611686018427387904x64xf32, #rlx.quant<int8/32>>)

// -----

// Indices of side tensors, and what they are computed from, have 64 bits.
#wraps = #rlx.scheme<"wraps", block = 32, code = si8 at (i) -> (i, 0),
  scale = f32 in scales at (n, k) -> ((((((n * 1048576) + 1) * 1048573 + 1) * 1048571 + 1) floordiv 1048575) floordiv 1048574)>
func.func private @few(tensor<2x64xf32, #rlx.quant<#wraps>>)
// expected-error@+1 {{expected the index into 'scales' to be computed in 64 bits, but it needs more for the last element: affine_map<(d0, d1) ->}}
func.func private @many(tensor<130834x64xf32, #rlx.quant<#wraps>>)

// -----

#large = #rlx.scheme<"large", block = 1, code = si8 at byte 0,
  scale = f32 in scales at (n, k) -> (n * 1048576, k * 1048576)>
// expected-error@+1 {{expected the index into 'scales' to be computed in 64 bits, but it needs more for the last element: affine_map<(d0, d1) ->}}
func.func private @many(tensor<4096x4096xf32, #rlx.quant<#large>>)

// -----

// One message for one mistake.
// expected-error@+1 {{expected 'A * code + B', two numbers}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0 as 1 * code +>

// -----

// expected-error@+1 {{expected 'A * code + B', two numbers}}
#s = #rlx.scheme<"s", block = 1, code = ui8 at byte 0 as 1 * code + "x">

// -----

// expected-error@+1 {{expected 'code' to have at most 256 pieces, but got 257}}
#s = #rlx.scheme<"s", block = 300, code = ui8 at (i) -> (i, 0) until 1 else (i) -> (i, 0) until 2 else (i) -> (i, 0) until 3 else (i) -> (i, 0) until 4 else (i) -> (i, 0) until 5 else (i) -> (i, 0) until 6 else (i) -> (i, 0) until 7 else (i) -> (i, 0) until 8 else (i) -> (i, 0) until 9 else (i) -> (i, 0) until 10 else (i) -> (i, 0) until 11 else (i) -> (i, 0) until 12 else (i) -> (i, 0) until 13 else (i) -> (i, 0) until 14 else (i) -> (i, 0) until 15 else (i) -> (i, 0) until 16 else (i) -> (i, 0) until 17 else (i) -> (i, 0) until 18 else (i) -> (i, 0) until 19 else (i) -> (i, 0) until 20 else (i) -> (i, 0) until 21 else (i) -> (i, 0) until 22 else (i) -> (i, 0) until 23 else (i) -> (i, 0) until 24 else (i) -> (i, 0) until 25 else (i) -> (i, 0) until 26 else (i) -> (i, 0) until 27 else (i) -> (i, 0) until 28 else (i) -> (i, 0) until 29 else (i) -> (i, 0) until 30 else (i) -> (i, 0) until 31 else (i) -> (i, 0) until 32 else (i) -> (i, 0) until 33 else (i) -> (i, 0) until 34 else (i) -> (i, 0) until 35 else (i) -> (i, 0) until 36 else (i) -> (i, 0) until 37 else (i) -> (i, 0) until 38 else (i) -> (i, 0) until 39 else (i) -> (i, 0) until 40 else (i) -> (i, 0) until 41 else (i) -> (i, 0) until 42 else (i) -> (i, 0) until 43 else (i) -> (i, 0) until 44 else (i) -> (i, 0) until 45 else (i) -> (i, 0) until 46 else (i) -> (i, 0) until 47 else (i) -> (i, 0) until 48 else (i) -> (i, 0) until 49 else (i) -> (i, 0) until 50 else (i) -> (i, 0) until 51 else (i) -> (i, 0) until 52 else (i) -> (i, 0) until 53 else (i) -> (i, 0) until 54 else (i) -> (i, 0) until 55 else (i) -> (i, 0) until 56 else (i) -> (i, 0) until 57 else (i) -> (i, 0) until 58 else (i) -> (i, 0) until 59 else (i) -> (i, 0) until 60 else (i) -> (i, 0) until 61 else (i) -> (i, 0) until 62 else (i) -> (i, 0) until 63 else (i) -> (i, 0) until 64 else (i) -> (i, 0) until 65 else (i) -> (i, 0) until 66 else (i) -> (i, 0) until 67 else (i) -> (i, 0) until 68 else (i) -> (i, 0) until 69 else (i) -> (i, 0) until 70 else (i) -> (i, 0) until 71 else (i) -> (i, 0) until 72 else (i) -> (i, 0) until 73 else (i) -> (i, 0) until 74 else (i) -> (i, 0) until 75 else (i) -> (i, 0) until 76 else (i) -> (i, 0) until 77 else (i) -> (i, 0) until 78 else (i) -> (i, 0) until 79 else (i) -> (i, 0) until 80 else (i) -> (i, 0) until 81 else (i) -> (i, 0) until 82 else (i) -> (i, 0) until 83 else (i) -> (i, 0) until 84 else (i) -> (i, 0) until 85 else (i) -> (i, 0) until 86 else (i) -> (i, 0) until 87 else (i) -> (i, 0) until 88 else (i) -> (i, 0) until 89 else (i) -> (i, 0) until 90 else (i) -> (i, 0) until 91 else (i) -> (i, 0) until 92 else (i) -> (i, 0) until 93 else (i) -> (i, 0) until 94 else (i) -> (i, 0) until 95 else (i) -> (i, 0) until 96 else (i) -> (i, 0) until 97 else (i) -> (i, 0) until 98 else (i) -> (i, 0) until 99 else (i) -> (i, 0) until 100 else (i) -> (i, 0) until 101 else (i) -> (i, 0) until 102 else (i) -> (i, 0) until 103 else (i) -> (i, 0) until 104 else (i) -> (i, 0) until 105 else (i) -> (i, 0) until 106 else (i) -> (i, 0) until 107 else (i) -> (i, 0) until 108 else (i) -> (i, 0) until 109 else (i) -> (i, 0) until 110 else (i) -> (i, 0) until 111 else (i) -> (i, 0) until 112 else (i) -> (i, 0) until 113 else (i) -> (i, 0) until 114 else (i) -> (i, 0) until 115 else (i) -> (i, 0) until 116 else (i) -> (i, 0) until 117 else (i) -> (i, 0) until 118 else (i) -> (i, 0) until 119 else (i) -> (i, 0) until 120 else (i) -> (i, 0) until 121 else (i) -> (i, 0) until 122 else (i) -> (i, 0) until 123 else (i) -> (i, 0) until 124 else (i) -> (i, 0) until 125 else (i) -> (i, 0) until 126 else (i) -> (i, 0) until 127 else (i) -> (i, 0) until 128 else (i) -> (i, 0) until 129 else (i) -> (i, 0) until 130 else (i) -> (i, 0) until 131 else (i) -> (i, 0) until 132 else (i) -> (i, 0) until 133 else (i) -> (i, 0) until 134 else (i) -> (i, 0) until 135 else (i) -> (i, 0) until 136 else (i) -> (i, 0) until 137 else (i) -> (i, 0) until 138 else (i) -> (i, 0) until 139 else (i) -> (i, 0) until 140 else (i) -> (i, 0) until 141 else (i) -> (i, 0) until 142 else (i) -> (i, 0) until 143 else (i) -> (i, 0) until 144 else (i) -> (i, 0) until 145 else (i) -> (i, 0) until 146 else (i) -> (i, 0) until 147 else (i) -> (i, 0) until 148 else (i) -> (i, 0) until 149 else (i) -> (i, 0) until 150 else (i) -> (i, 0) until 151 else (i) -> (i, 0) until 152 else (i) -> (i, 0) until 153 else (i) -> (i, 0) until 154 else (i) -> (i, 0) until 155 else (i) -> (i, 0) until 156 else (i) -> (i, 0) until 157 else (i) -> (i, 0) until 158 else (i) -> (i, 0) until 159 else (i) -> (i, 0) until 160 else (i) -> (i, 0) until 161 else (i) -> (i, 0) until 162 else (i) -> (i, 0) until 163 else (i) -> (i, 0) until 164 else (i) -> (i, 0) until 165 else (i) -> (i, 0) until 166 else (i) -> (i, 0) until 167 else (i) -> (i, 0) until 168 else (i) -> (i, 0) until 169 else (i) -> (i, 0) until 170 else (i) -> (i, 0) until 171 else (i) -> (i, 0) until 172 else (i) -> (i, 0) until 173 else (i) -> (i, 0) until 174 else (i) -> (i, 0) until 175 else (i) -> (i, 0) until 176 else (i) -> (i, 0) until 177 else (i) -> (i, 0) until 178 else (i) -> (i, 0) until 179 else (i) -> (i, 0) until 180 else (i) -> (i, 0) until 181 else (i) -> (i, 0) until 182 else (i) -> (i, 0) until 183 else (i) -> (i, 0) until 184 else (i) -> (i, 0) until 185 else (i) -> (i, 0) until 186 else (i) -> (i, 0) until 187 else (i) -> (i, 0) until 188 else (i) -> (i, 0) until 189 else (i) -> (i, 0) until 190 else (i) -> (i, 0) until 191 else (i) -> (i, 0) until 192 else (i) -> (i, 0) until 193 else (i) -> (i, 0) until 194 else (i) -> (i, 0) until 195 else (i) -> (i, 0) until 196 else (i) -> (i, 0) until 197 else (i) -> (i, 0) until 198 else (i) -> (i, 0) until 199 else (i) -> (i, 0) until 200 else (i) -> (i, 0) until 201 else (i) -> (i, 0) until 202 else (i) -> (i, 0) until 203 else (i) -> (i, 0) until 204 else (i) -> (i, 0) until 205 else (i) -> (i, 0) until 206 else (i) -> (i, 0) until 207 else (i) -> (i, 0) until 208 else (i) -> (i, 0) until 209 else (i) -> (i, 0) until 210 else (i) -> (i, 0) until 211 else (i) -> (i, 0) until 212 else (i) -> (i, 0) until 213 else (i) -> (i, 0) until 214 else (i) -> (i, 0) until 215 else (i) -> (i, 0) until 216 else (i) -> (i, 0) until 217 else (i) -> (i, 0) until 218 else (i) -> (i, 0) until 219 else (i) -> (i, 0) until 220 else (i) -> (i, 0) until 221 else (i) -> (i, 0) until 222 else (i) -> (i, 0) until 223 else (i) -> (i, 0) until 224 else (i) -> (i, 0) until 225 else (i) -> (i, 0) until 226 else (i) -> (i, 0) until 227 else (i) -> (i, 0) until 228 else (i) -> (i, 0) until 229 else (i) -> (i, 0) until 230 else (i) -> (i, 0) until 231 else (i) -> (i, 0) until 232 else (i) -> (i, 0) until 233 else (i) -> (i, 0) until 234 else (i) -> (i, 0) until 235 else (i) -> (i, 0) until 236 else (i) -> (i, 0) until 237 else (i) -> (i, 0) until 238 else (i) -> (i, 0) until 239 else (i) -> (i, 0) until 240 else (i) -> (i, 0) until 241 else (i) -> (i, 0) until 242 else (i) -> (i, 0) until 243 else (i) -> (i, 0) until 244 else (i) -> (i, 0) until 245 else (i) -> (i, 0) until 246 else (i) -> (i, 0) until 247 else (i) -> (i, 0) until 248 else (i) -> (i, 0) until 249 else (i) -> (i, 0) until 250 else (i) -> (i, 0) until 251 else (i) -> (i, 0) until 252 else (i) -> (i, 0) until 253 else (i) -> (i, 0) until 254 else (i) -> (i, 0) until 255 else (i) -> (i, 0) until 256 else (i) -> (i, 0)>
