//===- FunctionsTest.cpp - Errors of functions over all of f32 ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function of docs/numerics.md, on each target, at values from all of f32:
// NaN, infinities, subnormals and zeros, the numbers beside those where
// formulas change, and bit patterns in even steps. The table there has the
// bounds.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/device/Functions.h"

using namespace rlx;
using namespace rlx::test;

namespace functions_test {

using Limits = std::numeric_limits<float>;

float fromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}
uint32_t bitsOf(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/// Numbers where formulas and results change, with both signs.
std::vector<float> landmarks() {
  std::vector<float> values;
  for (float value : {0.0f,
                      Limits::denorm_min(),
                      Limits::min(),
                      1e-6f,
                      1e-4f,
                      0.1f,
                      0.25f,
                      0.5f,
                      0.70710678f,
                      0.92773437f,
                      1.0f,
                      1.5f,
                      2.0f,
                      3.0f,
                      9.0f,
                      10.0f,
                      33.0f,
                      87.33655f,
                      88.72284f,
                      89.41599f,
                      103.97208f,
                      127.0f,
                      128.0f,
                      149.0f,
                      1e6f,
                      8388608.0f,
                      16777215.0f,
                      16777216.0f,
                      1e10f,
                      Limits::max(),
                      Limits::infinity()})
    for (float sign : {1.0f, -1.0f})
      values.push_back(sign * value);
  values.push_back(Limits::quiet_NaN());
  for (int quarter = 1; quarter < 9; ++quarter)
    values.push_back(float(quarter * M_PI / 4));
  return values;
}

/// Pairs of them, and those with their neighbours; bit patterns in steps; pairs
/// whose power is a number.
std::pair<Floats, Floats> testValues() {
  std::vector<float> x, y, marks = landmarks();
  auto add = [&](float a, float b) {
    x.push_back(a);
    y.push_back(b);
  };
  for (float a : marks)
    for (float b : marks)
      add(a, b);
  for (float a : marks)
    for (int offset = -20; offset <= 20; ++offset)
      add(fromBits(bitsOf(a) + uint32_t(offset)), 2.5f);
  constexpr uint32_t step = 262127;
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += step) {
    float a = fromBits(uint32_t(bits));
    add(a, fromBits(uint32_t(bits) * 2654435761u));
    float base = std::fabs(a), power = float(int(bits % 300) - 150);
    add(base, power / std::log2(base));
    add(0.5f + float(bits % 4093) / 4093, float(int(bits % 2003) - 1001));
    add(float(bits % 400009) / 4001 - 50, float(bits % 7) - 3);
  }
  int64_t count = int64_t(x.size());
  return {Floats({count}, x), Floats({count}, y)};
}

/// Checks all functions on target `column` of the table.
void check(size_t column, bool flushes, RunFunction run) {
  auto bounds = readBounds("Functions of f32");
  auto [x, y] = testValues();
  for (auto [index, function] : llvm::enumerate(functions)) {
    auto row = bounds.find(function.name);
    if (row == bounds.end() || row->second.size() <= column) {
      ADD_FAILURE() << "docs/numerics.md has no row for " << function.name;
      continue;
    }
    Floats z(x.shape);
    run("f" + std::to_string(index), {x, y}, z);
    double worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < z.values.size(); ++i) {
      double units = unitsFrom(f32Format, function, z.values[i], x.values[i],
                               y.values[i], flushes);
      if (units > worst) {
        worst = units;
        at = i;
      }
    }
    testing::Test::RecordProperty(function.name, std::to_string(worst));
    if (getenv("RLX_PRINT_ERRORS"))
      printf("%-16s %.3g ulp at %.9g, %.9g: %.9g\n", function.name, worst,
             x.values[at], y.values[at], z.values[at]);
    EXPECT_LE(worst, row->second[column])
        << function.name << " of " << x.values[at] << ", " << y.values[at]
        << ": expected " << function.reference(x.values[at], y.values[at])
        << ", got " << z.values[at];
  }
}

TEST(FunctionsTest, Cpu) {
  std::unique_ptr<Executable> executable = compiled(programOfFunctions("f32"));
  ASSERT_TRUE(executable);
  check(0, /*flushes=*/false,
        [&](const std::string &name, llvm::ArrayRef<TensorView> inputs,
            TensorView z) {
          EXPECT_SUCCESS(executable->run(name, inputs, {z}));
        });
}

class DeviceFunctionsTest : public testing::TestWithParam<TestDevice> {};

TEST_P(DeviceFunctionsTest, WithinTheirBounds) {
  runOnDevice(
      GetParam(), [](const DeviceInfo &) { return programOfFunctions("f32"); },
      [&](const DeviceInfo &device, RunFunction run) {
        check(columnOf(GetParam()), !device.denormals, run);
      });
}

INSTANTIATE_TEST_SUITE_P(Devices, DeviceFunctionsTest,
                         testing::ValuesIn(testDevices), [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace functions_test
