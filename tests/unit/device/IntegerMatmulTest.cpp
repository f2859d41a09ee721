//===- IntegerMatmulTest.cpp - Activations of i8 on devices ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each scheme with activations of i8, on devices with and without an integer
// dot product. Activations that are integers, 127 being one of each K block of
// K, are quantized without an error: what is left is the kernels' own. Ordinary
// ones are held to the bound that users are told.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/packed/PackedLayout.h"
#include "tests/unit/device/DeviceSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace integer_matmul_test {

/// Sums of codes and sums of activations are rounded apart, so a little more is
/// lost where they cancel than in a sum of products.
constexpr double exactBound = 1e-5, roundedBound = 1.2e-2;

/// A device, and whether it is to be used as one with an integer dot product.
struct Variant {
  const char *name;
  TestDevice device;
  bool hasDot;
};
constexpr Variant variants[] = {
    {"vulkan", {"vulkan", DeviceApi::vulkan, true}, true},
    {"vulkan_without_dot", {"vulkan", DeviceApi::vulkan, true}, false},
    {"opencl", {"opencl", DeviceApi::opencl, false}, true},
    {"opencl_without_dot", {"opencl", DeviceApi::opencl, false}, false},
    {"opencl_spirv", {"opencl", DeviceApi::opencl, true}, true}};

using Parameters = std::tuple<Variant, std::string>;

/// The target of a variant; a reason where the device cannot be it.
DeviceTarget targetOf(const Variant &variant, DeviceInfo info,
                      std::string &reason) {
  // Sources in C do without the function where it is not there.
  if (variant.hasDot && !info.integerDot && variant.device.spirv)
    reason = info.name + " has no integer dot product";
  info.integerDot = variant.hasDot;
  info.vectorWidth = 1;
  return variant.device.spirv ? DeviceTarget::spirvOf(info)
                              : DeviceTarget::of(info);
}

class IntegerMatmulTest : public SchemeTest,
                          public testing::WithParamInterface<Parameters> {};

TEST_P(IntegerMatmulTest, MatchesTheReference) {
  auto [variant, name] = GetParam();
  std::string reason;
  rlx::Device *device = openDevice(variant.device, reason);
  if (!device)
    GTEST_SKIP() << reason;
  DeviceTarget target = targetOf(variant, device->info(), reason);
  if (!reason.empty())
    GTEST_SKIP() << reason;
  std::optional<QuantScheme> scheme = schemeOf(name);
  ASSERT_TRUE(scheme);
  std::vector<std::string> names = allSchemes();
  uint32_t number = uint32_t(llvm::find(names, name) - names.begin());
  // Together the schemes take all kinds of remainders.
  constexpr int64_t columns[] = {37, 70, 64, 5}, lengths[] = {300, 37, 520};
  int64_t n = columns[number % 4], block = scheme->block();
  int64_t k = std::max<int64_t>(1, lengths[number % 3] / block) * block;
  RandomWeight weight(*scheme, {n, k}, number);

  std::vector<std::string> remarks;
  CompileOptions options;
  options.onRemark = [&](llvm::StringRef remark) {
    remarks.push_back(remark.str());
  };
  std::unique_ptr<mlir::MLIRContext> own = createContext();
  auto module = parseText(*own, matmulFunction("main", weight, "i8"));
  ASSERT_TRUE(bool(module));
  auto compiled = DeviceExecutable::compile(**module, *device, target, options);
  ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  DeviceExecutable &executable = **compiled;
  // Blocks that are no multiple of this have scales that change more often,
  // unless a row shares them or there are none.
  constexpr int64_t shortestGroup = 16;
  bool isRare = block == 1 || block % shortestGroup == 0 ||
                scheme->fields().size() == 1 ||
                llvm::StringRef(name).ends_with("/channel");
  bool onBytes = variant.hasDot && isRare && !scheme->attr().getRounded() &&
                 IntegerCodes::of(scheme->attr().getCode(), reason).has_value();
  ASSERT_EQ(remarks.size(), 1u);
  std::string how = onBytes ? "are rounded to 'i8'" : "are computed in f32";
  EXPECT_CONTAINS(remarks[0], how);

  for (Content content :
       {Content::random, Content::largestCodes, Content::withNans}) {
    SCOPED_TRACE("content " + std::to_string(int(content)));
    RandomWeight filled(*scheme, weight.shape, number, content);
    filled.bind(executable, "main");
    std::vector<double> values = filled.values();
    for (int64_t m : {3, 64, 77}) {
      Floats y({m, n});
      auto check = [&](Floats x, double bound) {
        runOn(executable, "main", {x}, {y});
        std::vector<double> expected = product(x.values, values, m, n, k);
        bound *= cancellation(x.values, values, expected, k);
        EXPECT_TRUE(isClose(y, expected, bound, number)) << "M = " << m;
      };
      check(Floats({m, k}, integers(m, k, 127, number)), exactBound);
      check(Floats::random({m, k}, number + uint32_t(m)), roundedBound);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, IntegerMatmulTest,
                         testing::Combine(testing::ValuesIn(variants),
                                          testing::ValuesIn(allSchemes())),
                         variantTestName<Variant>);

// A weight that is larger than a buffer, a bias, and rows that are known.
TEST_F(SchemeTest, PartsOfBytes) {
  constexpr int64_t m = 70, n = 300, k = 512;
  RandomWeight weight(*builtin("gguf_q4k"), {n, k}, 5);
  std::string text =
      "func.func @main(%x: tensor<70x512xf32>, %b: tensor<300xf32>) -> "
      "tensor<70x300xf32> {\n" +
      weight.definitions("main") +
      "  %y = rlx.matmul %x, %main bias(%b) {activations = i8} : "
      "(tensor<70x512xf32>, " +
      weight.types()[0] +
      ", tensor<300xf32>) -> tensor<70x300xf32>\n"
      "  return %y : tensor<70x300xf32>\n}\n";
  bool isTested = false;
  for (const Variant &variant : variants) {
    SCOPED_TRACE(variant.name);
    std::string reason;
    rlx::Device *device = openDevice(variant.device, reason);
    if (!device)
      continue;
    DeviceInfo info = device->info();
    info.bufferBytes = 1 << 16;
    DeviceTarget target = targetOf(variant, info, reason);
    if (!reason.empty())
      continue;
    isTested = true;
    std::unique_ptr<DeviceExecutable> executable =
        compiledFor(*device, target, text);
    ASSERT_TRUE(executable);
    weight.bind(*executable, "main");
    Floats x({m, k}, integers(m, k, 127, 4)), bias = Floats::random({n}, 3),
                                              y({m, n});
    runOn(*executable, "main", {x, bias}, {y});
    EXPECT_TRUE(
        isClose(y, product(x.values, weight.values(), m, n, k, bias.values),
                exactBound, 4));
  }
  if (!isTested)
    GTEST_SKIP() << "there is no device";
}

} // namespace integer_matmul_test
