//===- DescribedTest.cpp - Schemes whose places are unusual, on devices ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a description may say that built-in schemes do not: codes that share
// bytes unevenly, groups beside the weight that no block is a multiple of,
// indices that depend on the row and on K, dividends that are negative, large
// biases and codebooks. And activations that are infinite, NaN or tiny.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/device/DeviceSupport.h"

#include <limits>

using namespace rlx;
using namespace rlx::test;

namespace described_test {

constexpr const char *descriptions[] = {
    R"(#rlx.scheme<"ten bits", block = 4,
  code = ui2 at (i) -> (4, 2 * i) ++ ui8 at (i) -> (i, 0)>)",
    R"(#rlx.scheme<"groups of 48", block = 32, code = si8 at (i) -> (i, 0),
  zero = ui8 in zero_points at (n, k) -> (k floordiv 80, n),
  scale = f32 in scales at (n, k) -> (n, k floordiv 48)>)",
    R"(#rlx.scheme<"diagonal", block = 32, code = si8 at (i) -> (i, 0),
  scale = f32 in scales at (n, k) -> ((n + k) floordiv 32)>)",
    R"(#rlx.scheme<"negative dividends", block = 8,
  code = ui4 at (i) -> (4 + (i - 7) floordiv 2, 4 * ((i - 9) mod 2)),
  scale = f16 at (i) -> (7, -16), unused = 8>)",
    R"(#rlx.scheme<"large bias", block = 32, code = ui8 at (i) -> (i, 0) - 40000,
  scale = f16 at byte 32>)"};

class DescribedTest : public SchemeTest,
                      public testing::WithParamInterface<TestDevice> {};

TEST_P(DescribedTest, MatchesTheReference) {
  constexpr double bound = 1e-5, i8Bound = 1.2e-2;
  constexpr int64_t n = 5, k = 384;
  std::string reason;
  rlx::Device *device = openDevice(GetParam(), reason);
  if (!device)
    GTEST_SKIP() << reason;
  std::vector<RandomWeight> weights;
  std::string text;
  for (const char *description : descriptions) {
    std::optional<QuantScheme> scheme = described(description);
    ASSERT_TRUE(scheme);
    std::string name = "f" + std::to_string(weights.size());
    weights.emplace_back(*scheme, std::vector<int64_t>{n, k}, 7);
    text += matmulFunction(name, weights.back(), "i8");
  }
  std::unique_ptr<DeviceExecutable> executable =
      compiledFor(*device, targetOf(GetParam(), *device), text);
  ASSERT_TRUE(executable);
  for (auto [i, weight] : llvm::enumerate(weights)) {
    SCOPED_TRACE(descriptions[i]);
    std::string name = "f" + std::to_string(i);
    weight.bind(*executable, name);
    std::vector<double> values = weight.values();
    for (int64_t m : {1, 3}) {
      Floats x({m, k}, integers(m, k, 127, uint32_t(m))), y({m, n});
      runOn(*executable, name, {x}, {y});
      std::vector<double> expected = product(x.values, values, m, n, k);
      EXPECT_TRUE(isClose(
          y, expected, bound * cancellation(x.values, values, expected, k), 7))
          << "M = " << m;
    }
    if (i > 1)
      continue;
    // Only where several rows are bytes do infinities and NaNs reach others.
    Floats x({3, k}, integers(3, k, 127, 5)), y({3, n});
    std::vector<double> expected = product(x.values, values, 3, n, k);
    x.values[k + 300] = std::numeric_limits<float>::infinity();
    runOn(*executable, name, {x}, {y});
    for (int64_t row : {0, 2})
      EXPECT_TRUE(isClose(
          TensorView{ElementType::f32, {1, n}, y.values.data() + row * n},
          llvm::ArrayRef(expected).slice(row * n, n), bound * 10, 5));
    bool hasNonfinite =
        targetOf(GetParam(), *device).attribute.find("nonfinite = true") !=
            std::string::npos ||
        GetParam().api == DeviceApi::opencl;
    for (int64_t column = 0; column < n && hasNonfinite; ++column)
      EXPECT_FALSE(std::isfinite(y.values[n + column]));
    // Scales of activations below the smallest normal number.
    x = Floats({3, k}, integers(3, k, 127, 5));
    for (float &number : x.values)
      number = std::ldexp(number, -126);
    runOn(*executable, name, {x}, {y});
    for (double &number : expected)
      number = std::ldexp(number, -126);
    EXPECT_TRUE(isClose(y, expected, i8Bound, 5));
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, DescribedTest, testing::ValuesIn(testDevices),
                         [](const auto &info) { return info.param.name; });

} // namespace described_test
