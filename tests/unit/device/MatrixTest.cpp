//===- MatrixTest.cpp - Activations of f16 as matrices of subgroups -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Many rows of activations that may be rounded to f16, on the first Vulkan
// device if its subgroups multiply matrices of them; else tests are skipped.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/device/DeviceSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace matrix_test {

constexpr double f16Bound = 1e-3;
constexpr const TestDevice &vulkan = testDevices[0];

class MatrixTest : public SchemeTest {
protected:
  void SetUp() override {
    std::string reason;
    device = openDevice(vulkan, reason);
    if (!device)
      GTEST_SKIP() << reason;
    if (!device->info().hasMatrix())
      GTEST_SKIP() << device->info().name
                   << " has no matrices of f16 that subgroups multiply";
  }
  /// Compiles a matmul of `weight` with `rows` rows, or any number: "?".
  std::unique_ptr<DeviceExecutable> compile(rlx::Device &device,
                                            const RandomWeight &weight,
                                            const std::string &rows) {
    std::string text = matmulFunction("main", weight, "f16"), fixed;
    for (char c : text)
      fixed += c == '?' ? rows : std::string(1, c);
    return compiledFor(device, targetOf(vulkan, device), fixed);
  }
  void expectClose(DeviceExecutable &executable, const RandomWeight &weight,
                   int64_t m, uint32_t seed) {
    std::vector<double> values = weight.values();
    int64_t n = weight.shape[0], k = weight.shape[1];
    Floats x = Floats::random({m, k}, seed + uint32_t(m)), y({m, n});
    runOn(executable, "main", {x}, {y});
    std::vector<double> expected = product(x.values, values, m, n, k);
    double bound = f16Bound * cancellation(x.values, values, expected, k);
    EXPECT_TRUE(isClose(y, expected, bound, seed)) << "M = " << m;
  }
  rlx::Device *device = nullptr;
};

class MatrixSchemesTest : public MatrixTest,
                          public testing::WithParamInterface<std::string> {};

TEST_P(MatrixSchemesTest, MatchesTheReference) {
  const std::string &name = GetParam();
  QuantScheme scheme = *schemeOf(name);
  std::vector<std::string> names = allSchemes();
  uint32_t number = uint32_t(llvm::find(names, name) - names.begin());
  // One tile, several, and such that four columns are stored at once; rows that
  // fill a tile and some that do not.
  constexpr int64_t columns[] = {37, 130, 64, 68}, lengths[] = {300, 37, 520},
                    m = 70;
  int64_t block = scheme.block();
  int64_t k = std::max<int64_t>(1, lengths[number % 3] / block) * block;
  std::vector<int64_t> shape = {columns[number % 4], k};
  std::unique_ptr<DeviceExecutable> executable =
      compile(*device, RandomWeight(scheme, shape, number), std::to_string(m));
  ASSERT_TRUE(executable);
  for (Content content : {Content::random, Content::withNans}) {
    SCOPED_TRACE("content " + std::to_string(int(content)));
    RandomWeight weight(scheme, shape, number, content);
    weight.bind(*executable, "main");
    expectClose(*executable, weight, m, number);
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, MatrixSchemesTest,
                         testing::ValuesIn(allSchemes()), testName);

// A weight's numbers need not be in the range of f16.
TEST_F(MatrixTest, ScalesOfAnySize) {
  QuantScheme scheme = *schemeOf("int8/32");
  const std::vector<int64_t> shape = {40, 96};
  std::unique_ptr<DeviceExecutable> executable =
      compile(*device, RandomWeight(scheme, shape, 1), "16");
  ASSERT_TRUE(executable);
  for (float size : {1e-12f, 1e-6f, 1e6f, 1e12f}) {
    SCOPED_TRACE(size);
    RandomWeight weight(scheme, shape, 1);
    std::vector<uint8_t> &bytes = weight.sides.at(0).bytes;
    std::vector<float> scales(bytes.size() / sizeof(float));
    std::memcpy(scales.data(), bytes.data(), bytes.size());
    for (float &scale : scales)
      scale *= size;
    std::memcpy(bytes.data(), scales.data(), bytes.size());
    weight.bind(*executable, "main");
    expectClose(*executable, weight, 16, 1);
  }
}

/// `target` with another number behind `name`.
std::string withNumber(std::string target, const std::string &name,
                       int64_t number) {
  size_t first = target.find(name + " = ") + name.size() + 3;
  size_t end = target.find_first_not_of("0123456789", first);
  return target.replace(first, end - first, std::to_string(number));
}

// Where there is little memory, steps share one buffer; where buffers are
// small, weights are split by their rows.
TEST_F(MatrixTest, BiasOfPartsInLittleMemory) {
  constexpr int64_t m = 30, n = 200, k = 512;
  RandomWeight weight(*schemeOf("gguf_q8_0"), {n, k}, 5);
  DeviceTarget target = targetOf(vulkan, *device);
  target.attribute = withNumber(target.attribute, "workgroup_memory", 16384);
  target.attribute = withNumber(target.attribute, "buffer_bytes", 65536);
  const std::string xType = "tensor<30x512xf32>", yType = "tensor<30x200xf32>",
                    biasType = "tensor<200xf32>";
  std::unique_ptr<DeviceExecutable> executable = compiledFor(
      *device, target,
      "func.func @main(%x: " + xType + ", %bias: " + biasType + ") -> " +
          yType + " {\n" + weight.definitions("w") +
          "  %y = rlx.matmul %x, %w bias(%bias) {activations = f16} : (" +
          xType + ", " + weight.types().front() + ", " + biasType + ") -> " +
          yType + "\n  return %y : " + yType + "\n}\n");
  ASSERT_TRUE(executable);
  weight.bind(*executable, "w");
  Floats x = Floats::random({m, k}, 6), bias = Floats::random({n}, 7),
         y({m, n});
  runOn(*executable, "main", {x, bias}, {y});
  std::vector<double> values = weight.values();
  std::vector<double> expected =
      product(x.values, values, m, n, k, bias.values);
  double bound = f16Bound * cancellation(x.values, values, expected, k);
  EXPECT_TRUE(isClose(y, expected, bound, 5));
}

// Few rows and many of one program, by Vulkan's rules.
TEST_F(MatrixTest, AnyNumberOfRowsUnderValidation) {
  std::string late;
  DeviceOptions options;
  options.validate = true;
  options.onLateError = [&](const std::string &text) { late += text + "\n"; };
  auto opened = rlx::Device::open(DeviceApi::vulkan, 0, options);
  if (!opened)
    GTEST_SKIP() << opened.message();
  std::unique_ptr<rlx::Device> validated = opened.take();
  {
    RandomWeight weight(*schemeOf("gguf_q4k"), {100, 512}, 3);
    std::unique_ptr<DeviceExecutable> executable =
        compile(*validated, weight, "?");
    ASSERT_TRUE(executable);
    weight.bind(*executable, "main");
    for (int64_t m : {1, 8, 9, 64, 70})
      expectClose(*executable, weight, m, 3);
  }
  validated.reset();
  EXPECT_EQ(late, "");
}

} // namespace matrix_test
