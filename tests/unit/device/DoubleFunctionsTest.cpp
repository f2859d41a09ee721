//===- DoubleFunctionsTest.cpp - Errors of functions over all of f64 ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where a target has functions of f64: at NaN, infinities, subnormals and
// zeros, at numbers beside those where functions change, and at bit patterns in
// even steps, against more than double precision.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/device/Functions.h"

#include <bit>

using namespace rlx;
using namespace rlx::test;

namespace double_functions_test {

using Limits = std::numeric_limits<double>;
struct Doubles : test::Buffer<double> {
  explicit Doubles(std::vector<double> content)
      : Buffer(ElementType::f64, {int64_t(content.size())}, content) {}
};

/// Pairs of numbers.
std::pair<std::vector<double>, std::vector<double>> testValues() {
  std::vector<double> x, y, marks = {Limits::quiet_NaN()};
  for (double value : {0.0,
                       Limits::denorm_min(),
                       Limits::min(),
                       1e-300,
                       1e-20,
                       1e-9,
                       1e-4,
                       0.1,
                       0.25,
                       0.5,
                       M_SQRT1_2,
                       1.0,
                       M_PI_4,
                       M_PI_2,
                       1.5,
                       2.0,
                       3.0,
                       M_PI,
                       10.0,
                       26.5,
                       36.7,
                       40.0,
                       100.0,
                       708.4,
                       709.78,
                       745.13,
                       1023.0,
                       1024.0,
                       1074.0,
                       1e6,
                       4503599627370496.0,
                       9007199254740992.0,
                       1e18,
                       1e100,
                       Limits::max(),
                       Limits::infinity()})
    for (double sign : {1.0, -1.0})
      marks.push_back(sign * value);
  auto add = [&](double a, double b) {
    x.push_back(a);
    y.push_back(b);
  };
  for (double a : marks)
    for (double b : marks)
      add(a, b);
  for (double a : marks)
    for (int offset = -9; offset <= 9; ++offset)
      add(std::bit_cast<double>(std::bit_cast<uint64_t>(a) + uint64_t(offset)),
          2.5);
  constexpr uint64_t steps = 20000, step = UINT64_MAX / steps;
  for (uint64_t i = 0; i < steps; ++i) {
    uint64_t bits = i * step + i * 2654435761u;
    auto a = std::bit_cast<double>(bits);
    add(a, std::bit_cast<double>(bits * 0x9e3779b97f4a7c15u));
    double power = double(bits % 2000) - 1000;
    add(std::fabs(a), power / std::log2(std::fabs(a)));
    add(0.5 + double(bits % 4093) / 4093, double(bits % 2003) - 1001);
    add(double(bits % 400009) / 4001 - 50, double(bits % 7) - 3);
  }
  return {x, y};
}

/// Checks all functions on target `column` of the table.
void check(size_t column, RunFunction run) {
  auto bounds = readBounds("Functions of f64");
  auto [xs, ys] = testValues();
  Doubles x(xs), y(ys), z(xs);
  for (auto [index, function] : llvm::enumerate(functions)) {
    auto row = bounds.find(function.name);
    if (row == bounds.end() || row->second.size() <= column) {
      ADD_FAILURE() << "docs/numerics.md has no row for " << function.name;
      continue;
    }
    run("f" + std::to_string(index), {x, y}, z);
    double worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < z.values.size(); ++i) {
      double units = unitsFrom(f64Format, function, z.values[i], x.values[i],
                               y.values[i], false, /*precisely=*/true);
      if (units > worst) {
        worst = units;
        at = i;
      }
    }
    if (getenv("RLX_PRINT_ERRORS"))
      printf("f64   %-16s %.3g ulp at %.17g, %.17g: %.17g\n", function.name,
             worst, x.values[at], y.values[at], z.values[at]);
    EXPECT_LE(worst, row->second[column])
        << function.name << " of " << x.values[at] << ", " << y.values[at]
        << ": expected " << double(function.precise(x.values[at], y.values[at]))
        << ", got " << z.values[at];
  }
}

TEST(DoubleFunctionsTest, Cpu) {
  std::unique_ptr<Executable> executable = compiled(programOfFunctions("f64"));
  ASSERT_TRUE(executable);
  check(0, [&](const std::string &name, llvm::ArrayRef<TensorView> inputs,
               TensorView z) {
    EXPECT_SUCCESS(executable->run(name, inputs, {z}));
  });
}

class DeviceDoubleFunctionsTest : public testing::TestWithParam<TestDevice> {};

TEST_P(DeviceDoubleFunctionsTest, WithinTheirBounds) {
  std::string reason;
  rlx::Device *device = openDevice(GetParam(), reason);
  if (!device || !device->info().float64)
    GTEST_SKIP() << (device ? "the device has no float64" : reason);
  runOnDevice(
      GetParam(), [](const DeviceInfo &) { return programOfFunctions("f64"); },
      [&](const DeviceInfo &, RunFunction run) {
        check(columnOf(GetParam()), run);
      });
}

// What follows a matmul may be computed in f64.
TEST_P(DeviceDoubleFunctionsTest, BehindAMatmul) {
  std::string reason;
  rlx::Device *device = openDevice(GetParam(), reason);
  if (!device || !device->info().float64)
    GTEST_SKIP() << (device ? "the device has no float64" : reason);
  constexpr int64_t m = 3, n = 8, k = 32;
  Floats x = Floats::random({m, k}, 1), w = Floats::random({n, k}, 2),
         y({m, n});
  runOnDevice(
      GetParam(),
      [](const DeviceInfo &) {
        return R"(
func.func @main(%x: tensor<3x32xf32>, %w: tensor<8x32xf32>) -> tensor<3x8xf32> {
  %y = rlx.matmul %x, %w : (tensor<3x32xf32>, tensor<8x32xf32>) -> tensor<3x8xf32>
  %d = arith.extf %y : tensor<3x8xf32> to tensor<3x8xf64>
  %c = arith.constant dense<0.1> : tensor<3x8xf64>
  %s = arith.mulf %d, %c : tensor<3x8xf64>
  %e = math.tanh %s : tensor<3x8xf64>
  %r = arith.truncf %e : tensor<3x8xf64> to tensor<3x8xf32>
  return %r : tensor<3x8xf32>
})";
      },
      [&](const DeviceInfo &, RunFunction run) {
        run("main", {x, w}, y);
      });
  std::vector<double> expected = product(
      x.values, std::vector<double>(w.values.begin(), w.values.end()), m, n, k);
  for (double &value : expected)
    value = std::tanh(0.1 * value);
  EXPECT_TRUE(isClose(y, expected, 1e-6, 1));
}

INSTANTIATE_TEST_SUITE_P(
    Devices, DeviceDoubleFunctionsTest,
    testing::ValuesIn(llvm::ArrayRef(testDevices).drop_front()),
    [](const auto &info) { return std::string(info.param.name); });

} // namespace double_functions_test
