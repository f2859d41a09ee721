//===- UserSchemesTest.cpp - Schemes that RLX has never heard of ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Descriptions as a user would write them, decoded and compared with formulas
// written by hand.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/ir/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace user_schemes_test {

// Blocks of 40: an e4m3 scale, a 4-bit zero point, low nibbles, high bits.
constexpr const char *fiveBits =
    R"(#rlx.scheme<"five bits", block = 40, bytes = 27, unused = 4,
  code = ui4 at (i) -> (2 + i floordiv 2, 4 * (i mod 2)) ++ ui1 at (i) -> (22, i),
  zero = ui4 at byte 1,
  scale = f8E4M3FN at byte 0>)";

// Blocks of 64: a stream of 3-bit indices into eight values, an f16 and four
// 4-bit factors, one for each 16 elements.
constexpr const char *threeBits = R"(#rlx.scheme<"three/bits", block = 64,
  code = ui3 at (i) -> (0, 3 * i) as [-1.5, -0.75, -0.25, -0.0, 0.1, 0.3, 0.75, 2],
  scale = f16 at byte 24 * ui4 at (i) -> (26 + i floordiv 32, 4 * ((i floordiv 16) mod 2)) - 7>)";

TEST_F(SchemeTest, FiveBitCodesInTwoPlanes) {
  std::optional<QuantScheme> scheme = described(fiveBits);
  ASSERT_TRUE(scheme);
  EXPECT_FALSE(scheme->isBuiltin());
  EXPECT_FALSE(scheme->isGguf());
  EXPECT_EQ(scheme->payloadBits().value(), 5.4);
  EXPECT_EQ(scheme->bitsPerElementX10(), 54);
  EXPECT_EQ(scheme->sideOperands().size(), 0u);

  Random random(20);
  constexpr int64_t rows = 64, columns = 120, blocks = 3;
  auto bytes = random.bytes(rows * blocks * 27);
  expectValues(
      scheme, {rows, columns}, {bytes, {}, {}, {}}, [&](int64_t n, int64_t k) {
        const uint8_t *block = &bytes[(n * blocks + k / 40) * 27];
        int64_t i = k % 40;
        int low = i % 2 ? block[2 + i / 2] >> 4 : block[2 + i / 2] & 15;
        int high = block[22 + i / 8] >> (i % 8) & 1;
        return e4m3(block[0]) * (low + 16 * high - (block[1] & 15));
      });
}

TEST_F(SchemeTest, ThreeBitCodesWithACodebookAndTwoLevels) {
  std::optional<QuantScheme> scheme = described(threeBits);
  ASSERT_TRUE(scheme);
  EXPECT_EQ(scheme->blockBytes(), 28); // what the planes span
  EXPECT_EQ(scheme->payloadBits().value(), 3.5);
  EXPECT_EQ(scheme->groupLength(scheme->attr().getScale()[0]), 64);
  EXPECT_EQ(scheme->groupLength(scheme->attr().getScale()[1]), 16);

  constexpr double codebook[] = {-1.5, -0.75, -0.25, -0.0, 0.1, 0.3, 0.75, 2};
  constexpr double sizes[] = {0.25, 1, -3, 0}; // and the f16 that mean them
  constexpr uint16_t codes[] = {0x3400, 0x3c00, 0xc200, 0};
  Random random(21);
  constexpr int64_t rows = 16, columns = 128, blocks = 2;
  auto bytes = random.bytes(rows * blocks * 28);
  for (int64_t block = 0; block < rows * blocks; ++block)
    std::memcpy(&bytes[block * 28 + 24], &codes[block % 4], 2);
  expectValues(
      scheme, {rows, columns}, {bytes, {}, {}, {}}, [&](int64_t n, int64_t k) {
        int64_t index = n * blocks + k / 64, i = k % 64;
        const uint8_t *block = &bytes[index * 28];
        // Eight codes are three bytes.
        const uint8_t *three = block + 3 * (i / 8);
        int code =
            (three[0] | three[1] << 8 | three[2] << 16) >> (3 * (i % 8)) & 7;
        int factor =
            i % 32 < 16 ? block[26 + i / 32] & 15 : block[26 + i / 32] >> 4;
        return sizes[index % 4] * (factor - 7) * codebook[code];
      });
}

TEST_F(SchemeTest, UserSchemesRoundTrip) {
  for (const char *text : {fiveBits, threeBits}) {
    std::optional<QuantScheme> scheme = described(text);
    ASSERT_TRUE(scheme);
    EXPECT_EQ(mlir::parseAttribute(printed(scheme->attr()), &context),
              scheme->attr());
    auto encoding = QuantAttr::get(&context, scheme->attr());
    EXPECT_EQ(mlir::parseAttribute(printed(encoding), &context), encoding);
  }
}

// A user may call a scheme like a built-in one; it stays the user's.
TEST_F(SchemeTest, ABorrowedNameDoesNotBorrowTheScheme) {
  std::optional<QuantScheme> scheme = described(
      R"(#rlx.scheme<"gguf_q4_0", block = 2, code = ui4 at (i) -> (0, 4 * i)>)");
  ASSERT_TRUE(scheme);
  EXPECT_FALSE(scheme->isBuiltin());
  EXPECT_NE(*scheme, *builtin("gguf_q4_0"));
  auto encoding = QuantAttr::get(&context, scheme->attr());
  EXPECT_EQ(mlir::parseAttribute(printed(encoding), &context), encoding);
}

// 4-bit zero points in a side tensor: an odd number of them ends inside a byte.
TEST_F(SchemeTest, SideTensorsOfHalfBytes) {
  std::optional<QuantScheme> scheme =
      described(R"(#rlx.scheme<"packed zeros", block = 8,
    code = ui8 at (i) -> (i, 0),
    zero = ui4 in zero_points at (n, k) -> (n, k floordiv 8) - -1,
    scale = f32 in scales at (n, k) -> (n)>)");
  ASSERT_TRUE(scheme);
  Random random(22);
  constexpr int64_t rows = 3, columns = 24, groups = 3;
  auto codes = random.bytes(rows * columns),
       zeros = random.bytes((rows * groups + 1) / 2);
  auto scales = random.floats(rows);
  expectValues(
      scheme, {rows, columns}, {codes, bytesOf(scales), zeros, {}},
      [&](int64_t n, int64_t k) {
        int64_t index = n * groups + k / 8;
        int zero = index % 2 ? zeros[index / 2] >> 4 : zeros[index / 2] & 15;
        return double(scales[n]) * (codes[n * columns + k] - (zero + 1));
      });
}

} // namespace user_schemes_test
