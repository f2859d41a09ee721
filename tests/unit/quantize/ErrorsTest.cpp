//===- ErrorsTest.cpp - What cannot be quantized --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/quantize/TestSupport.h"

#include <limits>

using namespace rlx;
using namespace rlx::test;

namespace errors_test {

constexpr float infinity = std::numeric_limits<float>::infinity();

class QuantizeErrors : public SchemeTest {
protected:
  std::string creation(const char *name, llvm::ArrayRef<int64_t> shape,
                       QuantizeOptions options = {}) {
    auto quantizer = Quantizer::create(*builtin(name), shape, options);
    return quantizer ? "" : llvm::toString(quantizer.takeError());
  }
  /// Of a row range of a weight of ones.
  std::string quantization(const char *name, llvm::ArrayRef<int64_t> shape,
                           int64_t begin, int64_t end, size_t numValues,
                           size_t numBytes) {
    std::vector<float> x(numValues, 1);
    std::vector<uint8_t> bytes(numBytes);
    return messageOf(
        quantizeRows(*builtin(name), shape, x, begin, end, {}, bytes));
  }
};

TEST_F(QuantizeErrors, ShapesThatDoNotFit) {
  EXPECT_EQ(creation("q4_0", {2, 48}),
            "expected weight of 'gguf_q4_0' to be [N, K] or [E, N, K] with at "
            "least one element and K a multiple of the block size 32, but got "
            "[2, 48]");
  QuantizeOptions options;
  options.name = "blk.0.attn_q.weight";
  EXPECT_EQ(creation("q4_K", {0, 256}, options),
            "expected weight 'blk.0.attn_q.weight' of 'gguf_q4k' to be [N, K] "
            "or [E, N, K] with at least one element and K a multiple of the "
            "block size 256, but got [0, 256]");
  EXPECT_NE(creation("q4_0", {32}), "");
}

TEST_F(QuantizeErrors, SchemesThatCannotBeMade) {
  auto creation = [&](const char *text) {
    auto quantizer = Quantizer::create(*described(text), {1, 8});
    return quantizer ? "" : llvm::toString(quantizer.takeError());
  };
  EXPECT_EQ(
      creation("#rlx.scheme<\"wide\", block = 1, code = ui16 at byte 0 ++ "
               "ui8 at byte 2 as f32>"),
      "scheme 'wide' cannot be quantized: it has a field of 24 bits, "
      "expected at most 16 or all bits of a float");
  EXPECT_EQ(creation("#rlx.scheme<\"vectors\", block = 8, code = ui1 from "
                     "parity by (ui7 at byte 0) at (i) -> (i), unused = 1, "
                     "scale = f16 in scales at (n, k) -> (n)>"),
            "scheme 'vectors' cannot be quantized: its codes name vectors of a "
            "table, expected scales in the block and none beside it");
  EXPECT_EQ(creation("#rlx.scheme<\"vectors\", block = 8, code = ui1 from "
                     "parity by (ui7 at byte 0) at (i) -> (i), unused = 1, "
                     "scale = ui8 at (i) -> (1 + i floordiv 4, 0)>"),
            "scheme 'vectors' cannot be quantized: elements of a vector have "
            "different scales, expected them to share all");
  EXPECT_EQ(creation("#rlx.scheme<\"scale\", block = 8, code = ui8 at (i) -> "
                     "(i, 0), unused = 1, scale = ui1 from parity by (ui7 at "
                     "byte 8) at (i) -> (i)>"),
            "scheme 'scale' cannot be quantized: a scale, zero or offset is "
            "looked up in a table of vectors, expected codes alone to be");
  // Two planes of a scale, which elements share in different ways.
  EXPECT_EQ(creation("#rlx.scheme<\"shared\", block = 4, code = ui8 at (i) -> "
                     "(i, 0), scale = ui4 at (i) -> (4, 4 * (i floordiv 2)) ++ "
                     "ui8 at (i) -> (5, 0)>"),
            "scheme 'shared' cannot be quantized: elements share a part of the "
            "bits of a scale, zero or offset, expected all of them or none");
}

TEST_F(QuantizeErrors, ImportanceThatDoesNotFit) {
  QuantizeOptions options;
  options.importance.assign(31, 1);
  EXPECT_EQ(creation("q4_0", {2, 32}, options),
            "expected importance of weight to have a number for each of 32 "
            "columns, but it has 31");
  options.importance.assign(32, 1);
  options.importance[7] = -1;
  EXPECT_EQ(creation("q4_0", {2, 32}, options),
            "expected importance of weight to be finite and not negative, but "
            "number 7 is -1.00");
  options.importance[7] = infinity;
  EXPECT_NE(creation("q4_0", {2, 32}, options), "");
}

TEST_F(QuantizeErrors, NumbersThatAreNotFinite) {
  auto scheme = *builtin("q8_0");
  for (auto [value, name] : {std::pair(infinity, "inf"),
                             {-infinity, "-inf"},
                             {std::nanf(""), "nan"}}) {
    std::vector<float> x(3 * 64, 0.5f);
    x[1 * 64 + 37] = x[2 * 64] = value;
    std::vector<uint8_t> bytes(scheme.storageBytes({3, 64}));
    QuantizeOptions options;
    options.name = "w";
    EXPECT_EQ(messageOf(quantizeRows(scheme, {3, 64}, x, 0, 3, options, bytes)),
              std::string("element [1, 37] of weight 'w' is ") + name +
                  ", expected finite numbers");
    options.allowNonFinite = true;
    EXPECT_EQ(messageOf(quantizeRows(scheme, {3, 64}, x, 0, 3, options, bytes)),
              std::string("element [1, 37] of weight 'w' is ") + name +
                  ", expected finite numbers or such that 'gguf_q8_0' has "
                  "codes for");
  }
  // Counted from the first row of the weight.
  std::vector<float> x(64, infinity);
  std::vector<uint8_t> bytes(scheme.storageBytes({1, 64}));
  EXPECT_EQ(messageOf(quantizeRows(scheme, {2, 3, 64}, x, 4, 5, {}, bytes)),
            "element [1, 1, 0] of weight is inf, expected finite numbers");
}

TEST_F(QuantizeErrors, InfinitiesThatAreAskedFor) {
  QuantizeOptions options;
  options.allowNonFinite = true;
  std::vector<float> x = {infinity, -infinity, std::nanf(""), 1, -0.0f};
  for (const char *name : {"f16", "bf16", "f32", "fp8e5m2"}) {
    auto scheme = *builtin(name);
    std::vector<uint8_t> bytes(scheme.storageBytes({1, 5}));
    EXPECT_EQ(messageOf(quantizeRows(scheme, {1, 5}, x, 0, 1, options, bytes)),
              "");
    auto decoder =
        ReferenceDecoder::create(scheme, {1, 5}, {bytes, {}, {}, {}});
    if (!decoder)
      FAIL() << llvm::toString(decoder.takeError());
    for (int64_t k = 0; k < 5; ++k)
      EXPECT_TRUE(sameNumber(decoder->value(0, k), x[k])) << name << " " << k;
  }
  // No infinities, but NaNs.
  std::vector<uint8_t> bytes(5);
  EXPECT_EQ(messageOf(quantizeRows(*builtin("fp8e4m3"), {1, 5}, x, 0, 1,
                                   options, bytes)),
            "element [0, 0] of weight is inf, expected finite numbers or such "
            "that 'fp8e4m3' has codes for");
}

TEST_F(QuantizeErrors, RangesAndSizesThatDoNotFit) {
  EXPECT_EQ(quantization("q8_0", {4, 32}, 1, 1, 0, 0),
            "expected rows of weight to be quantized in ranges of multiples of "
            "1 below 4, but got 1 to 1");
  EXPECT_EQ(quantization("q8_0", {4, 32}, 3, 5, 64, 68),
            "expected rows of weight to be quantized in ranges of multiples of "
            "1 below 4, but got 3 to 5");
  EXPECT_EQ(quantization("q8_0", {4, 32}, 1, 3, 63, 68),
            "expected 64 values for 2 rows of weight, but got 63");
  EXPECT_EQ(quantization("q8_0", {4, 32}, 1, 3, 64, 67),
            "expected room for 68 bytes of blocks of weight, but got 67");
  EXPECT_EQ(quantization("int8/tensor", {4, 32}, 1, 3, 64, 64),
            "expected rows of weight to be quantized in ranges of multiples of "
            "4 below 4, but got 1 to 3");
  EXPECT_EQ(quantization("int8/32", {4, 32}, 1, 3, 64, 64),
            "expected 16 bytes of scales of weight, but got 0");
}

} // namespace errors_test
