//===- SharedCodesTest.cpp - Scales of whole weights, chosen first --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/RowSample.h"
#include "tests/unit/quantize/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace shared_codes_test {

constexpr llvm::StringLiteral names[] = {"int8/tensor", "fp8e4m3/tensor",
                                         "fp8e5m2/tensor", "nvfp4/16"};

std::vector<float> weightOf(int64_t rows, int64_t k) {
  std::vector<float> x = Random(5).floats(rows * k);
  // A row that is larger than others, and its extreme.
  for (int64_t i = 0; i < k; ++i)
    x[(rows / 2) * k + i] *= 5;
  x[(rows / 2) * k + 3] = -40;
  return x;
}

double errorOf(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
               const Bytes &bytes, llvm::ArrayRef<float> x) {
  double sum = 0;
  for (double error : squaredErrors(scheme, shape, bytes.stored(), x))
    sum += error;
  return sum;
}

/// From all rows, rules give the very bytes that they give at once, and so does
/// a sample that has the extremes; a search is as good as it is.
TEST_F(SchemeTest, SharedScalesAreChosenFirst) {
  constexpr int64_t experts = 2, rows = 24, k = 64;
  llvm::SmallVector<int64_t> shape = {experts, rows, k};
  std::vector<float> x = weightOf(rows, k), other = weightOf(rows, k);
  for (float &value : other)
    x.push_back(value * -0.01f);
  for (llvm::StringRef name : names) {
    SCOPED_TRACE(name.str());
    QuantScheme scheme = *builtin(name);
    auto whole = Quantizer::create(scheme, shape),
         parts = Quantizer::create(scheme, shape);
    ASSERT_TRUE(whole && parts);
    EXPECT_EQ(whole->rowsTogether(), rows);
    ASSERT_TRUE(parts->canChooseShared());
    Bytes expected(*whole, shape), bytes(*parts, shape);
    int64_t rowBytes = scheme.rowBytes(k);
    ASSERT_EQ(
        messageOf(whole->quantizeRows(
            x, 0, experts * rows, expected.rows(0, experts * rows, rowBytes))),
        "");
    // Every third row, and the one with the extremes.
    auto sample = [&](int64_t expert) -> llvm::Expected<std::vector<float>> {
      std::vector<float> some;
      for (int64_t row = 0; row < rows; row += 3)
        llvm::append_range(
            some, llvm::ArrayRef(x).slice((expert * rows + row) * k, k));
      return some;
    };
    ASSERT_EQ(messageOf(parts->chooseShared(sample, bytes.rows(0, 0, 0))), "");
    EXPECT_EQ(parts->rowsTogether(), 1);
    // In any order.
    for (int64_t row = experts * rows - 1; row >= 0; --row)
      ASSERT_EQ(messageOf(parts->quantizeRows(
                    llvm::ArrayRef(x).slice(row * k, k), row, row + 1,
                    bytes.rows(row, row + 1, rowBytes))),
                "");
    double error = errorOf(scheme, shape, bytes, x),
           before = errorOf(scheme, shape, expected, x);
    if (QuantRule::of(scheme).method == QuantRule::Method::search) {
      EXPECT_LT(error, 1.02 * before);
    } else {
      EXPECT_EQ(bytes.blocks, expected.blocks);
      EXPECT_EQ(bytes.scales, expected.scales);
    }
  }
}

/// With importance, rules give way to a search; codes stay the nearest ones.
TEST_F(SchemeTest, SharedScalesWithImportance) {
  constexpr int64_t rows = 12, k = 32;
  llvm::SmallVector<int64_t> shape = {rows, k};
  std::vector<float> x = Random(6).floats(rows * k);
  for (llvm::StringRef name : names) {
    SCOPED_TRACE(name.str());
    QuantScheme scheme = *builtin(name);
    QuantizeOptions options;
    for (int64_t i = 0; i < k; ++i)
      options.importance.push_back(i % 4 == 1 ? 20 : 1);
    auto whole = Quantizer::create(scheme, shape, options),
         parts = Quantizer::create(scheme, shape, options);
    ASSERT_TRUE(whole && parts);
    Bytes expected(*whole, shape), bytes(*parts, shape);
    int64_t rowBytes = scheme.rowBytes(k);
    ASSERT_EQ(messageOf(whole->quantizeRows(x, 0, rows,
                                            expected.rows(0, rows, rowBytes))),
              "");
    auto all = [&](int64_t) -> llvm::Expected<std::vector<float>> { return x; };
    ASSERT_EQ(messageOf(parts->chooseShared(all, bytes.rows(0, 0, 0))), "");
    for (int64_t row = 0; row < rows; row += 4)
      ASSERT_EQ(messageOf(parts->quantizeRows(
                    llvm::ArrayRef(x).slice(row * k, 4 * k), row, row + 4,
                    bytes.rows(row, row + 4, rowBytes))),
                "");
    EXPECT_EQ(bytes.globalScale, expected.globalScale);
    auto error = [&](const Bytes &of) {
      double sum = 0;
      for (double each :
           squaredErrors(scheme, shape, of.stored(), x, options.importance))
        sum += each;
      return sum;
    };
    EXPECT_LE(error(bytes), 1.02 * error(expected));
  }
}

TEST_F(SchemeTest, SamplesThatDoNotFit) {
  QuantScheme scheme = *builtin("int8/tensor");
  auto quantizer = Quantizer::create(scheme, {2, 32});
  ASSERT_TRUE(bool(quantizer));
  Bytes bytes(*quantizer, {2, 32});
  for (int64_t count : {0, 31, 96})
    EXPECT_EQ(messageOf(quantizer->chooseShared(
                  [&](int64_t) -> llvm::Expected<std::vector<float>> {
                    return std::vector<float>(count);
                  },
                  bytes.rows(0, 0, 0))),
              "expected one to 2 rows of 32 numbers to choose the shared scale "
              "of weight from, but got " +
                  std::to_string(count) + " numbers");
  auto other = Quantizer::create(*builtin("int8/32"), {2, 32});
  ASSERT_TRUE(bool(other));
  EXPECT_FALSE(other->canChooseShared());
}

/// The first row of the largest number, of the least and of the greatest are
/// there, and no more than were asked for beside them.
TEST_F(SchemeTest, SamplesHaveTheExtremes) {
  constexpr int64_t k = int64_t(1) << 18, rows = 50;
  int64_t wanted = RowSample::mostElements / k;
  RowSample sample(rows, k);
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<float> values(k, float(row % 7) / 8);
    values[0] = float(row);
    if (row == 13 || row == 17)
      values[5] = 1000;
    if (row == 29)
      values[6] = -300;
    if (row == 31)
      values[7] = std::nanf("");
    sample.add(values);
  }
  std::vector<float> taken = sample.take();
  ASSERT_EQ(taken.size() % k, 0u);
  std::vector<int64_t> which;
  for (size_t at = 0; at < taken.size(); at += k)
    which.push_back(int64_t(taken[at]));
  EXPECT_TRUE(llvm::is_sorted(which));
  EXPECT_TRUE(llvm::is_contained(which, 13));
  EXPECT_TRUE(llvm::is_contained(which, 29));
  EXPECT_TRUE(llvm::is_contained(which, 0));
  EXPECT_GE(int64_t(which.size()), wanted);
  EXPECT_LE(int64_t(which.size()), wanted + 3);
}

} // namespace shared_codes_test
