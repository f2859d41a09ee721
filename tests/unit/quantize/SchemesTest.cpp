//===- SchemesTest.cpp - Quantizers of all schemes ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built-in and random schemes: each element has the code that is nearest for
// the scales that were chosen, ranges of rows give the same bytes as all rows
// at once, and the error is what so many bits allow.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/FieldBits.h"
#include "codegen/quantize/FieldNumbers.h"
#include "tests/unit/codegen/RandomScheme.h"
#include "tests/unit/quantize/TestSupport.h"

#include <numeric>

using namespace rlx;
using namespace rlx::quantize;
using namespace rlx::test;

namespace schemes_test {

/// Normal numbers, some of them larger.
std::vector<float> weights(size_t count, uint32_t seed) {
  std::vector<float> x(count);
  std::vector<float> drawn = Random(seed).floats(8 * count);
  for (size_t i = 0; i < count; ++i) {
    float sum = 0;
    for (size_t j = 0; j < 8; ++j)
      sum += drawn[8 * i + j];
    x[i] = sum * 0.01f * (i % 97 == 5 ? 3 : 1);
  }
  return x;
}

/// Quantizes all rows, in one range or several.
std::optional<Bytes> quantized(const Quantizer &quantizer,
                               llvm::ArrayRef<int64_t> shape,
                               llvm::ArrayRef<float> x, int64_t rowsEach) {
  Bytes bytes(quantizer, shape);
  int64_t k = shape.back(), rows = int64_t(x.size()) / k;
  for (int64_t row = 0; row < rows; row += rowsEach) {
    int64_t end = std::min(rows, row + rowsEach);
    std::string message = messageOf(quantizer.quantizeRows(
        x.slice(row * k, (end - row) * k), row, end,
        bytes.rows(row, end, quantizer.scheme().rowBytes(k))));
    EXPECT_EQ(message, "");
    if (!message.empty())
      return std::nullopt;
  }
  return bytes;
}

/// Changing any one code makes no element better.
void expectNearestCodes(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
                        Bytes &bytes, llvm::ArrayRef<float> x) {
  FieldAttr code = scheme.attr().getCode();
  if (code.width() > 4 || code.hasLookups())
    return; // CodesTest.cpp has them; here each code is decoded.
  QuantRule::Arithmetic arithmetic = QuantRule::of(scheme).arithmetic;
  if (arithmetic == QuantRule::Arithmetic::reciprocal ||
      arithmetic == QuantRule::Arithmetic::inverse)
    return; // These choose codes for the scale before it is stored.
  FieldBits bits(scheme, code);
  auto decoder = ReferenceDecoder::create(scheme, shape, bytes.stored());
  if (!decoder)
    FAIL() << llvm::toString(decoder.takeError());
  int64_t k = decoder->columns();
  for (int64_t row = 0; row < decoder->rows(); ++row)
    for (int64_t i = 0; i < k; ++i) {
      uint8_t *block = bytes.blocks.data() + row * scheme.rowBytes(k) +
                       i / scheme.block() * scheme.blockBytes();
      int64_t element = i % scheme.block();
      uint32_t chosen = bits.read(block, element);
      auto error = [&] {
        return std::fabs(decoder->value(row, i) - x[row * k + i]);
      };
      double least = error();
      for (uint32_t other = 0; other < uint32_t(1) << code.width(); ++other) {
        bits.write(block, element, other);
        double now = error();
        ASSERT_FALSE(now < least)
            << scheme.displayName().str() << " row " << row << " k " << i
            << " code " << chosen << " error " << least << " but " << other
            << " has " << now;
      }
      bits.write(block, element, chosen);
    }
}

double sumOf(const std::vector<double> &numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0.0);
}

bool isFewBitsWithoutScale(QuantScheme scheme) {
  constexpr unsigned few = 8;
  FieldAttr code = scheme.attr().getCode();
  return isa<mlir::FloatType>(code.getType()) && !code.getCodebook() &&
         code.width() < few && scheme.attr().getScale().empty();
}

/// The relative error that rounding to so many bits leaves of normal numbers,
/// roughly, with a margin for schemes whose scales are shared by many.
double allowedError(QuantScheme scheme) {
  FieldAttr code = scheme.attr().getCode();
  // The rows of a weight are of different sizes.
  if (isFewBitsWithoutScale(scheme))
    return 0.2;
  if (isa<mlir::FloatType>(code.getType()) && !code.getCodebook())
    return code.width() > 8 ? 0.004 : code.width() == 8 ? 0.06 : 0.13;
  if (code.hasLookups()) {
    double bits = scheme.payloadBits().value();
    return bits < 2 ? 0.6 : bits < 3 ? 0.4 : 0.25;
  }
  switch (code.width()) {
  case 1:
    return 0.7;
  case 2:
    return 0.5;
  case 3:
    return 0.25;
  case 4:
    // Stored unsigned, with one scale for a row of 512: 0.142.
    return scheme.displayName() == "biased4/channel" ? 0.15 : 0.13;
  case 5:
    return 0.07;
  case 6:
    return 0.04;
  default:
    return 0.02;
  }
}

/// Such floats have to be as large as their codes.
void fitToCodes(QuantScheme scheme, std::vector<float> &x) {
  if (!isFewBitsWithoutScale(scheme))
    return;
  auto type = cast<mlir::FloatType>(scheme.attr().getCode().getType());
  float most = 0, largest = llvm::APFloat::getLargest(type.getFloatSemantics())
                                .convertToDouble();
  for (float value : x)
    most = std::max(most, std::fabs(value));
  for (float &value : x)
    value *= largest / most;
}

TEST_F(SchemeTest, EveryBuiltinSchemeIsMade) {
  for (const std::string &name : builtinSchemeNames()) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    int64_t rows = 6, k = std::lcm<int64_t>(scheme->block(), 512);
    std::vector<float> x = weights(rows * k, 41);
    fitToCodes(*scheme, x);
    auto quantizer = Quantizer::create(*scheme, {rows, k});
    if (!quantizer)
      FAIL() << llvm::toString(quantizer.takeError());
    std::optional<Bytes> bytes = quantized(*quantizer, {rows, k}, x, rows);
    ASSERT_TRUE(bytes);
    double size = 0;
    for (float value : x)
      size += double(value) * value;
    double error = sumOf(squaredErrors(*scheme, {rows, k}, bytes->stored(), x));
    EXPECT_LE(std::sqrt(error / size), allowedError(*scheme));
    ASSERT_NO_FATAL_FAILURE(expectNearestCodes(*scheme, {rows, k}, *bytes, x));

    int64_t together = quantizer->rowsTogether();
    if (together < rows) {
      std::optional<Bytes> parts =
          quantized(*quantizer, {rows, k}, x, together);
      ASSERT_TRUE(parts);
      EXPECT_EQ(parts->blocks, bytes->blocks);
      EXPECT_EQ(parts->scales, bytes->scales);
      EXPECT_EQ(parts->zeroPoints, bytes->zeroPoints);
    }
    auto reference =
        ReferenceDecoder::create(*scheme, {rows, k}, bytes->stored());
    ASSERT_TRUE(bool(reference));
    std::vector<double> row(k), expected(k);
    for (int64_t n = 0; n < rows; ++n) {
      quantizer->decodeRow(n, bytes->rows(n, n + 1, scheme->rowBytes(k)), row);
      reference->decodeRow(n, expected.data());
      EXPECT_EQ(row, expected);
    }
    if (quantizer->sideBytes("scales") + quantizer->sideBytes("zero_points") +
            quantizer->sideBytes("global_scale") ==
        0) {
      std::vector<float> decoded(x.size());
      quantizer->decodeRows(bytes->blocks, decoded);
      auto decoder =
          ReferenceDecoder::create(*scheme, {rows, k}, bytes->stored());
      if (!decoder)
        FAIL() << llvm::toString(decoder.takeError());
      for (int64_t i = 0; i < rows * k; ++i)
        ASSERT_TRUE(
            sameNumber(decoded[i], float(decoder->value(i / k, i % k))));
    }
  }
}

/// With importance, columns that count have less error than without.
TEST_F(SchemeTest, ImportanceCounts) {
  for (const char *name : {"q4_0", "q4_K", "q6_K", "int8/32", "nvfp4/16",
                           "int4a/64", "mxfp4", "nf4/64"}) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    int64_t rows = 4, k = 512;
    std::vector<float> x = weights(rows * k, 43);
    QuantizeOptions options;
    for (int64_t i = 0; i < k; ++i)
      options.importance.push_back(i % 8 == 3 ? 50 : 0.1f);
    auto plain = Quantizer::create(*scheme, {rows, k});
    auto weighted = Quantizer::create(*scheme, {rows, k}, options);
    ASSERT_TRUE(plain && weighted);
    auto before = quantized(*plain, {rows, k}, x, rows),
         after = quantized(*weighted, {rows, k}, x, rows);
    ASSERT_TRUE(before && after);
    auto error = [&](const Bytes &bytes) {
      return sumOf(squaredErrors(*scheme, {rows, k}, bytes.stored(), x,
                                 options.importance));
    };
    EXPECT_LT(error(*after), 0.9 * error(*before));
  }
}

/// Each expert has its own rows, side tensors and importance.
TEST_F(SchemeTest, ExpertsAreQuantizedAsIfAlone) {
  for (const char *name : {"q4_K", "int8/32", "fp8e4m3/128x128", "nvfp4/16"}) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    int64_t experts = 3, rows = 5, k = 256;
    std::vector<float> x = weights(experts * rows * k, 47);
    QuantizeOptions options;
    for (float value : Random(48).floats(experts * k))
      options.importance.push_back(std::fabs(value));
    auto all = Quantizer::create(*scheme, {experts, rows, k}, options);
    if (!all)
      FAIL() << llvm::toString(all.takeError());
    auto bytes = quantized(*all, {experts, rows, k}, x, experts * rows);
    ASSERT_TRUE(bytes);
    size_t blocks = bytes->blocks.size() / experts,
           scales = bytes->scales.size() / experts;
    for (int64_t e = 0; e < experts; ++e) {
      QuantizeOptions own;
      own.importance.assign(options.importance.begin() + e * k,
                            options.importance.begin() + (e + 1) * k);
      auto one = Quantizer::create(*scheme, {rows, k}, own);
      ASSERT_TRUE(bool(one));
      auto alone =
          quantized(*one, {rows, k},
                    llvm::ArrayRef(x).slice(e * rows * k, rows * k), rows);
      ASSERT_TRUE(alone);
      EXPECT_TRUE(std::equal(alone->blocks.begin(), alone->blocks.end(),
                             bytes->blocks.begin() + e * blocks));
      EXPECT_TRUE(std::equal(alone->scales.begin(), alone->scales.end(),
                             bytes->scales.begin() + e * scales));
    }
  }
}

/// The error of one row, relative to what it is.
static double relativeError(QuantScheme scheme, llvm::ArrayRef<float> x,
                            llvm::ArrayRef<float> importance = {},
                            size_t first = 0, size_t last = SIZE_MAX) {
  llvm::SmallVector<int64_t> shape = {1, int64_t(x.size())};
  QuantizeOptions options;
  options.importance.assign(importance.begin(), importance.end());
  auto quantizer = Quantizer::create(scheme, shape, options);
  if (!quantizer) {
    ADD_FAILURE() << llvm::toString(quantizer.takeError());
    return 1e9;
  }
  auto bytes = quantized(*quantizer, shape, x, 1);
  if (!bytes)
    return 1e9;
  std::vector<float> counts(x.size(), 0);
  double size = 0;
  for (size_t i = first; i < std::min(last, x.size()); ++i) {
    counts[i] = 1;
    size += double(x[i]) * x[i];
  }
  return std::sqrt(squaredErrors(scheme, shape, bytes->stored(), x, counts)[0] /
                   size);
}

// A zero is of few numbers, and needs a scale: a line that is one number has
// none.
TEST_F(SchemeTest, ZerosReachGroupsOfOneSign) {
  for (const char *name : {"uint4/32", "uintf4/64", "int4a/32", "int8a/32"}) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    for (float value : {0.37f, -1.5f, 12.0f})
      EXPECT_LT(relativeError(*scheme, std::vector<float>(512, value)), 1e-6)
          << value;
    // Far from 0, as well as codes that reach to 0 allow.
    std::vector<float> far = Random(61).floats(512);
    for (float &value : far)
      value = -10 - 0.1f * std::fabs(value);
    EXPECT_LT(relativeError(*scheme, far), 0.03);
    for (float &value : far)
      value = -value;
    EXPECT_LT(relativeError(*scheme, far), 0.03);
  }
}

// Of bases that all groups share a unit of, the one that is right is taken.
TEST_F(SchemeTest, BlocksOfOneNumberAreExact) {
  for (const char *name : {"q2_K", "q4_K", "q5_K", "q4_1", "q5_1"}) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    for (float value : {-1.5f, -0.25f, 0.37f, 3.0f})
      EXPECT_LT(relativeError(*scheme, std::vector<float>(256, value)), 1e-3)
          << value;
  }
}

// What has no importance is written as well as what it shares with others
// allows.
TEST_F(SchemeTest, GroupsThatDoNotCountAreWrittenToo) {
  std::vector<float> x = weights(256, 67), importance(256, 0);
  std::fill(importance.begin() + 128, importance.end(), 1);
  for (const char *name :
       {"q2_K", "q3_K", "q4_K", "q6_K", "iq4_xs", "iq2_xxs", "iq3_s"}) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    double dead = relativeError(*scheme, x, importance, 0, 128),
           live = relativeError(*scheme, x, importance, 128);
    EXPECT_LT(dead, 0.7);
    EXPECT_LT(live, 0.45);
  }
}

TEST_F(SchemeTest, RandomSchemesAreMade) {
  Dice dice(53);
  for (int i = 0; i < 120; ++i) {
    RandomScheme text(dice);
    SCOPED_TRACE(text.text);
    std::optional<QuantScheme> scheme = described(text.text);
    ASSERT_TRUE(scheme);
    int64_t rows = 3, k = scheme->block() * dice.pick<int64_t>({1, 2, 3});
    if (k > 600)
      k = scheme->block();
    std::vector<float> x = weights(rows * k, 59 + i);
    auto quantizer = Quantizer::create(*scheme, {rows, k});
    if (!quantizer)
      FAIL() << llvm::toString(quantizer.takeError());
    std::optional<Bytes> bytes = quantized(*quantizer, {rows, k}, x, rows);
    ASSERT_TRUE(bytes);
    ASSERT_NO_FATAL_FAILURE(expectNearestCodes(*scheme, {rows, k}, *bytes, x));
    for (double error : squaredErrors(*scheme, {rows, k}, bytes->stored(), x))
      ASSERT_TRUE(std::isfinite(error));
    // The same again, in whatever ranges there may be.
    auto again = quantized(*quantizer, {rows, k}, x, quantizer->rowsTogether());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->blocks, bytes->blocks);
    EXPECT_EQ(again->scales, bytes->scales);
  }
}

} // namespace schemes_test
