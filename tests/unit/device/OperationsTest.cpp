//===- OperationsTest.cpp - The other operations on devices ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/Graph.h"
#include "tests/unit/device/DeviceSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace operations_test {

class DeviceOperationsTest : public SchemeTest,
                             public testing::WithParamInterface<TestDevice> {
protected:
  void SetUp() override {
    std::string reason;
    device = openDevice(GetParam(), reason);
    if (!device)
      GTEST_SKIP() << reason;
  }
  std::unique_ptr<DeviceExecutable> compile(const std::string &text) {
    return compiledFor(*device, targetOf(GetParam(), *device), text);
  }
  rlx::Device *device = nullptr;
};

TEST_P(DeviceOperationsTest, FeedForward) {
  std::unique_ptr<DeviceExecutable> executable = compile(feedForward);
  ASSERT_TRUE(executable);
  FeedForward layer(&context, *executable);
  for (int64_t m : {1, 5, 20}) {
    Floats x = Floats::random({m, FeedForward::width}, 7 + uint32_t(m)),
           y(x.shape);
    runOn(*executable, "main", {x}, {y});
    EXPECT_TRUE(isClose(y, layer.expected(x), 2e-6, 7)) << "M = " << m;
  }
}

// Compiled kernels, too, keep to Vulkan's rules, and nothing is left behind.
TEST_P(DeviceOperationsTest, CleanUnderValidation) {
  if (GetParam().api != DeviceApi::vulkan)
    GTEST_SKIP() << "validation is Vulkan's";
  std::string late;
  DeviceOptions options;
  options.validate = true;
  options.onLateError = [&](const std::string &text) { late += text + "\n"; };
  auto opened =
      rlx::Device::open(GetParam().api, deviceNumber(GetParam().api), options);
  if (!opened)
    GTEST_SKIP() << opened.message();
  std::unique_ptr<rlx::Device> validated = opened.take();
  {
    std::unique_ptr<DeviceExecutable> executable =
        compiledFor(*validated, targetOf(GetParam(), *validated), feedForward);
    ASSERT_TRUE(executable);
    FeedForward layer(&context, *executable);
    for (int64_t m : {1, 12}) {
      Floats x = Floats::random({m, FeedForward::width}, 7), y(x.shape);
      runOn(*executable, "main", {x}, {y});
      EXPECT_TRUE(isClose(y, layer.expected(x), 2e-6, 7)) << "M = " << m;
    }
  }
  validated.reset();
  EXPECT_EQ(late, "");
}

TEST_P(DeviceOperationsTest, Dequantize) {
  // A device may take subnormal f32 for zero, and a scale with them. What is
  // subnormal only as a shorter float may not be lost.
  bool subnormals = device->info().denormals;
  for (const char *name : {"gguf_q6k", "gguf_iq4_nl", "nvfp4/16", "gguf_q4k",
                           "int4a/32", "f16", "affine3/64", "mxfp4/32"}) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    RandomWeight weight(*scheme, {5, 3 * scheme->block()}, 3);
    std::unique_ptr<DeviceExecutable> executable =
        compile(valuesFunction(weight));
    ASSERT_TRUE(executable);
    for (Content content : {Content::random, Content::zeroBytes,
                            Content::largestCodes, Content::withNans}) {
      RandomWeight filled(*scheme, weight.shape, 4, content, subnormals);
      filled.bind(*executable, "values");
      Floats y(weight.shape);
      runOn(*executable, "values", {}, {y});
      EXPECT_TRUE(isClose(y, filled.values(), 2e-7, 4))
          << "content " << int(content);
    }
  }
}

TEST_P(DeviceOperationsTest, Embedding) {
  std::unique_ptr<DeviceExecutable> executable = compile(R"(
func.func @main(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %w = rlx.weight "w" : tensor<9x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.embedding %w, %ids : (tensor<9x64xf32, #rlx.quant<gguf_q8_0>>, tensor<?xi32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
})");
  ASSERT_TRUE(executable);
  RandomWeight weight(*builtin("gguf_q8_0"), {9, 64}, 5);
  weight.bind(*executable, "w");
  std::vector<double> values = weight.values(), expected;
  Ids ids({4}, {8, 0, 3, 3});
  for (int32_t id : ids.values)
    expected.insert(expected.end(), values.begin() + id * 64,
                    values.begin() + (id + 1) * 64);
  Floats y({4, 64});
  runOn(*executable, "main", {ids}, {y});
  EXPECT_TRUE(isClose(y, expected, 2e-7, 5));
  Ids wrong({4}, {1, 2, 3, 9});
  for (int32_t id : {9, -1}) {
    wrong.values[2] = id;
    std::string message =
        messageOf(executable->run("main", {wrong}, std::vector<TensorView>{y}));
    EXPECT_CONTAINS(message, "id of 'rlx.embedding'");
    EXPECT_CONTAINS(message, std::to_string(id));
  }
}

TEST_P(DeviceOperationsTest, GatherMatmul) {
  std::unique_ptr<DeviceExecutable> executable = compile(R"(
func.func @main(%x: tensor<?x256xf32>, %ids: tensor<?x2xi32>) -> tensor<?x2x20xf32> {
  %w = rlx.weight "w" : tensor<4x20x256xf32, #rlx.quant<gguf_q4k>>
  %b = rlx.weight "b" : tensor<4x20xf32>
  %y = rlx.gather_matmul %x, %w, %ids bias(%b)
    : (tensor<?x256xf32>, tensor<4x20x256xf32, #rlx.quant<gguf_q4k>>, tensor<?x2xi32>, tensor<4x20xf32>) -> tensor<?x2x20xf32>
  return %y : tensor<?x2x20xf32>
})");
  ASSERT_TRUE(executable);
  constexpr int64_t n = 20, k = 256, tokens = 3;
  RandomWeight weight(*builtin("gguf_q4k"), {4, n, k}, 6);
  weight.bind(*executable, "w");
  Floats bias = Floats::random({4, n}, 8), x = Floats::random({tokens, k}, 9);
  EXPECT_SUCCESS(executable->bindWeight("b", bias));
  Ids ids({tokens, 2}, {0, 3, 2, 2, 1, 0});
  std::vector<double> values = weight.values(), expected;
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t s = 0; s < 2; ++s) {
      int64_t e = ids.values[t * 2 + s];
      std::vector<double> row =
          product(llvm::ArrayRef(x.values).slice(t * k, k),
                  llvm::ArrayRef(values).slice(e * n * k, n * k), 1, n, k,
                  llvm::ArrayRef(bias.values).slice(e * n, n));
      expected.insert(expected.end(), row.begin(), row.end());
    }
  Floats y({tokens, 2, n});
  runOn(*executable, "main", {x, ids}, {y});
  EXPECT_TRUE(isClose(y, expected, 2e-6, 6));
  ids.values[3] = 4;
  EXPECT_CONTAINS(
      messageOf(executable->run("main", {x, ids}, std::vector<TensorView>{y})),
      "expert id");
}

// Weights of one shape and scheme each keep a buffer of their own.
TEST_P(DeviceOperationsTest, EqualShapes) {
  std::unique_ptr<DeviceExecutable> executable = compile(R"(
func.func @main(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %v = rlx.weight "v" : tensor<64x64xf32, #rlx.quant<gguf_q8_0>>
  %w = rlx.weight "w" : tensor<64x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %v : (tensor<?x64xf32>, tensor<64x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<?x64xf32>
  %z = rlx.matmul %y, %w : (tensor<?x64xf32>, tensor<64x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<?x64xf32>
  return %z : tensor<?x64xf32>
})");
  ASSERT_TRUE(executable);
  RandomWeight v(*builtin("gguf_q8_0"), {64, 64}, 1),
      w(*builtin("gguf_q8_0"), {64, 64}, 2);
  v.bind(*executable, "v");
  w.bind(*executable, "w");
  Floats x = Floats::random({2, 64}, 3), y({2, 64});
  std::vector<double> inner = product(x.values, v.values(), 2, 64, 64);
  std::vector<float> rounded(inner.begin(), inner.end());
  for (int run = 0; run < 2; ++run) {
    runOn(*executable, "main", {x}, {y});
    EXPECT_TRUE(isClose(y, product(rounded, w.values(), 2, 64, 64), 2e-6, 1));
  }
}

// Weights that are larger than a buffer may be: by rows, and by experts.
TEST_P(DeviceOperationsTest, SplitWeights) {
  DeviceTarget target = targetOf(GetParam(), *device);
  size_t at = target.attribute.find("buffer_bytes = ");
  ASSERT_NE(at, std::string::npos);
  target.attribute = target.attribute.substr(0, at) + "buffer_bytes = 65536>";
  std::unique_ptr<DeviceExecutable> executable =
      compiledFor(*device, target, R"(
func.func @main(%x: tensor<?x512xf32>, %ids: tensor<?x1xi32>) -> (tensor<?x300xf32>, tensor<?x1x90xf32>, tensor<?x1x512xf32>) {
  %w = rlx.weight "w" : tensor<300x512xf32, #rlx.quant<int8/32>>
  %s = rlx.weight "w.scales" : tensor<300x16xf32>
  %b = rlx.weight "b" : tensor<300xf32>
  %e = rlx.weight "e" : tensor<3x90x512xf32, #rlx.quant<gguf_q8_0>>
  %t = rlx.weight "t" : tensor<150x512xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %w scales(%s) bias(%b)
    : (tensor<?x512xf32>, tensor<300x512xf32, #rlx.quant<int8/32>>, tensor<300x16xf32>, tensor<300xf32>) -> tensor<?x300xf32>
  %z = rlx.gather_matmul %x, %e, %ids
    : (tensor<?x512xf32>, tensor<3x90x512xf32, #rlx.quant<gguf_q8_0>>, tensor<?x1xi32>) -> tensor<?x1x90xf32>
  %r = rlx.embedding %t, %ids : (tensor<150x512xf32, #rlx.quant<gguf_q8_0>>, tensor<?x1xi32>) -> tensor<?x1x512xf32>
  return %y, %z, %r : tensor<?x300xf32>, tensor<?x1x90xf32>, tensor<?x1x512xf32>
})");
  ASSERT_TRUE(executable);
  constexpr int64_t k = 512, m = 3;
  RandomWeight w(*builtin("int8/32"), {300, k}, 1),
      e(*builtin("gguf_q8_0"), {3, 90, k}, 2),
      t(*builtin("gguf_q8_0"), {150, k}, 3);
  w.bind(*executable, "w");
  e.bind(*executable, "e");
  t.bind(*executable, "t");
  Floats bias = Floats::random({300}, 4);
  EXPECT_SUCCESS(executable->bindWeight("b", bias));
  std::vector<double> wValues = w.values(), eValues = e.values(),
                      tValues = t.values();
  Ids ids({m, 1}, {2, 0, 1});
  Floats x = Floats::random({m, k}, 5), y({m, 300}), z({m, 1, 90}),
         r({m, 1, k});
  runOn(*executable, "main", {x, ids}, {y, z, r});
  EXPECT_TRUE(
      isClose(y, product(x.values, wValues, m, 300, k, bias.values), 2e-6, 1));
  std::vector<double> gathered, rows;
  for (int64_t i = 0; i < m; ++i) {
    int64_t id = ids.values[i];
    std::vector<double> row =
        product(llvm::ArrayRef(x.values).slice(i * k, k),
                llvm::ArrayRef(eValues).slice(id * 90 * k, 90 * k), 1, 90, k);
    gathered.insert(gathered.end(), row.begin(), row.end());
    rows.insert(rows.end(), tValues.begin() + id * k,
                tValues.begin() + (id + 1) * k);
  }
  EXPECT_TRUE(isClose(z, gathered, 2e-6, 2));
  EXPECT_TRUE(isClose(r, rows, 2e-7, 3));
}

// Element types that the device may not be able to address or to compute with.
TEST_P(DeviceOperationsTest, ShortFloats) {
  std::unique_ptr<DeviceExecutable> executable = compile(R"(
#id = affine_map<(i) -> (i)>
func.func @main(%x: tensor<7xf16>) -> (tensor<7xf16>, tensor<7xf32>) {
  %e = tensor.empty() : tensor<7xf16>
  %f = tensor.empty() : tensor<7xf32>
  %y:2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<7xf16>) outs(%e, %f : tensor<7xf16>, tensor<7xf32>) {
    ^bb0(%v: f16, %o: f16, %p: f32):
      %s = arith.addf %v, %v : f16
      %w = arith.extf %v : f16 to f32
      linalg.yield %s, %w : f16, f32
  } -> (tensor<7xf16>, tensor<7xf32>)
  return %y#0, %y#1 : tensor<7xf16>, tensor<7xf32>
})");
  ASSERT_TRUE(executable);
  // 1, -2, the smallest subnormal, the largest one, 65504, infinity, -0
  test::Buffer<uint16_t> x(
      ElementType::f16, {7},
      {0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x7c00, 0x8000});
  test::Buffer<uint16_t> y(ElementType::f16, {7});
  Floats wide({7});
  runOn(*executable, "main", {x}, {y, wide});
  EXPECT_EQ(y.values, (std::vector<uint16_t>{0x4000, 0xc400, 0x0002, 0x07fe,
                                             0x7c00, 0x7c00, 0x8000}));
  EXPECT_EQ(wide.values, (std::vector<float>{1, -2, 0x1p-24f, 1023 * 0x1p-24f,
                                             65504, INFINITY, -0.0f}));
}

INSTANTIATE_TEST_SUITE_P(Devices, DeviceOperationsTest,
                         testing::ValuesIn(testDevices), [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace operations_test
