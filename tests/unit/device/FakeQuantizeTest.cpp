//===- FakeQuantizeTest.cpp - Round trips on devices ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bit for bit what the quantizer and the decoder give, also on a device that
// lacks all that may be missing.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/Quantizer.h"
#include "ir/Reference.h"
#include "tests/unit/device/DeviceSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace {

/// Rows of ordinary numbers, zeros of both signs, halves and equal extremes,
/// numbers beyond f16, one value, and numbers of one sign. None is subnormal,
/// which devices may take for zero.
std::vector<float> numbers(int64_t rows, int64_t k) {
  std::vector<float> x = Random(17).floats(size_t(rows * k));
  for (int64_t i = 0; i < k; ++i) {
    x[k + i] = i % 3 ? 0.0f : -0.0f;
    x[2 * k + i] = i % 32 == 5   ? -127
                   : i % 32 == 9 ? 127
                                 : float(i % 15) - 7.5f;
    x[3 * k + i] *= 1e30f;
    x[4 * k + i] = -1.375f;
    x[5 * k + i] = 3 + std::fabs(x[5 * k + i]);
    x[6 * k + i] *= 1e-6f;
    x[7 * k + i] = 0.25f * float(i % 49 - 24);
  }
  return x;
}

struct FakeQuantizeTest
    : SchemeTest,
      testing::WithParamInterface<std::tuple<TestDevice, std::string>> {};

TEST_P(FakeQuantizeTest, IsWhatTheQuantizerGives) {
  const auto &[wanted, name] = GetParam();
  std::string reason;
  rlx::Device *device = openDevice(wanted, reason);
  if (!device)
    GTEST_SKIP() << reason;
  std::optional<QuantScheme> scheme = builtin(name);
  ASSERT_TRUE(scheme);
  constexpr int64_t rows = 10, k = 512;
  std::vector<float> x = numbers(rows, k), expected(x.size());
  // By the quantizer and the decoder, which take side tensors.
  auto quantizer = Quantizer::create(*scheme, {rows, k});
  ASSERT_TRUE(bool(quantizer));
  std::vector<uint8_t> blocks(scheme->storageBytes({rows, k})),
      scales(quantizer->sideBytes("scales")),
      zeroPoints(quantizer->sideBytes("zero_points"));
  EXPECT_SUCCESS(
      quantizer->quantizeRows(x, 0, rows, {blocks, scales, zeroPoints, {}}));
  auto decoder = ReferenceDecoder::create(*scheme, {rows, k},
                                          {blocks, scales, zeroPoints, {}});
  ASSERT_TRUE(bool(decoder));
  for (int64_t i = 0; i < rows * k; ++i)
    expected[i] = float(decoder->value(i / k, i % k));
  std::string program =
      "func.func @main(%x: tensor<?x512xf32>) -> tensor<?x512xf32> {\n  %y = "
      "rlx.fake_quantize %x {scheme = #rlx.quant<" +
      name + ">} : tensor<?x512xf32>\n  return %y : tensor<?x512xf32>\n}";
  DeviceTarget all = targetOf(wanted, *device);
  for (const DeviceTarget &target : {all, withFewest(all)}) {
    std::unique_ptr<DeviceExecutable> executable =
        compiledFor(*device, target, program);
    ASSERT_TRUE(executable);
    Floats input({rows, k}, x), output({rows, k});
    runOn(*executable, "main", {input}, {output});
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_TRUE(sameNumber(output.values[i], expected[i]))
          << x[i] << " at " << i << " became " << output.values[i]
          << ", expected " << expected[i];
  }
}

INSTANTIATE_TEST_SUITE_P(
    Devices, FakeQuantizeTest,
    testing::Combine(testing::ValuesIn(testDevices),
                     testing::Values("gguf_q4_0", "gguf_q5_1", "gguf_q8_0",
                                     "gguf_q8k", "gguf_mxfp4", "int8/32",
                                     "int8a/64", "int8/channel", "biased4/32",
                                     "affine2/32", "affine4/64", "affine8/64",
                                     "biased8/channel", "uintf4/64", "nf4/64",
                                     "fp8e4m3/channel", "fp8e5m2/channel")),
    variantTestName<TestDevice>);

} // namespace
