//===- CalibrationTest.cpp - Statistics of values, and what they serve ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/Awq.h"
#include "codegen/quantize/methods/Gptq.h"
#include "codegen/quantize/methods/MixedPrecision.h"
#include "codegen/quantize/methods/ValueCollector.h"
#include "tests/unit/quantize/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace {

using CalibrationTest = SchemeTest;

std::vector<float> randomNumbers(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.1f, 1);
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i)
    numbers[i] = normal(random) * float(1 + i % 7);
  return numbers;
}

ValueStatistics collected(llvm::ArrayRef<float> values,
                          llvm::ArrayRef<int64_t> shape, int64_t channels) {
  ValueCollector collector("x", {"w"});
  EXPECT_EQ(messageOf(collector.add(values, shape, channels)), "");
  EXPECT_EQ(messageOf(collector.endBatch()), "");
  return collector.statistics();
}

/// The same as of rows at once, wherever the channels are.
TEST_F(CalibrationTest, CollectsWhatRowsHave) {
  constexpr int64_t rows = 12, columns = 7;
  std::vector<float> values = randomNumbers(rows * columns, 1);
  Activations expected = llvm::cantFail(Activations::create(values, columns));
  ValueStatistics found = collected(values, {3, 4, columns}, 2);
  EXPECT_EQ(found.rows, rows);
  EXPECT_EQ(found.maxima, expected.maxima());
  for (int64_t i = 0; i < columns; ++i) {
    EXPECT_DOUBLE_EQ(found.meanMagnitudes[i], expected.meanMagnitudes()[i]);
    EXPECT_DOUBLE_EQ(found.meanSquares[i], expected.meanSquares()[i]);
  }
  EXPECT_EQ(found.least, *llvm::min_element(values));
  EXPECT_EQ(found.most, *llvm::max_element(values));
  EXPECT_EQ(found.histogram.total(), uint64_t(rows * columns));
  // [rows, columns] as [3, columns, 4]
  std::vector<float> moved(values.size());
  for (int64_t a = 0; a < 3; ++a)
    for (int64_t b = 0; b < 4; ++b)
      for (int64_t k = 0; k < columns; ++k)
        moved[(a * columns + k) * 4 + b] = values[(a * 4 + b) * columns + k];
  ValueStatistics other = collected(moved, {3, columns, 4}, 1);
  EXPECT_EQ(other.rows, rows);
  EXPECT_EQ(other.maxima, found.maxima);
  for (int64_t i = 0; i < columns; ++i)
    EXPECT_DOUBLE_EQ(other.meanSquares[i], found.meanSquares[i]);
}

TEST_F(CalibrationTest, AveragesExtremesOfBatches) {
  ValueCollector collector("x", {}, 0.25);
  for (auto batch : {std::vector<float>{-1, 2}, {-3, 10}, {0, 4}}) {
    EXPECT_EQ(messageOf(collector.add(batch, {1, 2}, 1)), "");
    EXPECT_EQ(messageOf(collector.endBatch()), "");
  }
  ValueStatistics found = collector.statistics();
  // -1, -1 + (-3 + 1) / 4, then a quarter of the way to 0; 2, 4, 4
  EXPECT_EQ(found.averageLeast, -1.5 + 0.25 * 1.5);
  EXPECT_EQ(found.averageMost, 4.0);
  EXPECT_EQ(found.least, -3);
  EXPECT_EQ(found.most, 10);
  EXPECT_EQ(found.rows, 3);
}

TEST_F(CalibrationTest, RefusesWhatIsNoNumber) {
  ValueCollector collector("x", {});
  EXPECT_EQ(messageOf(collector.add({1, 2, 3, NAN}, {2, 2}, 1)),
            "element [1, 1] of value 'x' in batch 0 is nan, expected finite "
            "numbers");
  ValueCollector other("x", {});
  EXPECT_EQ(messageOf(other.add({1, 2}, {1, 2}, 1)), "");
  EXPECT_EQ(messageOf(other.endBatch()), "");
  EXPECT_EQ(messageOf(other.add({}, {0, 2}, 1)),
            "expected value 'x' in batch 1 to have elements, but it is empty");
  EXPECT_EQ(messageOf(other.add({-INFINITY, 2}, {1, 2}, 1)),
            "element [0, 0] of value 'x' in batch 1 is -inf, expected finite "
            "numbers");
  EXPECT_EQ(messageOf(other.add({1, 2, 3}, {1, 3}, 1)),
            "expected value 'x' in batch 1 to have 2 channels as before, but "
            "got 3");
  EXPECT_EQ(messageOf(other.endBatch()),
            "expected value 'x' to be computed in batch 1");
}

/// As rows whose channels have nothing in common.
TEST_F(CalibrationTest, StatisticsStandForIndependentChannels) {
  constexpr int64_t columns = 64;
  // One channel a row: products of two are 0.
  std::vector<float> values(columns * columns);
  for (int64_t i = 0; i < columns; ++i)
    values[i * columns + i] = float(1 + i % 9) * (i % 2 ? 0.5f : -0.25f);
  Activations rows = llvm::cantFail(Activations::create(values, columns));
  Activations channels =
      Activations::ofChannels(collected(values, {columns, columns}, 1));
  EXPECT_FALSE(channels.hasRows());
  EXPECT_EQ(channels.rows(), columns);
  EXPECT_EQ(channels.maxima(), rows.maxima());
  std::vector<double> differences(columns);
  for (int64_t i = 0; i < columns; ++i)
    differences[i] = 0.1 * double(i % 5) - 0.2;
  EXPECT_NEAR(OutputError(channels).ofRow(differences),
              OutputError(rows).ofRow(differences), 1e-12);
  EXPECT_NEAR(OutputError(channels).ofColumns({3, 8}, {0.5, -0.25}),
              OutputError(rows).ofColumns({3, 8}, {0.5, -0.25}), 1e-12);
  std::vector<double> factors(columns, 2.0);
  EXPECT_EQ(channels.dividedBy(factors).maxima()[1], channels.maxima()[1] / 2);
  EXPECT_EQ(channels.dividedBy(factors).meanSquares()[1],
            channels.meanSquares()[1] / 4);

  // AWQ and sensitivity then give the same for both; GPTQ says what it lacks.
  QuantScheme scheme = *builtin("q4_0");
  std::vector<float> weight = randomNumbers(4 * columns, 9);
  AwqOptions options;
  options.clips = 2;
  auto byRows = quantizeAwq({{scheme, {4, columns}, weight}}, rows, options);
  auto byChannels =
      quantizeAwq({{scheme, {4, columns}, weight}}, channels, options);
  ASSERT_TRUE(bool(byRows) && bool(byChannels));
  EXPECT_EQ(byRows->power, byChannels->power);
  EXPECT_NEAR(byRows->error, byChannels->error, 1e-9 * byRows->error);
  auto costRows =
      measureSensitivity("w", {4, columns}, weight, &rows, {scheme});
  auto costChannels =
      measureSensitivity("w", {4, columns}, weight, &channels, {scheme});
  ASSERT_TRUE(bool(costRows) && bool(costChannels));
  EXPECT_NEAR(costRows->costs[0].error, costChannels->costs[0].error,
              1e-9 * costRows->costs[0].error);
  EXPECT_EQ(messageOf(GptqHessian::create(channels, 0.01, false).takeError()),
            "expected rows of activations, but there are only statistics of "
            "channels, which do not say how channels go together");
}

} // namespace
