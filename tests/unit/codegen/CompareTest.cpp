//===- CompareTest.cpp - The comparer that the other tests trust ----------===//

#include "tests/unit/codegen/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace {

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

TEST(CompareTest, BoundsFollowTheActivations) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  EXPECT_EQ(relativeErrorBound(mlir::Float32Type::get(&context)), 2e-6);
  EXPECT_EQ(relativeErrorBound(mlir::BFloat16Type::get(&context)), 4e-3);
  EXPECT_EQ(relativeErrorBound(mlir::IntegerType::get(&context, 16)), 1e-4);
  EXPECT_EQ(relativeErrorBound(mlir::IntegerType::get(&context, 8)), 1.2e-2);
}

} // namespace
