//===- ReencodedTest.cpp - Weights rounded to one scale a K block ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weights = reencoded: many rows are multiplied with weights that have been
// rounded once more. Activations are integers that lose nothing, so that what
// is seen is the rounding of weights alone.
//
//===----------------------------------------------------------------------===//

#include "codegen/Verify.h"

#include "tests/unit/codegen/MatmulPrograms.h"
#include "tests/unit/codegen/UserSchemes.h"

#include <numeric>

using namespace rlx;
using namespace rlx::test;

namespace reencoded_test {

/// Half of 1/126 of a K block's largest value, at worst, and less the larger
/// the others are. Random scales make them small.
constexpr double bound = 1.5e-2;
constexpr int64_t n = 37, m = 29, zeros = 2;
/// Rows for two blocks, in small ones.
const std::string choices = "min_m_panel=4 mc=24";

std::string function(const std::string &name, const RandomWeight &weight,
                     const std::string &activations, bool reencoded = true,
                     bool isDynamic = false) {
  std::string text = matmulFunction(name, weight, activations);
  if (reencoded)
    text.insert(text.find(" {activations"), " weights = reencoded");
  for (size_t at; !isDynamic && (at = text.find("<?x")) != std::string::npos;)
    text.replace(at, 3, "<" + std::to_string(m) + "x");
  return text;
}

class ReencodedTest : public SchemeTest,
                      public testing::WithParamInterface<std::string> {};

TEST_P(ReencodedTest, IsCloseToTheReference) {
  std::optional<QuantScheme> scheme = schemeOf(GetParam());
  ASSERT_TRUE(scheme);
  // K blocks of 256, and shorter ones.
  int64_t unit = std::lcm<int64_t>(scheme->block(), 32);
  const std::vector<std::vector<int64_t>> shapes = {
      {n, 2 * std::lcm<int64_t>(unit, 256)}, {20, 6 * unit}};
  for (std::string activations : {"i8", "i16"}) {
    SCOPED_TRACE(activations);
    std::string text;
    for (auto [i, shape] : llvm::enumerate(shapes))
      text += function("f" + std::to_string(i), RandomWeight(*scheme, shape, 7),
                       activations);
    CompileOptions options;
    options.choices = choices;
    std::unique_ptr<Executable> executable = compiled(text, options);
    ASSERT_TRUE(executable);
    for (auto [i, shape] : llvm::enumerate(shapes)) {
      int64_t rows = shape[0], k = shape[1];
      SCOPED_TRACE("K = " + std::to_string(k));
      std::string name = "f" + std::to_string(i);
      for (Content content : {Content::random, Content::zeroBytes,
                              Content::largestCodes, Content::withNans}) {
        RandomWeight weight(*scheme, shape, uint32_t(50 + i), content);
        weight.bind(*executable, name);
        std::vector<double> values = weight.values();
        int64_t largest = largestCode(activations);
        Floats x({m, k}, integers(m, k, largest, 9)), y({m, rows});
        std::fill_n(x.values.begin() + zeros * k, k, 0.0f);
        EXPECT_SUCCESS(executable->run(name, {x}, {y}));
        EXPECT_TRUE(isClose(y, product(x.values, values, m, rows, k), bound, 9))
            << "content " << int(content);
        for (int64_t column = 0; column < rows; ++column) {
          float value = y.values[zeros * rows + column];
          EXPECT_TRUE(value == 0 || std::isnan(value)) << value;
        }
      }
    }
  }
}

/// What `m` rows give with and without the clause, compiled with `options`.
std::pair<std::vector<float>, std::vector<float>>
bothWays(const QuantScheme &scheme, int64_t rows, CompileOptions options) {
  RandomWeight weight(scheme, {n, 512}, 3);
  options.choices = choices;
  std::vector<float> results[2];
  for (bool reencoded : {false, true}) {
    std::unique_ptr<Executable> executable = compiled(
        function("f", weight, "i8", reencoded, /*isDynamic=*/true), options);
    if (!executable)
      return {};
    weight.bind(*executable, "f");
    Floats x({rows, 512}, integers(rows, 512, 127, 5)), y({rows, n});
    EXPECT_SUCCESS(executable->run("f", {x}, {y}));
    results[reencoded] = y.values;
  }
  return {results[0], results[1]};
}

using ReencodedRowsTest = SchemeTest;

TEST_F(ReencodedRowsTest, OnlyManyAreRoundedOnceMore) {
  for (const char *name : {"gguf_q4k", "gguf_q6k", "mxfp4"}) {
    SCOPED_TRACE(name);
    auto [few, fewReencoded] = bothWays(*builtin(name), 3, {});
    EXPECT_EQ(few, fewReencoded);
    auto [many, manyReencoded] = bothWays(*builtin(name), m, {});
    EXPECT_NE(many, manyReencoded);
  }
}

TEST_F(ReencodedRowsTest, NoneAreWhereResultsAreDeterministic) {
  CompileOptions options;
  options.deterministic = true;
  auto [many, manyReencoded] = bothWays(*builtin("gguf_q4k"), m, options);
  EXPECT_FALSE(many.empty());
  EXPECT_EQ(many, manyReencoded);
}

// Some experts have many rows, one has a single one, one none.
TEST_F(ReencodedRowsTest, AreWhatExpertsHaveOnAverage) {
  constexpr int64_t experts = 4, k = 512, slots = 2;
  for (const char *name : {"gguf_q4k", "gguf_q8_0"})
    for (bool shared : {false, true}) {
      SCOPED_TRACE(name + std::string(shared ? " shared" : ""));
      RandomWeight weight(*builtin(name), {experts, n, k}, 5);
      CompileOptions options;
      options.choices = choices + (shared ? " two_vector_ports=true" : "");
      std::unique_ptr<Executable> exact =
          compiled(gatherFunction("f", weight, "{activations = i8}"), options);
      std::unique_ptr<Executable> rounded = compiled(
          gatherFunction("f", weight, "weights = reencoded {activations = i8}"),
          options);
      ASSERT_TRUE(exact && rounded);
      weight.bind(*exact, "f");
      weight.bind(*rounded, "f");
      std::vector<double> values = weight.values();
      for (int64_t tokens : {3, 40}) {
        bool isMany = tokens == 40;
        Ids ids({tokens, slots}, std::vector<int32_t>(tokens * slots, 2));
        for (int64_t i = 0; i < tokens; ++i)
          ids.values[2 * i] = i == 3 ? 0 : 1;
        Floats x({tokens, k}, integers(tokens, k, 127, 4)),
            y({tokens, slots, n}), z({tokens, slots, n});
        EXPECT_SUCCESS(exact->run("f", {x, ids}, {y}));
        EXPECT_SUCCESS(rounded->run("f", {x, ids}, {z}));
        EXPECT_EQ(y.values != z.values, isMany);
        std::vector<double> expected;
        for (int64_t i = 0; i < tokens * slots; ++i) {
          auto row = llvm::ArrayRef(x.values).slice(i / slots * k, k);
          auto expert =
              llvm::ArrayRef(values).slice(ids.values[i] * n * k, n * k);
          llvm::append_range(expected, product(row, expert, 1, n, k));
        }
        EXPECT_TRUE(isClose(z, expected, bound, 4)) << tokens << " tokens";
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Schemes, ReencodedTest,
                         testing::ValuesIn(allSchemes()), testName);
INSTANTIATE_TEST_SUITE_P(Described, ReencodedTest,
                         testing::Values(std::string(wideScales),
                                         std::string(sevenBits),
                                         std::string(oneBit)),
                         testName);

} // namespace reencoded_test
