//===- ShortFunctionsTest.cpp - Functions of f16 and bf16, all of them ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function of docs/numerics.md at each number of f16 and of bf16, on each
// target; second operands are some of each kind.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/device/Functions.h"

using namespace rlx;
using namespace rlx::test;

namespace short_functions_test {

struct ShortType {
  const FloatFormat &format;
  ElementType element;
  const llvm::fltSemantics &semantics;

  float number(uint16_t bits) const {
    llvm::APFloat value(semantics, llvm::APInt(16, bits));
    bool losesInfo;
    value.convert(llvm::APFloat::IEEEsingle(),
                  llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return value.convertToFloat();
  }
  uint16_t bits(float number) const {
    llvm::APFloat value(number);
    bool losesInfo;
    value.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return uint16_t(value.bitcastToAPInt().getZExtValue());
  }
};
const ShortType shortTypes[] = {
    {f16Format, ElementType::f16, llvm::APFloat::IEEEhalf()},
    {bf16Format, ElementType::bf16, llvm::APFloat::BFloat()}};

/// Checks all functions of a type on target `column` of the table.
void check(const ShortType &type, size_t column, bool flushes,
           RunFunction run) {
  std::string name = type.format.name;
  auto bounds = readBounds("Functions of f16 and bf16");
  ASSERT_GT(bounds[name].size(), column);
  double bound = bounds[name][column];
  constexpr size_t count = 65536;
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i)
    numbers[i] = type.number(uint16_t(i));
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const float seconds[] = {0.5f,  -2,        3.25f,         0,
                           -0.0f, -infinity, std::nanf(""), 1.0f / 128};
  for (auto [index, function] : llvm::enumerate(functions)) {
    double worst = 0;
    uint16_t atX = 0, atY = 0, atZ = 0;
    for (float second : llvm::ArrayRef(seconds, function.isBinary ? 8 : 1)) {
      int64_t size = count;
      std::vector<uint16_t> xs(count), ys(count, type.bits(second));
      for (size_t i = 0; i < count; ++i)
        xs[i] = uint16_t(i);
      test::Buffer<uint16_t> x(type.element, {size}, xs),
          y(type.element, {size}, ys), z(type.element, {size});
      run("f" + std::to_string(index), {x, y}, z);
      for (size_t i = 0; i < count; ++i) {
        double units = unitsFrom(type.format, function, numbers[z.values[i]],
                                 numbers[i], numbers[ys[i]], flushes);
        if (units > worst) {
          worst = units;
          atX = xs[i], atY = ys[i], atZ = z.values[i];
        }
      }
    }
    if (getenv("RLX_PRINT_ERRORS"))
      printf("%-5s %-16s %.4g ulp at %.9g, %.9g: %.9g\n", name.c_str(),
             function.name, worst, numbers[atX], numbers[atY], numbers[atZ]);
    EXPECT_LE(worst, bound)
        << function.name << " of " << name << " " << numbers[atX] << ", "
        << numbers[atY] << ": expected "
        << function.reference(numbers[atX], numbers[atY]) << ", got "
        << numbers[atZ];
  }
}

class ShortFunctionsTest : public testing::TestWithParam<int> {};

TEST_P(ShortFunctionsTest, Cpu) {
  const ShortType &type = shortTypes[GetParam()];
  std::unique_ptr<Executable> executable =
      compiled(programOfFunctions(type.format.name));
  ASSERT_TRUE(executable);
  check(type, 0, /*flushes=*/false,
        [&](const std::string &name, llvm::ArrayRef<TensorView> inputs,
            TensorView z) {
          EXPECT_SUCCESS(executable->run(name, inputs, {z}));
        });
}

INSTANTIATE_TEST_SUITE_P(Types, ShortFunctionsTest, testing::Values(0, 1),
                         [](const auto &info) {
                           return std::string(
                               shortTypes[info.param].format.name);
                         });

class DeviceShortFunctionsTest
    : public testing::TestWithParam<std::tuple<TestDevice, int>> {};

TEST_P(DeviceShortFunctionsTest, AllNumbers) {
  const auto &[which, number] = GetParam();
  const ShortType &type = shortTypes[number];
  size_t column = columnOf(which);
  runOnDevice(
      which,
      [&](const DeviceInfo &) { return programOfFunctions(type.format.name); },
      [&](const DeviceInfo &device, RunFunction run) {
        check(type, column, !device.denormals, run);
      });
}

INSTANTIATE_TEST_SUITE_P(
    Devices, DeviceShortFunctionsTest,
    testing::Combine(testing::ValuesIn(testDevices), testing::Values(0, 1)),
    [](const auto &info) {
      return std::string(std::get<0>(info.param).name) + "_" +
             shortTypes[std::get<1>(info.param)].format.name;
    });

} // namespace short_functions_test
