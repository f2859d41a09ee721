//===- TransformerTest.cpp - Norms, rotary embeddings, attention ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled, against formulas in double precision that stand here, and against
// the interpreter.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/AttentionFormula.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace rlx;
using namespace rlx::test;
using llvm::StringRef;

namespace transformer_test {

constexpr double f32Bound = 1e-6;

struct TransformerTest : SchemeTest {};

TEST_F(TransformerTest, RmsNorm) {
  constexpr int64_t m = 5, k = 77;
  std::unique_ptr<Executable> executable = compiled(R"(
func.func @main(%x: tensor<?x77xf32>, %g: tensor<77xf32>) -> tensor<?x77xf32> {
  %y = rlx.rms_norm %x weight(%g) {epsilon = 1.0e-02} : (tensor<?x77xf32>, tensor<77xf32>) -> tensor<?x77xf32>
  return %y : tensor<?x77xf32>
})");
  ASSERT_TRUE(executable);
  Floats x = Floats::random({m, k}, 1), g = Floats::random({k}, 2), y({m, k});
  EXPECT_SUCCESS(executable->run("main", {x, g}, {y}));
  std::vector<double> expected;
  for (int64_t i = 0; i < m; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < k; ++j)
      sum += double(x.values[i * k + j]) * x.values[i * k + j];
    for (int64_t j = 0; j < k; ++j)
      expected.push_back(x.values[i * k + j] / std::sqrt(sum / k + 0.01) *
                         g.values[j]);
  }
  EXPECT_TRUE(isClose(y, expected, f32Bound, 1));
}

TEST_F(TransformerTest, LayerNorm) {
  constexpr int64_t m = 3, k = 40;
  std::unique_ptr<Executable> executable = compiled(R"(
func.func @main(%x: tensor<1x3x40xf32>, %g: tensor<40xf32>, %b: tensor<40xf32>) -> tensor<1x3x40xf32> {
  %y = rlx.layer_norm %x weight(%g) bias(%b) {epsilon = 1.0e-05}
      : (tensor<1x3x40xf32>, tensor<40xf32>, tensor<40xf32>) -> tensor<1x3x40xf32>
  return %y : tensor<1x3x40xf32>
})");
  ASSERT_TRUE(executable);
  Floats x = Floats::random({1, m, k}, 3), g = Floats::random({k}, 4),
         b = Floats::random({k}, 5), y({1, m, k});
  EXPECT_SUCCESS(executable->run("main", {x, g, b}, {y}));
  std::vector<double> expected;
  for (int64_t i = 0; i < m; ++i) {
    double mean = 0, sum = 0;
    for (int64_t j = 0; j < k; ++j)
      mean += x.values[i * k + j] / double(k);
    for (int64_t j = 0; j < k; ++j)
      sum += std::pow(x.values[i * k + j] - mean, 2);
    for (int64_t j = 0; j < k; ++j)
      expected.push_back((x.values[i * k + j] - mean) /
                             std::sqrt(sum / k + 1e-5) * g.values[j] +
                         b.values[j]);
  }
  EXPECT_TRUE(isClose(y, expected, f32Bound, 3));
}

/// cos and sin at far positions, where f32 angles would be off by much.
TEST_F(TransformerTest, RopeTable) {
  constexpr int64_t count = 3, pairs = 16, position = 99997;
  std::string text = R"(
func.func @main(%p: index, %x: tensor<?xi8>, %f: tensor<16xf32>) -> tensor<2x?x16xf32> {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xi8>
  %t = rlx.rope_table from %p count %n{0} {{dims = 32, base = 1.0e+04, magnitude = 1.5{1}} : (index, index{2}) -> tensor<2x?x16xf32>
  return %t : tensor<2x?x16xf32>
})";
  for (bool hasFactors : {false, true})
    for (bool isYarn : {false, true}) {
      std::unique_ptr<Executable> executable = compiled(
          llvm::formatv(text.c_str(), hasFactors ? " factors(%f)" : "",
                        isYarn ? ", scale = 0.25, yarn_context = 4096" : "",
                        hasFactors ? ", tensor<16xf32>" : ""));
      ASSERT_TRUE(executable);
      Floats factors({pairs}), y({2, count, pairs});
      for (int64_t i = 0; i < pairs; ++i)
        factors.values[i] = i < 8 ? 1 : i < 12 ? 4 : 8; // exact divisors
      Buffer<int8_t> rows(ElementType::i8, {count});
      Index p(position);
      EXPECT_SUCCESS(executable->run("main", {p, rows, factors}, {y}));
      std::vector<double> expected(2 * count * pairs);
      for (int64_t t = 0; t < count; ++t)
        for (int64_t i = 0; i < pairs; ++i) {
          double frequency = std::pow(1e4, -2.0 * i / 32);
          if (hasFactors)
            frequency /= factors.values[i];
          if (isYarn) {
            // ln(4096 / (2 pi 32)) and ln(4096 / 2 pi), in dimensions.
            double low = std::floor(32 * std::log(4096 / (2 * M_PI * 32)) /
                                    (2 * std::log(1e4))),
                   high = std::ceil(32 * std::log(4096 / (2 * M_PI)) /
                                    (2 * std::log(1e4)));
            double mix =
                1 - std::min(std::max((i - low) / (high - low), 0.0), 1.0);
            frequency *= 0.25 * (1 - mix) + mix;
          }
          double angle = double(position + t) * frequency;
          expected[t * pairs + i] = 1.5 * std::cos(angle);
          expected[(count + t) * pairs + i] = 1.5 * std::sin(angle);
        }
      EXPECT_TRUE(isClose(y, expected, f32Bound, 0)) << hasFactors << isYarn;
    }
}

TEST_F(TransformerTest, Rope) {
  constexpr int64_t t = 3, h = 2, d = 12, pairs = 4;
  for (const char *style : {"pairs", "halves"}) {
    std::unique_ptr<Executable> executable = compiled(llvm::formatv(R"(
func.func @main(%x: tensor<?x2x12xf32>, %t: tensor<2x?x4xf32>) -> tensor<?x2x12xf32> {{
  %y = rlx.rope {0} %x, %t : tensor<?x2x12xf32>, tensor<2x?x4xf32>
  return %y : tensor<?x2x12xf32>
})",
                                                                    style));
    ASSERT_TRUE(executable);
    Floats x = Floats::random({t, h, d}, 7),
           table = Floats::random({2, t, pairs}, 8), y({t, h, d});
    EXPECT_SUCCESS(executable->run("main", {x, table}, {y}));
    std::vector<double> expected(x.values.begin(), x.values.end());
    bool isPairs = style[0] == 'p';
    for (int64_t row = 0; row < t * h; ++row)
      for (int64_t i = 0; i < pairs; ++i) {
        int64_t a = row * d + (isPairs ? 2 * i : i),
                b = isPairs ? a + 1 : a + pairs;
        double c = table.values[row / h * pairs + i],
               s = table.values[(t + row / h) * pairs + i];
        expected[a] = x.values[a] * c - x.values[b] * s;
        expected[b] = x.values[b] * c + x.values[a] * s;
      }
    EXPECT_TRUE(isClose(y, expected, f32Bound, 7)) << style;
  }
}

TEST_F(TransformerTest, Topk) {
  std::unique_ptr<Executable> executable = compiled(R"(
func.func @main(%x: tensor<?x6xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>) {
  %v, %i = rlx.topk %x : tensor<?x6xf32> -> tensor<?x3xf32>, tensor<?x3xi32>
  return %v, %i : tensor<?x3xf32>, tensor<?x3xi32>
})");
  ASSERT_TRUE(executable);
  float infinity = INFINITY, nan = NAN;
  Floats x({4, 6}, {1,        5,   3,        5,         -2,       4,   //
                    nan,      -1,  nan,      -infinity, 7,        -3,  //
                    nan,      nan, nan,      nan,       nan,      nan, //
                    infinity, 0,   infinity, -infinity, infinity, infinity}),
      values({4, 3});
  Ids ids({4, 3}, {});
  EXPECT_SUCCESS(executable->run("main", {x}, {values, ids}));
  EXPECT_EQ(ids.values,
            (std::vector<int32_t>{1, 3, 5, 4, 1, 5, 0, 1, 2, 0, 2, 4}));
  EXPECT_EQ(values.values,
            (std::vector<float>{5, 5, 4, 7, -1, -3, -infinity, -infinity,
                                -infinity, infinity, infinity, infinity}));
}

//===----------------------------------------------------------------------===//
// Caches
//===----------------------------------------------------------------------===//

std::string attentionText(const AttentionCase &c, StringRef rows) {
  std::string attributes = "causal";
  if (c.window)
    attributes += llvm::formatv(", window = {0}", c.window);
  if (c.softcap)
    attributes += llvm::formatv(", softcap = {0:f}", c.softcap);
  if (c.scale)
    attributes += llvm::formatv(", scale = {0:f6}", c.scale);
  int64_t heads = c.groups * c.members;
  return llvm::formatv(
      R"(
func.func @main(%q: tensor<{0}x{1}x{2}xf32>, %k: tensor<?x{3}x{2}xf32>, %v: tensor<?x{3}x{4}xf32>, %n: index, %s: tensor<{1}xf32>) -> tensor<{0}x{1}x{4}xf32> {{
  %y = rlx.attention %q, %k, %v length(%n){5} {{{6}}
      : (tensor<{0}x{1}x{2}xf32>, tensor<?x{3}x{2}xf32>, tensor<?x{3}x{4}xf32>, index{7}) -> tensor<{0}x{1}x{4}xf32>
  return %y : tensor<{0}x{1}x{4}xf32>
})",
      rows, heads, c.depth, c.groups, c.columns, c.hasSinks ? " sinks(%s)" : "",
      attributes,
      c.hasSinks ? llvm::formatv(", tensor<{0}xf32>", heads).str() : "");
}

TEST_F(TransformerTest, Attention) {
  const AttentionCase cases[] = {
      {1, 1, 64, 64},
      {2, 3, 80, 80},
      {3, 1, 128, 96},
      {1, 8, 96, 96, /*window=*/5},
      {2, 2, 20, 12, /*window=*/40, /*softcap=*/30, 0, true},
      {2, 4, 64, 64, 0, 0, /*scale=*/0.25, true},
  };
  for (const AttentionCase &c : cases) {
    int64_t heads = c.groups * c.members, capacity = 150;
    Floats k = Floats::random({capacity, c.groups, c.depth}, 11),
           v = Floats::random({capacity, c.groups, c.columns}, 12),
           sinks = Floats::random({heads}, 13);
    // What lies behind the length is not read.
    std::unique_ptr<Executable> many = compiled(attentionText(c, "?")),
                                one = compiled(attentionText(c, "1"));
    ASSERT_TRUE(many && one);
    for (auto [rows, length] : {std::pair<int64_t, int64_t>{1, 1},
                                {1, 33},
                                {7, 7},
                                {19, 130},
                                {0, 4}}) {
      Floats q = Floats::random({rows, heads, c.depth}, 14),
             y({rows, heads, c.columns});
      Floats kPart = k, vPart = v;
      std::fill(kPart.values.begin() + length * c.groups * c.depth,
                kPart.values.end(), NAN);
      std::fill(vPart.values.begin() + length * c.groups * c.columns,
                vPart.values.end(), NAN);
      Index n(length);
      std::vector<double> expected = attention(c, q, k, v, length, sinks);
      EXPECT_SUCCESS(many->run("main", {q, kPart, vPart, n, sinks}, {y}));
      EXPECT_TRUE(isClose(y, expected, f32Bound, 14)) << rows << " " << length;
      if (rows != 1)
        continue;
      Floats other({rows, heads, c.columns});
      EXPECT_SUCCESS(one->run("main", {q, kPart, vPart, n, sinks}, {other}));
      EXPECT_TRUE(isClose(other, expected, f32Bound, 14));
    }
  }
}

TEST_F(TransformerTest, AttentionOfAllToAll) {
  AttentionCase c = {2, 2, 24, 24};
  std::unique_ptr<Executable> executable = compiled(R"(
func.func @main(%q: tensor<?x4x24xf32>, %k: tensor<?x2x24xf32>, %v: tensor<?x2x24xf32>) -> tensor<?x4x24xf32> {
  %y = rlx.attention %q, %k, %v : (tensor<?x4x24xf32>, tensor<?x2x24xf32>, tensor<?x2x24xf32>) -> tensor<?x4x24xf32>
  return %y : tensor<?x4x24xf32>
})");
  ASSERT_TRUE(executable);
  for (int64_t length : {0, 1, 37}) {
    Floats q = Floats::random({5, 4, 24}, 15),
           k = Floats::random({length, 2, 24}, 16),
           v = Floats::random({length, 2, 24}, 17), y({5, 4, 24}), none({4});
    EXPECT_SUCCESS(executable->run("main", {q, k, v}, {y}));
    EXPECT_TRUE(isClose(y,
                        attention(c, q, k, v, length, none, /*isCausal=*/false),
                        f32Bound, 15));
  }
}

TEST_F(TransformerTest, AppendWritesInPlaceAndChecks) {
  std::unique_ptr<Executable> executable = compiled(R"(
func.func @main(%rows: tensor<?x2x4xf32>, %p: index, %c: tensor<?x2x4xf32> {rlx.state = "c"})
    -> (tensor<?x2x4xf32> {rlx.state = "c"}) {
  %next = rlx.append %rows into %c at %p : tensor<?x2x4xf32> into tensor<?x2x4xf32>
  return %next : tensor<?x2x4xf32>
})");
  ASSERT_TRUE(executable);
  Floats cache = Floats::random({6, 2, 4}, 21),
         rows = Floats::random({2, 2, 4}, 22);
  std::vector<float> expected = cache.values;
  std::copy(rows.values.begin(), rows.values.end(), expected.begin() + 24);
  const std::vector<TensorView> nothing;
  Index three(3);
  EXPECT_SUCCESS(executable->run("main", {rows, three, cache}, nothing));
  EXPECT_EQ(cache.values, expected);
  // To the last position, and nothing behind it.
  Index four(4);
  std::copy(rows.values.begin(), rows.values.end(), expected.begin() + 32);
  EXPECT_SUCCESS(executable->run("main", {rows, four, cache}, nothing));
  EXPECT_EQ(cache.values, expected);
  Floats empty({0, 2, 4});
  Index six(6);
  EXPECT_SUCCESS(executable->run("main", {empty, six, cache}, nothing));
  for (int64_t position : {5ll, 6ll, 7ll, -1ll, 1ll << 62}) {
    Index p(position);
    std::string message =
        messageOf(executable->run("main", {rows, p, cache}, nothing));
    EXPECT_CONTAINS(message, "expected 2 rows to fit a cache of 6 positions "
                             "from position " +
                                 std::to_string(position) + " on");
    EXPECT_EQ(cache.values, expected);
  }
}

} // namespace transformer_test
