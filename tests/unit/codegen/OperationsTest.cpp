//===- OperationsTest.cpp - The other operations, from text to numbers ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/TestSupport.h"

#include "llvm/Support/FormatVariadic.h"

using namespace rlx;
using namespace rlx::test;

namespace operations_test {

constexpr double f32Bound = 2e-6;

std::string commaSeparated(const std::vector<std::string> &types) {
  std::string text;
  for (const std::string &type : types)
    text += ", " + type;
  return text;
}

class OperationsTest : public SchemeTest,
                       public testing::WithParamInterface<const char *> {};

INSTANTIATE_TEST_SUITE_P(Schemes, OperationsTest,
                         testing::Values("gguf_q4k", "gguf_q6k", "gguf_iq4_nl",
                                         "int8a/32", "nvfp4/16",
                                         "fp8e4m3/channel"),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = isalnum(c) ? c : '_';
                           return name;
                         });

TEST_P(OperationsTest, MatmulOfArgumentsWithBias) {
  std::optional<QuantScheme> scheme = builtin(GetParam());
  ASSERT_TRUE(scheme);
  constexpr int64_t n = 19;
  int64_t k = scheme->block() * (scheme->block() == 1 ? 66 : 3);
  RandomWeight weight(*scheme, {n, k}, 41);
  std::unique_ptr<Executable> executable = compiled(llvm::formatv(
      R"(func.func @main(%x: tensor<?x{1}xf32>, {2}, %bias: tensor<{0}xf32>) -> tensor<?x{0}xf32> {{
  %y = rlx.matmul %x, %w{3} bias(%bias) : (tensor<?x{1}xf32>{4}, tensor<{0}xf32>) -> tensor<?x{0}xf32>
  return %y : tensor<?x{0}xf32>
})",
      n, k, weight.arguments("w"), weight.operands("w"),
      commaSeparated(weight.types())));
  ASSERT_TRUE(executable);
  Floats bias = Floats::random({n}, 42);
  for (int64_t m : {1, 3, 14}) {
    Floats x = Floats::random({m, k}, 43), y({m, n});
    std::vector<TensorView> inputs = {x};
    for (const TensorView &view : weight.views())
      inputs.push_back(view);
    inputs.push_back(bias);
    EXPECT_SUCCESS(executable->run("main", inputs, {y}));
    EXPECT_TRUE(
        isClose(y, product(x.values, weight.values(), m, n, k, bias.values),
                f32Bound, 43));
  }
}

/// y[t, s, n] = bias[e, n] + sum_k x[t, (s,) k] * w[e, n, k], e = ids[t, s]
std::vector<double> gathered(const Floats &x, llvm::ArrayRef<double> w,
                             const Ids &ids, int64_t n,
                             llvm::ArrayRef<float> bias) {
  int64_t tokens = ids.shape[0], slots = ids.shape[1], k = x.shape.back();
  bool isShared = x.shape.size() == 2;
  std::vector<double> y;
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t s = 0; s < slots; ++s) {
      int64_t expert = ids.values[t * slots + s],
              row = isShared ? t : t * slots + s;
      std::vector<double> part =
          product(llvm::ArrayRef(x.values).slice(row * k, k),
                  w.slice(expert * n * k, n * k), 1, n, k,
                  bias.empty() ? bias : bias.slice(expert * n, n));
      y.insert(y.end(), part.begin(), part.end());
    }
  return y;
}

TEST_P(OperationsTest, GatherMatmul) {
  std::optional<QuantScheme> scheme = builtin(GetParam());
  ASSERT_TRUE(scheme);
  constexpr int64_t experts = 4, n = 11, slots = 2;
  int64_t k = scheme->block() * (scheme->block() == 1 ? 66 : 3);
  RandomWeight weight(*scheme, {experts, n, k}, 51);
  std::string types = commaSeparated(weight.types());
  std::unique_ptr<Executable> executable = compiled(llvm::formatv(
      R"(func.func @shared(%x: tensor<?x{1}xf32>, %ids: tensor<?x2xi32>) -> tensor<?x2x{0}xf32> {{
{2}  %y = rlx.gather_matmul %x, %w, %ids{3} : (tensor<?x{1}xf32>{4}, tensor<?x2xi32>{5}) -> tensor<?x2x{0}xf32>
  return %y : tensor<?x2x{0}xf32>
}
func.func @apart(%x: tensor<?x2x{1}xf32>, %ids: tensor<?x2xi32>, %bias: tensor<{6}x{0}xf32>) -> tensor<?x2x{0}xf32> {{
{2}  %y = rlx.gather_matmul %x, %w, %ids{3} bias(%bias) : (tensor<?x2x{1}xf32>{4}, tensor<?x2xi32>{5}, tensor<{6}x{0}xf32>) -> tensor<?x2x{0}xf32>
  return %y : tensor<?x2x{0}xf32>
})",
      n, k, weight.definitions("w"), weight.operands("w"),
      ", " + weight.types()[0], types.substr(2 + weight.types()[0].size()),
      experts));
  ASSERT_TRUE(executable);
  weight.bind(*executable, "w");
  std::vector<double> values = weight.values();
  Floats bias = Floats::random({experts, n}, 52);
  for (int64_t tokens : {1, 5}) {
    Ids ids({tokens, slots}, {3, 1, 0, 0, 2, 3, 1, 2, 2, 2});
    ids.values.resize(tokens * slots);
    Floats x = Floats::random({tokens, k}, 53),
           each = Floats::random({tokens, slots, k}, 54);
    Floats y({tokens, slots, n});
    EXPECT_SUCCESS(executable->run("shared", {x, ids}, {y}));
    EXPECT_TRUE(isClose(y, gathered(x, values, ids, n, {}), f32Bound, 53));
    EXPECT_SUCCESS(executable->run("apart", {each, ids, bias}, {y}));
    EXPECT_TRUE(
        isClose(y, gathered(each, values, ids, n, bias.values), f32Bound, 54));
  }
  Floats x({2, k}), y({2, slots, n});
  EXPECT_CONTAINS(
      messageOf(executable->run("shared", {x, Ids({2, 2}, {0, 3, 4, 0})}, {y})),
      "expert id of 'rlx.gather_matmul' at position 2");
  std::string message = messageOf(
      executable->run("shared", {x, Ids({2, 2}, {0, -1, 4, 0})}, {y}));
  EXPECT_CONTAINS(message, "position 1");
  EXPECT_CONTAINS(message, "-1");
  EXPECT_CONTAINS(message, "4");
}

TEST_P(OperationsTest, Embedding) {
  std::optional<QuantScheme> scheme = builtin(GetParam());
  ASSERT_TRUE(scheme);
  constexpr int64_t rows = 23;
  int64_t k = 3 * scheme->block();
  RandomWeight table(*scheme, {rows, k}, 61);
  std::string types = commaSeparated(table.types());
  std::unique_ptr<Executable> executable = compiled(llvm::formatv(
      R"(func.func @list(%ids: tensor<?xi32>) -> tensor<?x{0}xf32> {{
{1}  %y = rlx.embedding %w, %ids{2} : ({3}, tensor<?xi32>{4}) -> tensor<?x{0}xf32>
  return %y : tensor<?x{0}xf32>
}
func.func @batch(%ids: tensor<?x3xi32>) -> tensor<?x3x{0}xf32> {{
{1}  %y = rlx.embedding %w, %ids{2} : ({3}, tensor<?x3xi32>{4}) -> tensor<?x3x{0}xf32>
  return %y : tensor<?x3x{0}xf32>
})",
      k, table.definitions("w"), table.operands("w"), table.types()[0],
      types.substr(2 + table.types()[0].size())));
  ASSERT_TRUE(executable);
  table.bind(*executable, "w");
  std::vector<double> values = table.values(), expected;
  std::vector<int32_t> picked = {22, 0, 7, 7, 3, 19};
  for (int32_t id : picked)
    expected.insert(expected.end(), values.begin() + id * k,
                    values.begin() + (id + 1) * k);
  Floats y({6, k}), batch({2, 3, k});
  EXPECT_SUCCESS(executable->run("list", {Ids({6}, picked)}, {y}));
  EXPECT_TRUE(isClose(y, expected, 2e-7, 61));
  EXPECT_SUCCESS(executable->run("batch", {Ids({2, 3}, picked)}, {batch}));
  EXPECT_TRUE(isClose(batch, expected, 2e-7, 61));
  std::string message = messageOf(
      executable->run("batch", {Ids({2, 3}, {0, 1, 2, 3, 23, 5})}, {batch}));
  EXPECT_CONTAINS(message, "row id of 'rlx.embedding' at position 4");
  EXPECT_CONTAINS(message, "23");
}

// Weights without a scheme: the ordinary way.
TEST_F(SchemeTest, PlainWeights) {
  constexpr int64_t n = 21, k = 37;
  for (const char *element : {"f32", "f16", "bf16"}) {
    SCOPED_TRACE(element);
    std::unique_ptr<Executable> executable = compiled(llvm::formatv(
        R"(func.func @main(%x: tensor<?x{1}xf32>, %bias: tensor<{0}xf32>) -> (tensor<?x{0}xf32>, tensor<?x{1}xf32>) {{
  %w = rlx.weight "w" : tensor<{0}x{1}x{2}>
  %y = rlx.matmul %x, %w bias(%bias) : (tensor<?x{1}xf32>, tensor<{0}x{1}x{2}>, tensor<{0}xf32>) -> tensor<?x{0}xf32>
  %ids = arith.constant dense<[3, 20]> : tensor<2xi32>
  %few = rlx.embedding %w, %ids : (tensor<{0}x{1}x{2}>, tensor<2xi32>) -> tensor<2x{1}xf32>
  %rows = tensor.cast %few : tensor<2x{1}xf32> to tensor<?x{1}xf32>
  return %y, %rows : tensor<?x{0}xf32>, tensor<?x{1}xf32>
})",
        n, k, element));
    if (!executable)
      continue;
    RandomWeight weight(*builtin(element), {n, k}, 71);
    TensorView view{*parseElementType(element), {n, k}, weight.blocks.data()};
    EXPECT_SUCCESS(executable->bindWeight("w", view));
    std::vector<double> values = weight.values(), picked;
    for (int64_t row : {3, 20})
      picked.insert(picked.end(), values.begin() + row * k,
                    values.begin() + (row + 1) * k);
    Floats bias = Floats::random({n}, 72);
    for (int64_t m : {1, 6}) {
      Floats x = Floats::random({m, k}, 73), y({m, n}), rows({2, k});
      EXPECT_SUCCESS(executable->run("main", {x, bias}, {y, rows}));
      EXPECT_TRUE(isClose(y, product(x.values, values, m, n, k, bias.values),
                          f32Bound, 73));
      EXPECT_TRUE(isClose(rows, picked, 0, 71));
    }
  }
}

// Element types other than f32 of the values: the logical type of a weight.
TEST_F(SchemeTest, WeightsOfLogicalF16) {
  std::unique_ptr<Executable> executable = compiled(R"(
func.func @main(%x: tensor<2x64xf32>) -> tensor<2x3xf32> {
  %w = rlx.weight "w" : tensor<3x64xf16, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %w : (tensor<2x64xf32>, tensor<3x64xf16, #rlx.quant<gguf_q8_0>>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
})");
  ASSERT_TRUE(executable);
  RandomWeight weight(*builtin("gguf_q8_0"), {3, 64}, 81);
  weight.bind(*executable, "w");
  Floats x = Floats::random({2, 64}, 82), y({2, 3});
  EXPECT_SUCCESS(executable->run("main", {x}, {y}));
  EXPECT_TRUE(
      isClose(y, product(x.values, weight.values(), 2, 3, 64), f32Bound, 82));
}

} // namespace operations_test
