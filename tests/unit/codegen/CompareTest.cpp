//===- CompareTest.cpp - The comparer that the other tests trust ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace compare_test {

TEST(CompareTest, RelativeErrorIsOfNorms) {
  Floats got({2, 2}, {3, 4, 0, 12});
  ErrorReport report = measureError(got, {3, 4, 0, 12});
  EXPECT_EQ(report.relative, 0);
  EXPECT_EQ(report.largest, 0);
  EXPECT_EQ(report.mismatches, 0);

  report = measureError(got, {3, 0, 3, 12}); // differences 0 4 -3 0
  EXPECT_DOUBLE_EQ(report.relative, 5 / std::sqrt(162));
  EXPECT_EQ(report.largest, 4);
  EXPECT_EQ(report.index, (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(report.expected, 0);
  EXPECT_EQ(report.got, 4);
}

TEST(CompareTest, TellsIndexExpectedGotAndSeed) {
  Floats got({2, 3}, {1, 2, 3, 4, 5, 6.5f});
  std::vector<double> expected = {1, 2, 3, 4, 5, 6};
  EXPECT_TRUE(isClose(got, expected, 0.1, 7));
  testing::AssertionResult result = isClose(got, expected, 0.01, 7);
  EXPECT_FALSE(result);
  EXPECT_STREQ(
      result.message(),
      "relative error 0.052, largest difference 0.5 at [1, 2] (expected "
      "6, got 6.5), allowed 0.01, seed 7");
  EXPECT_FALSE(isClose(got, {1, 2}, 1, 7));
}

TEST(CompareTest, NansAndInfinitiesMustBeInTheSamePlaces) {
  float nan = NAN, inf = INFINITY;
  Floats got({4}, {1, nan, inf, 2});
  EXPECT_TRUE(isClose(got, {1, NAN, INFINITY, 2}, 0, 1));
  ErrorReport report = measureError(got, {1, 0, -INFINITY, NAN});
  EXPECT_EQ(report.mismatches, 3);
  EXPECT_EQ(report.firstMismatch, std::vector<int64_t>{1});
  EXPECT_EQ(report.relative, 0); // over numbers only
  EXPECT_FALSE(isClose(got, {1, 0, INFINITY, 2}, 1, 1));
  EXPECT_CONTAINS(report.describe(), "3 NaNs or infinities");
}

TEST(CompareTest, AReferenceOfZeroAllowsNothing) {
  EXPECT_TRUE(isClose(Floats({2}, {0, -0.0f}), {0, 0}, 0, 1));
  EXPECT_FALSE(isClose(Floats({2}, {0, 1e-30f}), {0, 0}, 1, 1));
}

// Beside the largest number of a type the program may have an infinity, and
// anything may come of it; farther away, either none or surely one.
TEST(CompareTest, RoundingBesideTheLargestNumber) {
  mlir::MLIRContext context;
  Rounding rounding(mlir::Float16Type::get(&context));
  auto rounded = [&](double value, double deviation) {
    rounding.apply(value, deviation);
    return std::pair(value, deviation);
  };
  EXPECT_EQ(rounded(-65000, 100), std::pair(-65000.0, double(INFINITY)));
  EXPECT_EQ(rounded(65530, 10), std::pair(65504.0, double(INFINITY)));
  EXPECT_LT(rounded(65000, 10).second, 100);
  EXPECT_EQ(rounded(70000, 10), std::pair(double(INFINITY), 0.0));
  EXPECT_EQ(rounded(65504, 0), std::pair(65504.0, 0.0));
}

// The squares of their squares are beyond f64.
TEST(CompareTest, NumbersOfF64AsLargeAsTheyAre) {
  double got[] = {1e300, 1e-300};
  TensorView view{ElementType::f64, {2}, got};
  ReferenceTensor expected;
  expected.shape = {2};
  mlir::MLIRContext context;
  expected.numbers.type = mlir::Float64Type::get(&context);
  expected.numbers.values = {1e300, 1e-300};
  expected.numbers.deviations = {1e284, 1e-316};
  ErrorReport report = measureError(view, expected);
  EXPECT_TRUE(report.passes()) << report.describe();
  expected.numbers.values[0] = 1.1e300;
  report = measureError(view, expected);
  EXPECT_FALSE(report.passes());
  EXPECT_NEAR(report.relative, 1 / 11.0, 1e-6);
}

TEST(CompareTest, ReadsEveryElementType) {
  auto same = [](ElementType type, auto value, double expected) {
    TensorView view{type, {1}, &value};
    return bool(isClose(view, {expected}, 0, 0));
  };
  EXPECT_TRUE(same(ElementType::f64, 0.1, 0.1));
  EXPECT_TRUE(same(ElementType::f16, uint16_t(0xc100), -2.5));
  EXPECT_TRUE(same(ElementType::bf16, uint16_t(0x4049), 3.140625));
  EXPECT_TRUE(same(ElementType::i64, int64_t(-5), -5));
  EXPECT_TRUE(same(ElementType::i32, int32_t(-5), -5));
  EXPECT_TRUE(same(ElementType::i16, int16_t(-5), -5));
  EXPECT_TRUE(same(ElementType::i8, int8_t(-5), -5));
  EXPECT_TRUE(same(ElementType::u8, uint8_t(251), 251));
  EXPECT_TRUE(same(ElementType::boolean, uint8_t(1), 1));
}

/// A reference of f32, or of another type.
ReferenceTensor reference(mlir::MLIRContext &context,
                          std::vector<double> values,
                          std::vector<double> deviations,
                          std::vector<double> magnitudes = {}) {
  int64_t count = int64_t(values.size());
  return {{8, count / 8},
          {mlir::Float32Type::get(&context), values, deviations, {}},
          magnitudes};
}

TEST(CompareTest, ReferencesSayWhatRoundingMayDo) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  std::vector<double> values(64, 1), deviations(64, 0.01);
  Floats got({8, 8}, std::vector<float>(64, 1.02f));
  ErrorReport report =
      measureError(got, reference(context, values, deviations));
  EXPECT_NEAR(report.relative, 0.02, 1e-6);
  // Eight rows of one deviation.
  EXPECT_NEAR(report.bound, 0.01 * (2 + 4 / std::sqrt(8)), 1e-9);
  EXPECT_TRUE(report.passes());
  got.values.assign(64, 1.035f);
  EXPECT_FALSE(
      measureError(got, reference(context, values, deviations)).passes());
  // One element may be further off, if not by any number of deviations.
  got.values.assign(64, 1);
  got.values[5] = 1.079f;
  EXPECT_TRUE(
      measureError(got, reference(context, values, deviations)).passes());
  got.values[5] = 1.081f;
  report = measureError(got, reference(context, values, deviations));
  EXPECT_FALSE(report.passes());
  EXPECT_EQ(report.outliers, 1);
  EXPECT_EQ(report.firstOutlier, (std::vector<int64_t>{0, 5}));
  EXPECT_EQ(report.columns, 0);
  // Neither may all of a column.
  got.values.assign(64, 1);
  for (int64_t row = 0; row < 8; ++row)
    got.values[row * 8 + 5] = 1.035f;
  report = measureError(got, reference(context, values, deviations));
  EXPECT_FALSE(report.passes());
  EXPECT_EQ(report.outliers, 0);
  EXPECT_EQ(report.columns, 1);
  EXPECT_EQ(report.firstColumn, 5);
  // What is exact must be so.
  EXPECT_FALSE(measureError(got, reference(context, values, {})).passes());
}

TEST(CompareTest, SumsThatCancelAreMeasuredByTheirTerms) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  Floats got({8, 1}, std::vector<float>(8, 1e-5f));
  ErrorReport report = measureError(
      got, reference(context, std::vector<double>(8, 0),
                     std::vector<double>(8, 1e-5), std::vector<double>(8, 10)));
  EXPECT_NEAR(report.relative, 1e-6, 1e-12);
  EXPECT_TRUE(report.passes());
}

TEST(CompareTest, NansAndInfinitiesOfReferences) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto passes = [&](float got, double expected, double deviation) {
    return measureError(Floats({8, 1}, std::vector<float>(8, got)),
                        reference(context, std::vector<double>(8, expected),
                                  std::vector<double>(8, deviation)))
        .passes();
  };
  EXPECT_FALSE(passes(NAN, 1, 0.1));
  EXPECT_FALSE(passes(INFINITY, 1, 0.1));
  EXPECT_FALSE(passes(1, NAN, 0));
  EXPECT_FALSE(passes(-INFINITY, INFINITY, 0));
  EXPECT_TRUE(passes(INFINITY, INFINITY, 0));
  EXPECT_TRUE(passes(NAN, NAN, 0));
  // What rounding makes of what is infinite may be no number, not another one.
  EXPECT_TRUE(passes(NAN, INFINITY, INFINITY));
  EXPECT_FALSE(passes(-INFINITY, INFINITY, INFINITY));
  EXPECT_TRUE(passes(7, 1, INFINITY));
}

TEST(CompareTest, IntegersAreComparedBitByBit) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  uint64_t large = (uint64_t(1) << 60) + 1;
  ReferenceTensor expected{
      {1}, {mlir::IntegerType::get(&context, 64), {}, {}, {large}}, {}};
  int64_t got = int64_t(large);
  TensorView view{ElementType::i64, {1}, &got};
  EXPECT_TRUE(measureError(view, expected).passes());
  ++got; // which no double tells from the other
  EXPECT_FALSE(measureError(view, expected).passes());
}

} // namespace compare_test
