//===- EpilogueTest.cpp - Elementwise operations after a matmul -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is fused into a matmul gives what the operations give when they are
// applied to the matmul's own result.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/TestSupport.h"

#include <cmath>
#include <regex>

using namespace rlx;
using namespace rlx::test;

namespace epilogue_test {

class EpilogueTest : public SchemeTest,
                     public testing::WithParamInterface<const char *> {};

INSTANTIATE_TEST_SUITE_P(Activations, EpilogueTest,
                         testing::Values("f32", "bf16", "f16", "i24", "i16",
                                         "i8"));

std::string matmul(const RandomWeight &weight, const std::string &activations) {
  std::string n = std::to_string(weight.shape[0]),
              k = std::to_string(weight.shape[1]);
  std::string types = "tensor<?x" + k + "xf32>";
  for (const std::string &type : weight.types())
    types += ", " + type;
  return weight.definitions("w") + "  %y = rlx.matmul %x, %w" +
         weight.operands("w") + " {activations = " + activations + "} : (" +
         types + ") -> tensor<?x" + n + "xf32>\n";
}

/// tanh(y * s[m] + c[n] * b[0, n]) - z, z being what the result is written
/// over.
const char *const epilogue = R"(
  %r = linalg.generic {indexing_maps = [
      affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (n)>,
      affine_map<(m, n) -> (0, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%y, %s, %c, %b : tensor<?x$Nxf32>, tensor<?xf32>, tensor<$Nxf16>, tensor<1x$Nxf32>) outs(%z : tensor<?x$Nxf32>) {
    ^bb0(%v: f32, %factor: f32, %half: f16, %t: f32, %old: f32):
      %wide = arith.extf %half : f16 to f32
      %scaled = arith.mulf %v, %factor : f32
      %product = arith.mulf %wide, %t : f32
      %sum = arith.addf %scaled, %product : f32
      %bent = math.tanh %sum : f32
      %out = arith.subf %bent, %old : f32
      linalg.yield %out : f32
  } -> tensor<?x$Nxf32>
  return %r : tensor<?x$Nxf32>
)";

TEST_P(EpilogueTest, IsTheOperationsOnTheResult) {
  for (std::string name : {"gguf_q4k", "nvfp4/16", "fp8e4m3/channel"}) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    constexpr int64_t n = 37, k = 512;
    RandomWeight weight(*scheme, {n, k}, 5);
    std::string multiply = matmul(weight, GetParam());
    std::string text =
        "func.func @plain(%x: tensor<?x$Kxf32>) -> tensor<?x$Nxf32> {\n" +
        multiply +
        "  return %y : tensor<?x$Nxf32>\n}\n"
        "func.func @fused(%x: tensor<?x$Kxf32>, %s: tensor<?xf32>, "
        "%c: tensor<$Nxf16>, %b: tensor<1x$Nxf32>, %z: tensor<?x$Nxf32>) -> "
        "tensor<?x$Nxf32> {\n" +
        multiply + epilogue + "}\n";
    text = std::regex_replace(text, std::regex("\\$N"), std::to_string(n));
    text = std::regex_replace(text, std::regex("\\$K"), std::to_string(k));
    std::unique_ptr<Executable> executable = compiled(text);
    ASSERT_TRUE(executable);
    weight.bind(*executable, "w");
    for (int64_t m : {1, 2, 37, 300}) {
      SCOPED_TRACE(m);
      Floats x = Floats::random({m, k}, 6), s = Floats::random({m}, 7),
             b = Floats::random({1, n}, 8), z = Floats::random({m, n}, 9),
             plain({m, n}), fused({m, n});
      for (float &factor : s.values)
        factor *= 1e-3f;
      // Halves from 1.0 on.
      Buffer<uint16_t> c(ElementType::f16, {n});
      for (int64_t i = 0; i < n; ++i)
        c.values[i] = uint16_t(0x3c00 + 16 * i);
      EXPECT_SUCCESS(executable->run("plain", {x}, {plain}));
      EXPECT_SUCCESS(executable->run("fused", {x, s, c, b, z}, {fused}));
      std::vector<double> expected;
      for (int64_t i = 0; i < m * n; ++i) {
        double half = 1 + double(i % n) * 16 / 1024;
        float sum =
            plain.values[i] * s.values[i / n] + float(half) * b.values[i % n];
        expected.push_back(std::tanh(double(sum)) - z.values[i]);
      }
      EXPECT_TRUE(isClose(fused, expected, 1e-6, 6));
    }
  }
}

// The rows of a result that ids name have two indices.
TEST_P(EpilogueTest, IsTheOperationsOnGatheredRows) {
  constexpr int64_t experts = 3, tokens = 6, slots = 2, n = 37, k = 512;
  RandomWeight weight(*builtin("gguf_q4k"), {experts, n, k}, 5);
  std::string type = weight.types()[0],
              gather = "  %y = rlx.gather_matmul %x, %w, %ids {activations = " +
                       std::string(GetParam()) + "} : (tensor<6x512xf32>, " +
                       type + ", tensor<6x2xi32>) -> tensor<6x2x37xf32>\n";
  std::string head = "(%x: tensor<6x512xf32>, " + weight.arguments("w") +
                     ", %ids: tensor<6x2xi32>";
  std::unique_ptr<Executable> executable = compiled(
      "func.func @plain" + head + ") -> tensor<6x2x37xf32> {\n" + gather +
      "  return %y : tensor<6x2x37xf32>\n}\nfunc.func @fused" + head +
      ", %z: tensor<6x2x37xf32>, %c: tensor<37xf32>) -> tensor<6x2x37xf32> "
      "{\n" +
      gather + R"(  %r = linalg.generic {indexing_maps = [
      affine_map<(t, s, n) -> (t, s, n)>, affine_map<(t, s, n) -> (n)>, affine_map<(t, s, n) -> (t, s, n)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y, %c : tensor<6x2x37xf32>, tensor<37xf32>) outs(%z : tensor<6x2x37xf32>) {
    ^bb0(%v: f32, %d: f32, %old: f32):
      %product = arith.mulf %v, %d : f32
      %out = arith.subf %product, %old : f32
      linalg.yield %out : f32
  } -> tensor<6x2x37xf32>
  return %r : tensor<6x2x37xf32>
})");
  ASSERT_TRUE(executable);
  Floats x = Floats::random({tokens, k}, 6), c = Floats::random({n}, 8),
         z = Floats::random({tokens, slots, n}, 9), plain({tokens, slots, n}),
         fused({tokens, slots, n});
  Ids ids({tokens, slots}, {0, 1, 2, 2, 1, 0, 1, 1, 1, 2, 0, 1});
  TensorView w = weight.views()[0];
  EXPECT_SUCCESS(executable->run("plain", {x, w, ids}, {plain}));
  EXPECT_SUCCESS(executable->run("fused", {x, w, ids, z, c}, {fused}));
  std::vector<double> expected;
  for (size_t i = 0; i < plain.values.size(); ++i)
    expected.push_back(double(plain.values[i]) * c.values[i % n] - z.values[i]);
  EXPECT_TRUE(isClose(fused, expected, 1e-6, 6));
}

// Functions are polynomials, over all of f32.
TEST(ApproximateMath, WithinUnitsInTheLastPlace) {
  struct Function {
    const char *name;
    double (*exact)(double);
  };
  std::vector<float> values = {0.0f,      -0.0f,    1e-40f,    1e-30f, -1e-30f,
                               88.7f,     -87.3f,   -100.0f,   100.0f, 1e30f,
                               -1e30f,    INFINITY, -INFINITY, NAN,    0.5f,
                               0x1p-126f, 3.4e38f,  -104.0f,   9.1f,   -9.1f};
  for (int i = -4000; i <= 4000; ++i)
    values.push_back(float(i) * 0.02173f);
  int64_t size = int64_t(values.size());
  for (Function function :
       {Function{"exp", [](double v) { return std::exp(v); }},
        Function{"tanh", [](double v) { return std::tanh(v); }},
        Function{"erf", [](double v) { return std::erf(v); }}}) {
    SCOPED_TRACE(function.name);
    std::unique_ptr<Executable> executable = compiled(
        "func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {\n  %y = math." +
        std::string(function.name) +
        " %x : tensor<?xf32>\n  return %y : tensor<?xf32>\n}");
    ASSERT_TRUE(executable);
    Floats x({size}, values), y({size});
    EXPECT_SUCCESS(executable->run("main", {x}, {y}));
    for (int64_t i = 0; i < size; ++i) {
      double exact = function.exact(double(values[i]));
      if (std::isnan(exact)) {
        EXPECT_TRUE(std::isnan(y.values[i])) << values[i];
        continue;
      }
      float rounded = float(exact);
      if (std::isinf(rounded)) {
        EXPECT_EQ(y.values[i], rounded) << values[i];
        continue;
      }
      double error = std::abs(double(y.values[i]) - exact);
      EXPECT_LE(error, 1e-6 * std::abs(exact) + 0x1p-126) << values[i];
    }
  }
}

} // namespace epilogue_test
