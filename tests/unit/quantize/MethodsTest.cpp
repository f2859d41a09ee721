//===- MethodsTest.cpp - GPTQ, AWQ and SmoothQuant ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compared with what methods_reference.py, which shares nothing but the inputs
// with them, makes in NumPy; then on every scheme of the table.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/FieldBits.h"
#include "codegen/quantize/methods/Awq.h"
#include "codegen/quantize/methods/Gptq.h"
#include "codegen/quantize/methods/InverseFactor.h"
#include "codegen/quantize/methods/SmoothQuant.h"
#include "tests/unit/quantize/TestSupport.h"

#include "llvm/ADT/StringExtras.h"

#include <limits>

using namespace rlx;
using namespace rlx::test;

namespace methods_test {

struct GptqCase {
  const char *scheme;
  int64_t rows, columns, samples;
  unsigned bits;
  bool ordered;
  double nearestError, error;
  const char *codes;
  std::vector<float> scales;
};

#include "tests/unit/quantize/MethodsReference.inc"

std::vector<float> weightOf(int64_t rows, int64_t columns) {
  return Random(1).floats(rows * columns);
}

/// Neighbours have much in common, channels differ in size, and two are dead.
Activations activationsOf(int64_t rows, int64_t columns) {
  std::vector<float> x = Random(2).floats(rows * columns),
                     common = Random(3).floats(rows * columns);
  for (int64_t t = 0; t < rows; ++t)
    for (int64_t k = 0; k < columns; ++k) {
      float &value = x[t * columns + k];
      value = (value + 2 * common[t * columns + k / 8]) * float(1 << k % 3);
      if (k == 5 || k == columns - 2)
        value = 0;
    }
  return llvm::cantFail(Activations::create(std::move(x), columns));
}

double errorOf(const QuantizedWeight &weight, llvm::ArrayRef<float> source,
               const Activations &activations) {
  return OutputError(activations).of(source, weight.values());
}

template <typename T> std::string refusal(llvm::Expected<T> result) {
  return result ? "accepted" : llvm::toString(result.takeError());
}

using Methods = SchemeTest;

TEST_F(Methods, GptqIsThatOfTheReference) {
  for (const GptqCase &test : gptqCases) {
    SCOPED_TRACE(std::string(test.scheme) + (test.ordered ? " ordered" : ""));
    std::vector<float> w = weightOf(test.rows, test.columns);
    Activations x = activationsOf(test.samples, test.columns);
    GptqOptions options;
    options.ordered = test.ordered;
    auto scheme = *builtin(test.scheme);
    auto weight =
        quantizeGptq(scheme, {test.rows, test.columns}, w, x, options);
    if (!weight)
      FAIL() << llvm::toString(weight.takeError());
    std::string codes;
    int64_t rowBytes = scheme.rowBytes(test.columns);
    for (int64_t row = 0; row < test.rows; ++row)
      for (int64_t k = 0; k < test.columns; ++k) {
        uint32_t code = quantize::readBits(
            weight->blocks.data() + row * rowBytes, k * test.bits, test.bits);
        std::string digits = llvm::utohexstr(code, /*LowerCase=*/true);
        codes += test.bits > 4 && digits.size() < 2 ? "0" + digits : digits;
      }
    EXPECT_EQ(codes, test.codes);
    ASSERT_EQ(weight->scales.size(), test.scales.size() * sizeof(float));
    for (size_t i = 0; i < test.scales.size(); ++i) {
      float scale;
      std::memcpy(&scale, weight->scales.data() + i * sizeof(float),
                  sizeof(float));
      EXPECT_NEAR(scale, test.scales[i], 1e-6f * test.scales[i]) << i;
    }
    EXPECT_NEAR(errorOf(*weight, w, x), test.error, 1e-6 * test.error);
    auto nearest = quantizeWeight(scheme, {test.rows, test.columns}, w);
    if (!nearest)
      FAIL() << llvm::toString(nearest.takeError());
    EXPECT_NEAR(errorOf(*nearest, w, x), test.nearestError,
                1e-6 * test.nearestError);
    EXPECT_LT(test.error, test.nearestError);
  }
}

/// Scales of blocks, of two levels, of whole weights; codebooks; small floats;
/// sums of codes: all by their descriptions.
TEST_F(Methods, GptqIsBelowTheNearestCodesForAllSchemes) {
  Activations x = activationsOf(100, 256);
  for (const std::string &name : builtinSchemeNames()) {
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    if (!hasOwnCodes(*scheme))
      continue;
    std::vector<int64_t> shape = {2, 256};
    std::vector<float> w = weightOf(2, 256);
    auto nearest = quantizeWeight(*scheme, shape, w);
    if (!nearest)
      FAIL() << name << ": " << llvm::toString(nearest.takeError());
    double error = errorOf(*nearest, w, x);
    for (bool ordered : {false, true}) {
      GptqOptions options;
      options.ordered = ordered;
      auto weight = quantizeGptq(*scheme, shape, w, x, options);
      if (!weight)
        FAIL() << name << ": " << llvm::toString(weight.takeError());
      // f32 holds all of them.
      if (error == 0)
        EXPECT_LT(errorOf(*weight, w, x), 1e-6) << name;
      else
        EXPECT_LT(errorOf(*weight, w, x), error) << name << ordered;
    }
  }
}

/// Rows in ranges of any size, in any order.
TEST_F(Methods, GptqByRowsGivesTheSameBytes) {
  Activations x = activationsOf(50, 64);
  auto hessian = GptqHessian::create(x, 0.01, false);
  if (!hessian)
    FAIL() << llvm::toString(hessian.takeError());
  std::vector<float> w = weightOf(7, 64);
  for (const char *name : {"int4a/32", "q4_0", "fp8e4m3/2x32"}) {
    auto scheme = *builtin(name);
    auto whole = quantizeGptq(scheme, {7, 64}, w, x);
    auto gptq = GptqQuantizer::create(scheme, {7, 64}, *hessian);
    auto plain = Quantizer::create(scheme, {7, 64});
    ASSERT_TRUE(whole && gptq && plain);
    QuantizedWeight parts(*plain, {7, 64});
    for (auto [begin, end] : {std::pair(4, 7), {0, 2}, {2, 4}})
      EXPECT_EQ(messageOf(gptq->quantizeRows(
                    llvm::ArrayRef(w).slice(begin * 64, (end - begin) * 64),
                    begin, end, parts.rowBytes(begin, end))),
                "");
    EXPECT_EQ(parts.blocks, whole->blocks) << name;
    EXPECT_EQ(parts.scales, whole->scales) << name;
  }
}

/// Each expert has its own rows and side tensors.
TEST_F(Methods, ExpertsAreQuantizedAsIfAlone) {
  Activations x = activationsOf(50, 64);
  std::vector<float> w = weightOf(15, 64);
  for (const char *name :
       {"int4a/32", "q4_0", "fp8e4m3/2x32", "nvfp4/16", "int8/tensor"}) {
    auto scheme = *builtin(name);
    auto all = quantizeGptq(scheme, {3, 5, 64}, w, x);
    auto scaled = quantizeAwq({{scheme, {3, 5, 64}, w}}, x);
    ASSERT_TRUE(all && scaled) << name;
    std::vector<AwqWeight> apart;
    std::vector<double> gptq;
    for (int64_t e = 0; e < 3; ++e) {
      auto own = llvm::ArrayRef(w).slice(e * 5 * 64, 5 * 64);
      apart.push_back({scheme, {5, 64}, {own.begin(), own.end()}});
      auto alone = quantizeGptq(scheme, {5, 64}, own, x);
      ASSERT_TRUE(bool(alone)) << name;
      llvm::append_range(gptq, alone->values());
    }
    EXPECT_EQ(all->values(), gptq) << name;
    auto each = quantizeAwq(apart, x);
    ASSERT_TRUE(bool(each)) << name;
    EXPECT_EQ(scaled->factors, each->factors) << name;
    std::vector<double> awq;
    for (const QuantizedWeight &weight : each->weights)
      llvm::append_range(awq, weight.values());
    EXPECT_EQ(scaled->weights.front().values(), awq) << name;
  }
}

/// One set of activations for each expert is what each alone would have.
TEST_F(Methods, ExpertsWithActivationsOfTheirOwn) {
  std::vector<float> w = weightOf(8, 64);
  auto scheme = *builtin("int4/32");
  std::vector<Activations> sets = {activationsOf(50, 64),
                                   activationsOf(90, 64)};
  RowSource weight = rowsOf(scheme, {2, 4, 64}, w, {});
  auto quantizer = Quantizer::create(scheme, {2, 4, 64});
  ASSERT_TRUE(bool(quantizer));
  StoredRows rows(*quantizer);
  std::vector<uint8_t> blocks, expected, scales;
  auto sums = streamGptq(
      weight, 2,
      [&](int64_t set) -> llvm::Expected<Activations> { return sets[set]; }, {},
      runInOrder, rows,
      [&](llvm::ArrayRef<uint8_t> some) {
        llvm::append_range(blocks, some);
        return llvm::Error::success();
      });
  ASSERT_TRUE(bool(sums));
  double error = 0;
  for (int64_t e = 0; e < 2; ++e) {
    auto own = llvm::ArrayRef(w).slice(e * 4 * 64, 4 * 64);
    auto alone = quantizeGptq(scheme, {4, 64}, own, sets[e]);
    ASSERT_TRUE(bool(alone));
    llvm::append_range(expected, alone->blocks);
    llvm::append_range(scales, alone->scales);
    error += errorOf(*alone, own, sets[e]);
  }
  EXPECT_EQ(blocks, expected);
  EXPECT_EQ(rows.scales, scales);
  EXPECT_NEAR(sums->error, error, 1e-9 * error);
  ExpertActivations both(sets), one({sets[0]});
  EXPECT_FALSE(llvm::errorToBool(both.checkShape({2, 4, 64})));
  EXPECT_FALSE(llvm::errorToBool(one.checkShape({2, 4, 64})));
  EXPECT_EQ(messageOf(both.checkShape({3, 4, 64})),
            "expected activations of all 3 experts, or of each, but got those "
            "of 2");
}

/// More rows than columns are summed up as they are read.
TEST_F(Methods, ActivationsThatAreReadGiveTheSameNumbers) {
  std::vector<float> x = Random(5).floats(200 * 48);
  auto kept = Activations::create(x, 48);
  auto read = Activations::read(
      200, 48, "x",
      [&](int64_t begin, int64_t end, llvm::MutableArrayRef<float> to) {
        llvm::copy(llvm::ArrayRef(x).slice(begin * 48, (end - begin) * 48),
                   to.begin());
      });
  ASSERT_TRUE(kept && read);
  EXPECT_EQ(kept->maxima(), read->maxima());
  EXPECT_EQ(kept->meanMagnitudes(), read->meanMagnitudes());
  EXPECT_EQ(kept->meanSquares(), read->meanSquares());
  std::vector<float> w = weightOf(3, 48);
  for (bool ordered : {false, true}) {
    GptqOptions options;
    options.ordered = ordered;
    auto a = quantizeGptq(*builtin("int4/16"), {3, 48}, w, *kept, options),
         b = quantizeGptq(*builtin("int4/16"), {3, 48}, w, *read, options);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->blocks, b->blocks);
    EXPECT_EQ(errorOf(*a, w, *kept), errorOf(*b, w, *read));
  }
  x[100 * 48 + 7] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(
      refusal(Activations::read(
          200, 48, "x",
          [&](int64_t begin, int64_t end, llvm::MutableArrayRef<float> to) {
            llvm::copy(llvm::ArrayRef(x).slice(begin * 48, (end - begin) * 48),
                       to.begin());
          })),
      "element [100, 7] of activations 'x' is inf, expected finite "
      "numbers");
}

TEST_F(Methods, InverseFactorIsTheCholeskyFactorOfTheInverse) {
  for (int64_t n : {1, 2, 31, 33, 100}) {
    Activations x = llvm::cantFail(
        Activations::create(Random(uint32_t(n)).floats(2 * n * n), n));
    UpperTriangle h = x.copyOfGram(), u = h;
    ASSERT_TRUE(quantize::inverseFactor(u));
    // U^T U H = I.
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < n; ++k)
          for (int64_t l = 0; l <= std::min(i, k); ++l)
            sum += u.row(l)[i] * u.row(l)[k] * h.at(k, j);
        EXPECT_NEAR(sum, i == j, 1e-9);
      }
  }
  UpperTriangle singular(2), negative(1);
  singular.row(0)[0] = singular.row(0)[1] = singular.row(1)[1] = 1;
  negative.row(0)[0] = -1;
  EXPECT_FALSE(quantize::inverseFactor(singular));
  EXPECT_FALSE(quantize::inverseFactor(negative));
}

TEST_F(Methods, AwqIsThatOfTheReference) {
  std::vector<float> w = weightOf(6, 64);
  Activations x = activationsOf(96, 64);
  AwqOptions options;
  options.clips = 0;
  auto result = quantizeAwq({{*builtin("int4a/16"), {6, 64}, w}}, x, options);
  if (!result)
    FAIL() << llvm::toString(result.takeError());
  EXPECT_EQ(result->power, awqStep / 20.0);
  EXPECT_NEAR(result->error, awqError, 1e-6 * awqError);
  EXPECT_LT(result->error, result->nearestError);
  ASSERT_EQ(result->factors.size(), std::size(awqFactors));
  for (size_t i = 0; i < result->factors.size(); ++i)
    EXPECT_NEAR(result->factors[i], awqFactors[i], 1e-8 * awqFactors[i]);
}

TEST_F(Methods, AwqIsNeverWorseThanTheNearestCodes) {
  Activations x = activationsOf(40, 256);
  for (const char *name :
       {"int4a/64", "q4_0", "q4_K", "int8/channel", "int8/tensor"}) {
    auto scheme = *builtin(name);
    std::vector<AwqWeight> weights = {{scheme, {2, 256}, weightOf(2, 256)},
                                      {scheme, {1, 256}, weightOf(1, 256)}};
    AwqOptions options;
    options.powers = 4;
    options.clips = 0;
    auto unclipped = quantizeAwq(weights, x, options);
    options.clips = 3;
    auto result = quantizeAwq(weights, x, options);
    ASSERT_TRUE(result && unclipped) << name;
    EXPECT_LE(unclipped->error, unclipped->nearestError) << name;
    EXPECT_LE(result->error, unclipped->error) << name;
    // What it says is what its weights give.
    double error = 0;
    OutputError outputs(x);
    for (auto [weight, stored] : llvm::zip(weights, result->weights)) {
      std::vector<double> numbers = stored.values();
      for (size_t i = 0; i < numbers.size(); ++i)
        numbers[i] /= result->factors[i % 256];
      error += outputs.of(weight.values, numbers);
    }
    EXPECT_NEAR(error, result->error, 1e-9 * error) << name;
  }
}

TEST_F(Methods, SmoothFactorsAreThoseOfTheReference) {
  std::vector<float> w = weightOf(6, 64);
  Activations x = activationsOf(96, 64);
  auto factors = smoothFactors(x.maxima(), columnMaxima(w, 64), 0.7);
  if (!factors)
    FAIL() << llvm::toString(factors.takeError());
  for (size_t i = 0; i < 64; ++i)
    EXPECT_NEAR((*factors)[i], smoothFactorsExpected[i],
                1e-8 * smoothFactorsExpected[i]);
}

/// Each product is rounded twice more, by the product and by the quotient.
TEST_F(Methods, SmoothingChangesNoOutput) {
  std::vector<float> w = weightOf(6, 64);
  Activations x = activationsOf(96, 64);
  for (double alpha : {0.0, 0.3, 0.5, 1.0}) {
    auto factors = smoothFactors(x.maxima(), columnMaxima(w, 64), alpha);
    ASSERT_TRUE(bool(factors));
    std::vector<double> scaled = timesFactors(w, *factors);
    for (int64_t t = 0; t < x.rows(); ++t) {
      std::vector<double> divided = overFactors(x.row(t), *factors);
      for (int64_t n = 0; n < 6; ++n) {
        double plain = 0, smooth = 0, size = 0;
        for (int64_t k = 0; k < 64; ++k) {
          double product = double(x.row(t)[k]) * double(w[n * 64 + k]);
          plain += product;
          size += std::fabs(product);
          smooth += divided[k] * scaled[n * 64 + k];
        }
        EXPECT_NEAR(smooth, plain,
                    70 * std::numeric_limits<double>::epsilon() * size);
      }
    }
  }
}

TEST_F(Methods, ExtremesOfSmoothingStayFinite) {
  auto factors = smoothFactors({0, 0, 1e30, 3}, {0, 2, 0, 0.5}, 0.5);
  ASSERT_TRUE(bool(factors));
  for (double factor : *factors) {
    EXPECT_GT(factor, 0);
    EXPECT_TRUE(std::isfinite(factor));
  }
  EXPECT_DOUBLE_EQ((*factors)[3], std::sqrt(3 / 0.5));
}

//===----------------------------------------------------------------------===//
// Wrong input
//===----------------------------------------------------------------------===//

TEST_F(Methods, ActivationsThatDoNotFit) {
  std::vector<float> w = weightOf(2, 32);
  Activations x = activationsOf(4, 64);
  auto scheme = *builtin("int4a/32");
  constexpr llvm::StringLiteral columns =
      "expected activations to have 32 columns, as the weight has, but got 64";
  EXPECT_EQ(refusal(quantizeGptq(scheme, {2, 32}, w, x)), columns);
  EXPECT_EQ(refusal(quantizeAwq({{scheme, {2, 32}, w}}, x)), columns);
  EXPECT_EQ(refusal(Activations::create({1, 2, 3}, 2, "x")),
            "expected activations 'x' to have rows of 2 numbers, but got 3 "
            "numbers");
  EXPECT_EQ(refusal(Activations::create({}, 2)),
            "expected activations to have rows of 2 numbers, but got 0 "
            "numbers");
  EXPECT_EQ(refusal(Activations::create({1, 2, 3, std::nanf("")}, 2, "x")),
            "element [1, 1] of activations 'x' is nan, expected finite "
            "numbers");
}

TEST_F(Methods, OptionsThatDoNotFit) {
  std::vector<float> w = weightOf(2, 64);
  Activations x = activationsOf(4, 64);
  auto scheme = *builtin("int4a/32");
  GptqOptions options;
  options.damping = 0;
  EXPECT_EQ(refusal(quantizeGptq(scheme, {2, 64}, w, x, options)),
            "4 rows of activations do not determine 64 columns with damping "
            "0.00, expected more of either");
  options.damping = std::nan("");
  EXPECT_EQ(refusal(quantizeGptq(scheme, {2, 64}, w, x, options)),
            "expected damping to be finite and not negative, but got nan");
  EXPECT_EQ(refusal(quantizeGptq(scheme, {3, 64}, w, x)),
            "expected 192 values for 3 rows, but got 128");
  EXPECT_EQ(refusal(quantizeAwq({}, x)), "expected at least one weight");
  w[70] = std::numeric_limits<float>::infinity();
  GptqOptions named;
  named.quantize.name = "w";
  EXPECT_EQ(refusal(quantizeGptq(scheme, {2, 64}, w, x, named)),
            "element [1, 6] of weight 'w' is inf, expected finite numbers");
  EXPECT_EQ(refusal(smoothFactors({1}, {1}, 1.5)),
            "expected alpha of SmoothQuant to be in [0, 1], but got 1.50");
  EXPECT_EQ(refusal(smoothFactors({1, 2}, {1}, 0.5)),
            "expected maxima of as many channels of activations as of weights, "
            "but got 2 and 1");
  EXPECT_EQ(refusal(smoothFactors({1, -2}, {1, 1}, 0.5)),
            "expected maxima to be finite and not negative, but that of "
            "channel 1 of activations is -2.00");
}

} // namespace methods_test
