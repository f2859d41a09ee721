//===- ExtremesTest.cpp - Large activations and codebooks on devices ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What would overflow on the way to a result that f32 can hold, and codebooks
// that are too large to be chosen from in code.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/device/DeviceSupport.h"

#include <cmath>

using namespace rlx;
using namespace rlx::test;

namespace extremes_test {

constexpr double bound = 1e-5;

/// Codes that are integers, or numbers of a codebook, beside scales that make
/// them small again.
constexpr const char *smallScales[] = {
    R"(#rlx.scheme<"bytes", block = 32, code = si8 at (i) -> (i, 0),
  scale = f16 at byte 32>)",
    R"(#rlx.scheme<"numbers", block = 64,
  code = ui2 at (i) -> (i floordiv 4, 2 * (i mod 4)) as [-100, -1, 0.5, 3000],
  scale = f16 at byte 16 * ui8 at (i) -> (18 + i floordiv 32, 0)>)",
    R"(#rlx.scheme<"centred", block = 32,
  code = ui4 at (i) -> (i floordiv 2, 4 * (i mod 2)), zero = ui8 at byte 16,
  scale = f8E4M3FN at byte 17>)"};

class DeviceExtremesTest : public SchemeTest,
                           public testing::WithParamInterface<TestDevice> {
protected:
  rlx::Device *device() {
    std::string reason;
    rlx::Device *device = openDevice(GetParam(), reason);
    if (!device)
      why = reason;
    return device;
  }
  std::string why;
};

TEST_P(DeviceExtremesTest, SumsOfCodesMayOverflow) {
  constexpr int64_t n = 37, k = 320;
  rlx::Device *device = this->device();
  if (!device)
    GTEST_SKIP() << why;
  for (const char *description : smallScales) {
    SCOPED_TRACE(description);
    std::optional<QuantScheme> scheme = described(description);
    ASSERT_TRUE(scheme);
    RandomWeight weight(*scheme, {n, k}, 5);
    std::unique_ptr<DeviceExecutable> executable = compiledFor(
        *device, targetOf(GetParam(), *device), matmulFunction("main", weight));
    ASSERT_TRUE(executable);
    weight.bind(*executable, "main");
    std::vector<double> values = weight.values();
    double largest = 0;
    for (double value : values)
      largest = std::max(largest, std::fabs(value));
    for (int64_t m : {1, 3, 12}) {
      Floats x = Floats::random({m, k}, uint32_t(m)), y({m, n});
      // Sums of products stay below the largest number; one row is ordinary.
      int exponent = 126 - std::ilogb(largest * double(k) * 4);
      for (int64_t i = 0; i < m * k; ++i)
        if (m == 1 || i / k != 1)
          x.values[i] = std::ldexp(x.values[i], exponent);
      runOn(*executable, "main", {x}, {y});
      std::vector<double> expected = product(x.values, values, m, n, k);
      for (int64_t row = 0; row < m; ++row) {
        llvm::ArrayRef<double> numbers =
            llvm::ArrayRef(expected).slice(row * n, n);
        llvm::ArrayRef<float> ofRow =
            llvm::ArrayRef(x.values).slice(row * k, k);
        EXPECT_TRUE(isClose(
            TensorView{ElementType::f32, {1, n}, y.values.data() + row * n},
            numbers, bound * cancellation(ofRow, values, numbers, k), 5))
            << "row " << row << " of " << m;
      }
    }
  }
}

TEST_P(DeviceExtremesTest, LargeCodebooks) {
  constexpr int64_t n = 21, k = 96;
  rlx::Device *device = this->device();
  if (!device)
    GTEST_SKIP() << why;
  std::string entries, bytes;
  for (int i = 0; i < 256; ++i) {
    const char *comma = i ? ", " : "";
    entries += comma + std::to_string(std::sin(i) * i);
    bytes += comma + std::to_string(i * 37 % 256 - 128);
  }
  for (const std::string &codebook : {entries, bytes}) {
    std::optional<QuantScheme> scheme =
        described("#rlx.scheme<\"book\", block = 32, "
                  "code = ui8 at (i) -> (i, 0) as [" +
                  codebook + "], scale = f16 at byte 32>");
    ASSERT_TRUE(scheme);
    RandomWeight weight(*scheme, {n, k}, 5);
    std::vector<double> values = weight.values();
    std::unique_ptr<DeviceExecutable> executable =
        compiledFor(*device, targetOf(GetParam(), *device),
                    matmulFunction("main", weight) + valuesFunction(weight) +
                        matmulFunction("rounded", weight, "i8"));
    ASSERT_TRUE(executable);
    for (const char *name : {"main", "values", "rounded"})
      weight.bind(*executable, name);
    Floats all({n, k});
    runOn(*executable, "values", {}, {all});
    EXPECT_TRUE(isClose(all, values, 1e-6, 5));
    for (int64_t m : {1, 3, 12}) {
      Floats x({m, k}, integers(m, k, 127, uint32_t(m))), y({m, n});
      std::vector<double> expected = product(x.values, values, m, n, k);
      double ofSums = bound * cancellation(x.values, values, expected, k);
      for (const char *name : {"main", "rounded"}) {
        runOn(*executable, name, {x}, {y});
        EXPECT_TRUE(isClose(y, expected, ofSums, 5)) << name << ", M = " << m;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, DeviceExtremesTest,
                         testing::ValuesIn(testDevices),
                         [](const auto &info) { return info.param.name; });

} // namespace extremes_test
