//===- SchemeMatmulTest.cpp - Compiled matmuls of every scheme ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each scheme is compiled once, with a function for each shape; the number of
// rows of activations is dynamic. Results are compared with the reference
// decoder and sums in double precision.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/MatmulPrograms.h"
#include "tests/unit/codegen/UserSchemes.h"

using namespace rlx;
using namespace rlx::test;

namespace scheme_matmul_test {

constexpr int64_t rowCounts[] = {1, 2, 3, 5, 13, 29};
constexpr double f32Bound = 2e-6;

/// Runs `name` on `m` random rows, or on small integers.
void checkProduct(const Executable &executable, const std::string &name,
                  const RandomWeight &weight, llvm::ArrayRef<double> values,
                  int64_t m, double bound, uint32_t seed) {
  int64_t n = weight.shape[0], k = weight.shape[1];
  Floats x = Floats::random({m, k}, seed), y({m, n});
  if (bound == 0)
    for (float &value : x.values)
      value = std::round(value);
  EXPECT_SUCCESS(executable.run(name, {x}, {y}));
  std::vector<double> expected = product(x.values, values, m, n, k);
  bound *= cancellation(x.values, values, expected, k);
  EXPECT_TRUE(isClose(y, expected, bound, seed)) << "M = " << m;
}

class SchemeMatmulTest : public SchemeTest,
                         public testing::WithParamInterface<std::string> {
protected:
  std::optional<QuantScheme> scheme() { return schemeOf(GetParam()); }
};

TEST_P(SchemeMatmulTest, MatchesTheReference) {
  std::optional<QuantScheme> scheme = this->scheme();
  ASSERT_TRUE(scheme);
  // Each scheme takes other pairs of N and K; together they take all.
  constexpr int64_t sizes[] = {1, 7, 9, 15, 33, 70}, factors[] = {37, 7, 1};
  std::vector<std::string> names = allSchemes();
  uint32_t number = uint32_t(llvm::find(names, GetParam()) - names.begin());
  int64_t block = scheme->block();
  std::vector<std::vector<int64_t>> shapes;
  for (int64_t i = 0; i < 3; ++i)
    shapes.push_back({sizes[(number + 2 * i) % 6], factors[i] * block});

  std::string text;
  std::vector<RandomWeight> weights;
  for (size_t i = 0; i < shapes.size(); ++i) {
    weights.emplace_back(*scheme, shapes[i], 10 * number + i);
    text += matmulFunction("f" + std::to_string(i), weights[i]);
  }
  RandomWeight some(*scheme, {5, 3 * block}, 10 * number + 9);
  text += valuesFunction(some);
  std::unique_ptr<Executable> executable = compiled(text);
  ASSERT_TRUE(executable);

  for (size_t i = 0; i < shapes.size(); ++i) {
    std::string name = "f" + std::to_string(i);
    SCOPED_TRACE("N = " + std::to_string(shapes[i][0]) +
                 ", K = " + std::to_string(shapes[i][1]));
    weights[i].bind(*executable, name);
    std::vector<double> values = weights[i].values();
    for (int64_t m : rowCounts)
      checkProduct(*executable, name, weights[i], values, m, f32Bound,
                   100 * number + uint32_t(m));
  }
  // Small integers in floats: no order of additions may change anything.
  {
    SCOPED_TRACE("small integers");
    RandomWeight exact(*scheme, shapes[1], 10 * number + 3,
                       Content::smallIntegers);
    exact.bind(*executable, "f1");
    std::vector<double> values = exact.values();
    bool isExact = llvm::all_of(
        values, [](double v) { return v * 8 == std::round(v * 8); });
    EXPECT_EQ(isExact, !hasOddCodebook(GetParam()));
    if (isExact)
      for (int64_t m : rowCounts)
        checkProduct(*executable, "f1", exact, values, m, 0,
                     200 * number + uint32_t(m));
  }
  // Single values, at the edges of what can be stored.
  for (Content content :
       {Content::random, Content::zeroBytes, Content::largestCodes,
        Content::withNans, Content::smallIntegers}) {
    SCOPED_TRACE("content " + std::to_string(int(content)));
    RandomWeight weight(*scheme, some.shape, 10 * number + 4, content);
    weight.bind(*executable, "values");
    Floats y(some.shape);
    EXPECT_SUCCESS(executable->run("values", {}, {y}));
    EXPECT_TRUE(isClose(y, weight.values(), 2e-7, 10 * number + 4));
  }
  // A NaN among the weights of a row is a NaN in its sums, and in no other.
  RandomWeight nans(*scheme, shapes[2], 10 * number + 5, Content::withNans);
  nans.bind(*executable, "f2");
  for (int64_t m : {1, 5})
    checkProduct(*executable, "f2", nans, nans.values(), m, f32Bound,
                 10 * number + 5);
}

INSTANTIATE_TEST_SUITE_P(Schemes, SchemeMatmulTest,
                         testing::ValuesIn(allSchemes()), testName);

// The bound holds for the longest rows that models have.
TEST_F(SchemeTest, LongRows) {
  constexpr int64_t n = 16, k = 14336;
  for (const char *name :
       {"f32", "gguf_q4k", "gguf_q8_0", "int4a/128", "nvfp4/16"}) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    RandomWeight weight(*scheme, {n, k}, 31);
    std::unique_ptr<Executable> executable =
        compiled(matmulFunction("main", weight));
    ASSERT_TRUE(executable);
    weight.bind(*executable, "main");
    std::vector<double> values = weight.values();
    for (int64_t m : {1, 2, 13})
      checkProduct(*executable, "main", weight, values, m, f32Bound,
                   31 + uint32_t(m));
  }
}

} // namespace scheme_matmul_test
