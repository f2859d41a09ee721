//===- IntegerKernelsTest.cpp - Matmuls with narrow activations -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Activations that are integers, the largest of each K block being the
// largest code, are quantized without an error. What is left is the kernels'
// own, so that they are held to nearly the bound of f32. Errors of ordinary
// activations are held to the bounds that users are told.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/MatmulPrograms.h"
#include "tests/unit/codegen/UserSchemes.h"

#include <numeric>

using namespace rlx;
using namespace rlx::test;

namespace integer_kernels_test {

/// Sums of codes and sums of activations are rounded apart, so a little more is
/// lost where they cancel than in a sum of products.
constexpr double kernelBound = 1e-5;
/// Sums of products with i8 that are floats lose more, though less than users
/// are told of.
constexpr double magicNumbersBound = 1e-3;
const char *const exactSums = "magic_numbers=false";
/// Weights are rounded to bf16 where the machine multiplies pairs of them; of
/// few outputs with large products, more is lost than users are told below.
constexpr double bf16Bound = 8e-3;

std::string function(const std::string &name, const RandomWeight &weight,
                     const std::string &activations) {
  std::string n = std::to_string(weight.shape[0]),
              k = std::to_string(weight.shape[1]);
  std::string x = "tensor<?x" + k + "xf32>", y = "tensor<?x" + n + "xf32>",
              types = x;
  for (const std::string &type : weight.types())
    types += ", " + type;
  types += ", tensor<" + n + "xf32>";
  return "func.func @" + name + "(%x: " + x + ", %b: tensor<" + n +
         "xf32>) -> " + y + " {\n" + weight.definitions(name) +
         "  %y = rlx.matmul %x, %" + name + weight.operands(name) +
         " bias(%b) {activations = " + activations + "} : (" + types + ") -> " +
         y + "\n  return %y : " + y + "\n}\n";
}

class IntegerKernelsTest : public SchemeTest,
                           public testing::WithParamInterface<std::string> {};

TEST_P(IntegerKernelsTest, MatchesTheReference) {
  std::optional<QuantScheme> scheme = schemeOf(GetParam());
  ASSERT_TRUE(scheme);
  // Long enough for whole K blocks of 256, a remainder, a single K step, K
  // blocks that are no power of two;
  // tiles in groups, the last of which has fewer, and a part of one.
  int64_t unit = std::lcm<int64_t>(scheme->block(), 32);
  std::vector<std::vector<int64_t>> shapes = {
      {33, std::lcm<int64_t>(unit, 256)},
      {580, 5 * unit},
      {16, unit},
      {1, 3 * scheme->block()},
      {20, 3 * std::lcm<int64_t>(unit, 192)}};
  // i16 and i24 differ from i8 in their sums, bf16 takes the way of f32: fewer
  // shapes do.
  const std::vector<std::vector<int64_t>> all = shapes;
  for (std::string activations : {"i8", "i16", "i24", "bf16"}) {
    SCOPED_TRACE(activations);
    if (activations != "i8")
      shapes = {all[activations == "bf16" ? 1 : 0]};
    int64_t largest = largestCode(activations);
    std::string text;
    std::vector<RandomWeight> weights;
    for (size_t i = 0; i < shapes.size(); ++i) {
      weights.emplace_back(*scheme, shapes[i], 7 + i);
      text += function("f" + std::to_string(i), weights[i], activations);
    }
    CompileOptions options;
    options.choices = exactSums;
    std::unique_ptr<Executable> executable = compiled(text, options);
    ASSERT_TRUE(executable);
    for (size_t i = 0; i < shapes.size(); ++i) {
      int64_t n = shapes[i][0], k = shapes[i][1];
      SCOPED_TRACE("N = " + std::to_string(n) + ", K = " + std::to_string(k));
      std::string name = "f" + std::to_string(i);
      for (Content content :
           {Content::random, Content::largestCodes, Content::withNans}) {
        RandomWeight weight(*scheme, shapes[i], 50 + i, content);
        weight.bind(*executable, name);
        std::vector<double> values = weight.values();
        Floats bias = Floats::random({n}, 3);
        for (int64_t m : {1, 2, 3, 5, 13, 29}) {
          Floats x({m, k}, integers(m, k, largest, uint32_t(m))), y({m, n});
          EXPECT_SUCCESS(executable->run(name, {x, bias}, {y}));
          EXPECT_TRUE(isClose(
              y, product(x.values, values, m, n, k, bias.values),
              activations == "bf16" ? bf16Bound : kernelBound, uint32_t(m)))
              << "M = " << m << ", content " << int(content);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, IntegerKernelsTest,
                         testing::ValuesIn(allSchemes()), testName);
INSTANTIATE_TEST_SUITE_P(Described, IntegerKernelsTest,
                         testing::Values(std::string(wideScales),
                                         std::string(sevenBits),
                                         std::string(oneBit)),
                         testName);

// Weights that a caller passes, experts that ids name, and rows of zeros.
TEST_F(SchemeTest, IntegerOperands) {
  constexpr int64_t n = 24, k = 512, m = 3;
  std::optional<QuantScheme> scheme = builtin("gguf_q4k");
  RandomWeight weight(*scheme, {n, k}, 5);
  std::string text =
      "func.func @main(%x: tensor<3x512xf32>, " + weight.arguments("w") +
      ") -> tensor<3x24xf32> {\n  %y = rlx.matmul %x, %w {activations = i8} : "
      "(tensor<3x512xf32>, " +
      weight.types()[0] +
      ") -> tensor<3x24xf32>\n  return %y : tensor<3x24xf32>\n}";
  CompileOptions options;
  options.choices = exactSums;
  std::unique_ptr<Executable> executable = compiled(text, options);
  ASSERT_TRUE(executable);
  Floats x({m, k}, integers(m, k, 127, 4)), y({m, n});
  std::fill_n(x.values.begin(), k, 0.0f);
  EXPECT_SUCCESS(executable->run("main", {x, weight.views()[0]}, {y}));
  EXPECT_TRUE(
      isClose(y, product(x.values, weight.values(), m, n, k), kernelBound, 4));
}

TEST_F(SchemeTest, IntegerExperts) {
  std::optional<QuantScheme> scheme = builtin("gguf_q6k");
  constexpr int64_t experts = 4, n = 20, k = 256, tokens = 3, slots = 2;
  RandomWeight weight(*scheme, {experts, n, k}, 5);
  std::string text =
      "func.func @main(%x: tensor<3x256xf32>, %ids: tensor<3x2xi32>) -> "
      "tensor<3x2x20xf32> {\n" +
      weight.definitions("w") +
      "  %y = rlx.gather_matmul %x, %w, %ids {activations = i16} : "
      "(tensor<3x256xf32>, " +
      weight.types()[0] +
      ", tensor<3x2xi32>) -> tensor<3x2x20xf32>\n  return %y : "
      "tensor<3x2x20xf32>\n}";
  std::unique_ptr<Executable> executable = compiled(text);
  ASSERT_TRUE(executable);
  weight.bind(*executable, "w");
  Floats x({tokens, k}, integers(tokens, k, 127 * 256, 4)),
      y({tokens, slots, n});
  Ids ids({tokens, slots}, {3, 0, 1, 1, 2, 3});
  EXPECT_SUCCESS(executable->run("main", {x, ids}, {y}));
  std::vector<double> values = weight.values(), expected;
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t s = 0; s < slots; ++s) {
      llvm::ArrayRef<float> row(x.values.data() + t * k, k);
      llvm::ArrayRef<double> expert(
          values.data() + ids.values[t * slots + s] * n * k, n * k);
      std::vector<double> y1 = product(row, expert, 1, n, k);
      expected.insert(expected.end(), y1.begin(), y1.end());
    }
  EXPECT_TRUE(isClose(y, expected, kernelBound, 4));
  ids.values[3] = 9;
  EXPECT_CONTAINS(messageOf(executable->run("main", {x, ids}, {y})),
                  "out of range");
}

// Some experts have so many rows that these share decoded weights, one has a
// single row, one has none. Rows are those of tokens, or of tokens and slots.
TEST_F(SchemeTest, ManyRowsOfExperts) {
  constexpr int64_t experts = 5, n = 580, k = 512, tokens = 40, slots = 2;
  Ids ids({tokens, slots}, std::vector<int32_t>(tokens * slots, 2));
  for (int64_t i = 0; i < 20; ++i)
    ids.values[3 * i + 1] = i % 2 ? 4 : 0;
  ids.values[37] = 1;
  for (const char *name : {"gguf_q4k", "nf4/64"})
    for (bool sharedRows : {true, false})
      for (std::string activations :
           {sharedRows ? "i8" : "i16", sharedRows ? "f32" : "bf16"}) {
        SCOPED_TRACE(std::string(name) + ", " + activations);
        RandomWeight weight(*builtin(name), {experts, n, k}, 5);
        std::string x = sharedRows ? "tensor<?x512xf32>"
                                   : "tensor<?x2x512xf32>",
                    types = x;
        for (auto [index, type] : llvm::enumerate(weight.types()))
          types += ", " + type + (index ? "" : ", tensor<?x2xi32>");
        types += ", tensor<5x580xf32>";
        std::string text =
            "func.func @main(%x: " + x +
            ", %ids: tensor<?x2xi32>, %b: tensor<5x580xf32>) -> "
            "tensor<?x2x580xf32> {\n" +
            weight.definitions("w") + "  %y = rlx.gather_matmul %x, %w, %ids" +
            weight.operands("w") + " bias(%b) {activations = " + activations +
            "} : (" + types +
            ") -> tensor<?x2x580xf32>\n  return %y : tensor<?x2x580xf32>\n}";
        int64_t rows = sharedRows ? tokens : tokens * slots;
        int64_t largest = largestCode(activations);
        Floats values({rows, k}, integers(rows, k, largest, 4)),
            bias = Floats::random({experts, n}, 3), y({tokens, slots, n});
        Floats input(sharedRows ? std::vector<int64_t>{tokens, k}
                                : std::vector<int64_t>{tokens, slots, k},
                     values.values);
        std::vector<double> numbers = weight.values(), expected;
        for (int64_t i = 0; i < tokens * slots; ++i) {
          int64_t expert = ids.values[i], row = sharedRows ? i / slots : i;
          std::vector<double> one = product(
              llvm::ArrayRef<float>(values.values).slice(row * k, k),
              llvm::ArrayRef<double>(numbers).slice(expert * n * k, n * k), 1,
              n, k, llvm::ArrayRef<float>(bias.values).slice(expert * n, n));
          expected.insert(expected.end(), one.begin(), one.end());
        }
        double bound = activations == "bf16" ? bf16Bound : kernelBound;
        std::vector<std::pair<std::string, double>> ways = {
            {"two_vector_ports=false", bound}};
        if (activations[0] == 'i')
          ways.push_back({"two_vector_ports=true min_m_panel=8",
                          activations == "i8" ? magicNumbersBound : bound});
        for (const auto &[choices, bound] : ways) {
          SCOPED_TRACE(choices);
          CompileOptions options;
          options.choices = choices;
          std::unique_ptr<Executable> executable = compiled(text, options);
          ASSERT_TRUE(executable);
          weight.bind(*executable, "w");
          EXPECT_SUCCESS(executable->run("main", {input, ids, bias}, {y}));
          EXPECT_TRUE(isClose(y, expected, bound, 4));
        }
      }
}

// What users are told for ordinary activations.
TEST_F(SchemeTest, ErrorsOfRoundedActivations) {
  constexpr int64_t n = 64, k = 4096, m = 4;
  std::pair<const char *, double> bounds[] = {
      {"i8", 1.2e-2}, {"i16", 1e-4}, {"i24", 1e-6}, {"bf16", 4e-3}};
  for (const char *name :
       {"gguf_q4k", "gguf_q6k", "int8/32", "mxfp4/32", "fp8e4m3"}) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    RandomWeight weight(*scheme, {n, k}, 11);
    for (auto [activations, bound] : bounds) {
      SCOPED_TRACE(activations);
      std::unique_ptr<Executable> executable =
          compiled(function("main", weight, activations));
      ASSERT_TRUE(executable);
      weight.bind(*executable, "main");
      Floats x({m, k}), y({m, n}), bias({n});
      std::normal_distribution<float> normal;
      std::mt19937 engine(5);
      for (float &value : x.values)
        value = normal(engine);
      EXPECT_SUCCESS(executable->run("main", {x, bias}, {y}));
      EXPECT_TRUE(
          isClose(y, product(x.values, weight.values(), m, n, k), bound, 5));
    }
  }
}

} // namespace integer_kernels_test

// What f16 cannot hold becomes the nearest number it can, in any weight.
TEST_F(SchemeTest, ActivationsOfF16) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const std::vector<std::pair<float, float>> pairs = {
      {1.0f, 1.0f},
      {1.0f + 0x1p-11f, 1.0f},
      {1.0f + 0x3p-11f, 1.0f + 0x1p-9f},
      {-1.0f - 0x1.8p-11f, -1.0f - 0x1p-10f},
      {65519.0f, 65504.0f},
      {65520.0f, inf},
      {-inf, -inf},
      {0x1p-14f, 0x1p-14f},
      {0x1.ffep-15f, 0x1p-14f},
      {0x1p-25f, 0.0f},
      {-0x1.8p-25f, -0x1p-24f},
      {0x5p-25f, 0x2p-24f}};
  const int64_t m = int64_t(pairs.size()), n = 1, k = 32;
  // One block of q8_0: a scale of 1, codes of 1.
  std::vector<uint8_t> block(34, 1);
  block[0] = 0x00, block[1] = 0x3c;
  std::unique_ptr<Executable> executable = compiled(
      "func.func @main(%x: tensor<?x32xf32>, %w: tensor<1x32xf32, "
      "#rlx.quant<gguf_q8_0>>) -> tensor<?x1xf32> {\n  %y = rlx.matmul %x, %w "
      "{activations = f16} : (tensor<?x32xf32>, tensor<1x32xf32, "
      "#rlx.quant<gguf_q8_0>>) -> tensor<?x1xf32>\n  return %y : "
      "tensor<?x1xf32>\n}");
  ASSERT_TRUE(executable);
  Floats x({m, k}), y({m, n});
  for (int64_t row = 0; row < m; ++row)
    x.values[row * k + 3] = pairs[row].first;
  TensorView weight{ElementType::u8, {1, 34}, block.data()};
  EXPECT_SUCCESS(executable->run("main", {x, weight}, {y}));
  for (int64_t row = 0; row < m; ++row)
    EXPECT_EQ(y.values[row], pairs[row].second) << pairs[row].first;
}
