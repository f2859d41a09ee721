//===- SideSchemesTest.cpp - Schemes whose scales lie beside the codes ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reference decoder against formulas written by hand for each scheme, on
// random bytes. Nothing here reads a description.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/ir/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace side_schemes_test {

/// The nibble of element k of a row of `columns`, the even ones in low nibbles.
uint8_t nibble(llvm::ArrayRef<uint8_t> bytes, int64_t columns, int64_t row,
               int64_t k) {
  uint8_t byte = bytes[row * columns / 2 + k / 2];
  return k % 2 ? byte >> 4 : byte & 15;
}

TEST_F(SchemeTest, Int8) {
  Random random(1);
  constexpr int64_t rows = 5, columns = 96, groups = 3;
  auto codes = random.bytes(rows * columns);
  auto scales = random.floats(rows * groups);
  expectValues(builtin("int8/32"), {rows, columns},
               {codes, bytesOf(scales), {}, {}}, [&](int64_t n, int64_t k) {
                 return double(scales[n * groups + k / 32]) *
                        int8_t(codes[n * columns + k]);
               });
}

TEST_F(SchemeTest, Int8WithZeroPoints) {
  Random random(2);
  constexpr int64_t rows = 5, columns = 96, groups = 3;
  auto codes = random.bytes(rows * columns);
  auto scales = random.floats(rows * groups),
       zeros = random.floats(rows * groups);
  expectValues(builtin("int8a/32"), {rows, columns},
               {codes, bytesOf(scales), bytesOf(zeros), {}},
               [&](int64_t n, int64_t k) {
                 int64_t group = n * groups + k / 32;
                 return double(scales[group]) *
                        (int8_t(codes[n * columns + k]) - double(zeros[group]));
               });
}

TEST_F(SchemeTest, Int8PerTensorAndPerChannel) {
  Random random(3);
  constexpr int64_t rows = 7, columns = 13;
  auto codes = random.bytes(rows * columns);
  auto scales = random.floats(rows);
  std::vector<float> scale = {scales[2]};
  expectValues(builtin("int8/tensor"), {rows, columns},
               {codes, bytesOf(scale), {}, {}}, [&](int64_t n, int64_t k) {
                 return double(scale[0]) * int8_t(codes[n * columns + k]);
               });
  expectValues(builtin("int8/channel"), {rows, columns},
               {codes, bytesOf(scales), {}, {}}, [&](int64_t n, int64_t k) {
                 return double(scales[n]) * int8_t(codes[n * columns + k]);
               });
}

TEST_F(SchemeTest, Int4IsTwosComplement) {
  Random random(4);
  constexpr int64_t rows = 3, columns = 64, groups = 2;
  auto codes = random.bytes(rows * columns / 2);
  auto scales = random.floats(rows * groups);
  expectValues(builtin("int4/32"), {rows, columns},
               {codes, bytesOf(scales), {}, {}}, [&](int64_t n, int64_t k) {
                 int code = nibble(codes, columns, n, k);
                 return double(scales[n * groups + k / 32]) *
                        (code < 8 ? code : code - 16);
               });
}

TEST_F(SchemeTest, Int4WithZeroPoints) {
  Random random(5);
  constexpr int64_t rows = 3, columns = 128, groups = 2;
  auto codes = random.bytes(rows * columns / 2);
  auto scales = random.floats(rows * groups),
       zeros = random.floats(rows * groups);
  expectValues(builtin("int4a/64"), {rows, columns},
               {codes, bytesOf(scales), bytesOf(zeros), {}},
               [&](int64_t n, int64_t k) {
                 int64_t group = n * groups + k / 64;
                 return double(scales[group]) *
                        (nibble(codes, columns, n, k) - double(zeros[group]));
               });
}

TEST_F(SchemeTest, AffineCodesOfAnyWidth) {
  for (int width : {2, 3, 4, 6, 8}) {
    Random random(width);
    constexpr int64_t rows = 3, columns = 192, groups = 3;
    const int64_t rowBytes = columns * width / 8;
    auto codes = random.bytes(rows * rowBytes);
    auto scales = random.floats(rows * groups),
         offsets = random.floats(rows * groups);
    // Codes follow each other through little-endian words of 32 bits and may
    // straddle two of them.
    auto code = [&](int64_t n, int64_t k) {
      int64_t bit = k * width, word = bit / 32 * 4;
      uint64_t bits = 0;
      for (int64_t i = 0; i < 8 && word + i < rowBytes; ++i)
        bits |= uint64_t(codes[n * rowBytes + word + i]) << (8 * i);
      return double(bits >> bit % 32 & ((1u << width) - 1));
    };
    expectValues(
        builtin("affine" + std::to_string(width) + "/64"), {rows, columns},
        {codes, bytesOf(scales), bytesOf(offsets), {}},
        [&](int64_t n, int64_t k) {
          int64_t group = n * groups + k / 64;
          return double(scales[group]) * code(n, k) + double(offsets[group]);
        });
  }
}

TEST_F(SchemeTest, Fp8InBlocksThatDoNotDivide) {
  Random random(6);
  constexpr int64_t rows = 130, columns = 300, across = 3;
  auto codes = random.bytes(rows * columns);
  auto scales = random.floats(2 * across);
  auto scale = [&](int64_t n, int64_t k) {
    return double(scales[n / 128 * across + k / 128]);
  };
  expectValues(builtin("fp8e4m3/128x128"), {rows, columns},
               {codes, bytesOf(scales), {}, {}}, [&](int64_t n, int64_t k) {
                 return scale(n, k) * e4m3(codes[n * columns + k]);
               });
  expectValues(builtin("fp8e5m2/128x128"), {rows, columns},
               {codes, bytesOf(scales), {}, {}}, [&](int64_t n, int64_t k) {
                 return scale(n, k) * e5m2(codes[n * columns + k]);
               });
}

TEST_F(SchemeTest, Nvfp4) {
  Random random(7);
  constexpr int64_t rows = 8, columns = 512, groups = 32; // 256 scales
  auto codes = random.bytes(rows * columns / 2);
  std::vector<uint8_t> scales(rows * groups);
  for (size_t i = 0; i < scales.size(); ++i)
    scales[i] = uint8_t(i);
  auto global = random.floats(1);
  auto scale = [&](uint8_t code) {
    return (code & 0x7f) == 0x7f ? 0.0 : e4m3(code);
  };
  expectValues(builtin("nvfp4/16"), {rows, columns},
               {codes, scales, {}, bytesOf(global)}, [&](int64_t n, int64_t k) {
                 return scale(scales[n * groups + k / 16]) * double(global[0]) *
                        e2m1(nibble(codes, columns, n, k));
               });
}

TEST_F(SchemeTest, Mxfp4) {
  Random random(8);
  constexpr int64_t rows = 8, columns = 1024, groups = 32; // 256 scales
  auto codes = random.bytes(rows * columns / 2);
  std::vector<uint8_t> scales(rows * groups);
  for (size_t i = 0; i < scales.size(); ++i)
    scales[i] = uint8_t(i); // 0 is 2^-127, 255 is NaN
  expectValues(builtin("mxfp4/32"), {rows, columns}, {codes, scales, {}, {}},
               [&](int64_t n, int64_t k) {
                 return e8m0(scales[n * groups + k / 32]) *
                        e2m1(nibble(codes, columns, n, k));
               });
}

TEST_F(SchemeTest, Nf4HasTheFirstElementInTheHighNibble) {
  constexpr double codebook[] = {-1.0,
                                 -0.6961928009986877,
                                 -0.5250730514526367,
                                 -0.39491748809814453,
                                 -0.28444138169288635,
                                 -0.18477343022823334,
                                 -0.09105003625154495,
                                 0.0,
                                 0.07958029955625534,
                                 0.16093020141124725,
                                 0.24611230194568634,
                                 0.33791524171829224,
                                 0.44070982933044434,
                                 0.5626170039176941,
                                 0.7229568362236023,
                                 1.0};
  Random random(9);
  constexpr int64_t rows = 4, columns = 128, groups = 2;
  auto codes = random.bytes(rows * columns / 2);
  auto scales = random.floats(rows * groups);
  expectValues(builtin("nf4/64"), {rows, columns},
               {codes, bytesOf(scales), {}, {}}, [&](int64_t n, int64_t k) {
                 uint8_t byte = codes[(n * columns + k) / 2];
                 return double(scales[n * groups + k / 64]) *
                        codebook[k % 2 ? byte & 15 : byte >> 4];
               });
}

//===----------------------------------------------------------------------===//
// Stacks of experts: everything has a leading E
//===----------------------------------------------------------------------===//

constexpr int64_t experts = 3, rows = 5, columns = 64;

TEST_F(SchemeTest, ExpertsOfInt8) {
  Random random(10);
  constexpr int64_t groups = 2;
  auto codes = random.bytes(experts * rows * columns);
  auto scales = random.floats(experts * rows * groups);
  expectValues(builtin("int8/32"), {experts, rows, columns},
               {codes, bytesOf(scales), {}, {}}, [&](int64_t row, int64_t k) {
                 int64_t e = row / rows, n = row % rows;
                 return double(scales[(e * rows + n) * groups + k / 32]) *
                        int8_t(codes[(e * rows + n) * columns + k]);
               });
}

TEST_F(SchemeTest, ExpertsOfFp8Blocks) {
  Random random(11);
  constexpr int64_t down = 3,
                    across = 2; // 5 rows in twos, 64 columns in fifties
  auto codes = random.bytes(experts * rows * columns);
  auto scales = random.floats(experts * down * across);
  expectValues(builtin("fp8e4m3/2x50"), {experts, rows, columns},
               {codes, bytesOf(scales), {}, {}}, [&](int64_t row, int64_t k) {
                 int64_t e = row / rows, n = row % rows;
                 return double(scales[(e * down + n / 2) * across + k / 50]) *
                        e4m3(codes[(e * rows + n) * columns + k]);
               });
}

TEST_F(SchemeTest, ExpertsOfNvfp4HaveAGlobalScaleEach) {
  Random random(12);
  constexpr int64_t groups = 4;
  auto codes = random.bytes(experts * rows * columns / 2);
  auto scales = random.bytes(experts * rows * groups);
  auto global = random.floats(experts);
  auto scale = [&](uint8_t code) {
    return (code & 0x7f) == 0x7f ? 0.0 : e4m3(code);
  };
  expectValues(builtin("nvfp4/16"), {experts, rows, columns},
               {codes, scales, {}, bytesOf(global)},
               [&](int64_t row, int64_t k) {
                 return scale(scales[row * groups + k / 16]) *
                        double(global[row / rows]) *
                        e2m1(nibble(codes, columns, row, k));
               });
}

TEST_F(SchemeTest, ExpertsOfGgmlBlocks) {
  Random random(13);
  constexpr int64_t blocks = 2;
  auto bytes = random.bytes(experts * rows * blocks * 34);
  for (size_t i = 0; i < bytes.size(); i += 34) { // d is 1.5 or -1.5
    bytes[i] = 0;
    bytes[i + 1] = bytes[i + 1] & 0x80 ? 0xbe : 0x3e;
  }
  expectValues(builtin("gguf_q8_0"), {experts, rows, columns},
               {bytes, {}, {}, {}}, [&](int64_t row, int64_t k) {
                 const uint8_t *block = &bytes[(row * blocks + k / 32) * 34];
                 return (block[1] == 0xbe ? -1.5 : 1.5) *
                        int8_t(block[2 + k % 32]);
               });
}

} // namespace side_schemes_test
