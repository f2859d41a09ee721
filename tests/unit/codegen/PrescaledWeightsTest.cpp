//===- PrescaledWeightsTest.cpp - Codes times their group scales ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where products of codes and integer scales fit bytes, many rows are
// multiplied with these products. Nothing is rounded on the way: results are
// the same, bit for bit, as those of the kernels that multiply sums with
// scales.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/MatmulPrograms.h"
#include "tests/unit/codegen/UserSchemes.h"

#include "llvm/TargetParser/Host.h"

using namespace rlx;
using namespace rlx::test;

namespace prescaled_weights_test {

constexpr int64_t n = 37, k = 768;

std::string choices(bool scaled, bool shared) {
  return std::string("min_m_panel=12 mc=24 two_vector_ports=") +
         (shared ? "true" : "false") +
         " prescaled_weights=" + (scaled ? "true" : "false");
}

class PrescaledWeightsTest : public SchemeTest,
                             public testing::WithParamInterface<std::string> {
protected:
  std::optional<QuantScheme> scheme() { return schemeOf(GetParam()); }
};

// Rows that decode as they read, panels of one and of several tiles, and what
// is left of them; rows of any number and of one that is known.
TEST_P(PrescaledWeightsTest, GiveTheSameBits) {
  ASSERT_TRUE(scheme());
  for (bool shared : {false, true})
    for (std::string activations : {"i8", "i16"})
      for (int64_t known : {0, shared ? 29 : 9}) {
        SCOPED_TRACE(activations + (shared ? " shared" : "") +
                     " M = " + std::to_string(known));
        std::string text = matmulFunction(
            "f", RandomWeight(*scheme(), {n, k}, 1), activations);
        for (size_t at; known && (at = text.find("<?x")) != std::string::npos;)
          text.replace(at, 3, "<" + std::to_string(known) + "x");
        std::unique_ptr<Executable> executables[2];
        for (bool scaled : {false, true}) {
          CompileOptions options;
          options.deterministic = true;
          options.choices = choices(scaled, shared);
          executables[scaled] = compiled(text, options);
          ASSERT_TRUE(executables[scaled]);
        }
        for (Content content :
             {Content::random, Content::zeroBytes, Content::largestCodes}) {
          RandomWeight weight(*scheme(), {n, k}, 5, content);
          std::vector<double> values = weight.values();
          for (int64_t m : known ? std::vector<int64_t>{known}
                                 : std::vector<int64_t>{1, 8, 12, 31}) {
            SCOPED_TRACE("content " + std::to_string(int(content)) + ", rows " +
                         std::to_string(m));
            int64_t largest = largestCode(activations);
            Floats x({m, k}, integers(m, k, largest, 9)),
                y[2] = {Floats({m, n}), Floats({m, n})};
            for (bool scaled : {false, true}) {
              weight.bind(*executables[scaled], "f");
              EXPECT_SUCCESS(executables[scaled]->run("f", {x}, {y[scaled]}));
            }
            EXPECT_EQ(y[0].values, y[1].values);
            EXPECT_TRUE(
                isClose(y[1], product(x.values, values, m, n, k), 1e-6,
                        cancellation(x.values, values,
                                     product(x.values, values, m, n, k), k)));
          }
        }
      }
}

// Without them, sums that are floats from the start round: what gives the exact
// result has used them.
TEST_P(PrescaledWeightsTest, AreUsedByManyRows) {
  ASSERT_TRUE(scheme());
  std::string text =
      matmulFunction("f", RandomWeight(*scheme(), {n, k}, 1), "i8");
  RandomWeight weight(*scheme(), {n, k}, 5);
  constexpr int64_t m = 31;
  Floats x({m, k}, integers(m, k, 127, 9));
  auto result = [&](bool scaled, bool deterministic) {
    CompileOptions options;
    options.deterministic = deterministic;
    options.choices = choices(scaled, /*shared=*/true);
    std::unique_ptr<Executable> executable = compiled(text, options);
    Floats y({m, n});
    if (!executable)
      return y.values;
    weight.bind(*executable, "f");
    EXPECT_SUCCESS(executable->run("f", {x}, {y}));
    return y.values;
  };
  std::vector<float> exact = result(/*scaled=*/false, /*deterministic=*/true);
  EXPECT_EQ(result(/*scaled=*/true, /*deterministic=*/false), exact);
  if (llvm::sys::getHostCPUFeatures().lookup("avx512vnni")) {
    EXPECT_NE(result(/*scaled=*/false, /*deterministic=*/false), exact);
  }
}

// Experts with few rows and with many share a kernel, chosen by how many rows
// they have on average.
TEST_P(PrescaledWeightsTest, OfExpertsGiveTheSameBits) {
  ASSERT_TRUE(scheme());
  constexpr int64_t experts = 3, tokens = 40, slots = 2;
  RandomWeight weight(*scheme(), {experts, n, k}, 5);
  std::string text = gatherFunction("f", weight, "{activations = i8}");
  Ids ids({tokens, slots}, std::vector<int32_t>(tokens * slots, 2));
  for (int64_t i = 0; i < 20; ++i)
    ids.values[3 * i] = i == 7 ? 0 : 1;
  Floats x({tokens, k}, integers(tokens, k, 127, 4));
  for (bool shared : {false, true}) {
    std::vector<float> results[2];
    for (bool scaled : {false, true}) {
      CompileOptions options;
      options.deterministic = true;
      options.choices = choices(scaled, shared);
      std::unique_ptr<Executable> executable = compiled(text, options);
      ASSERT_TRUE(executable);
      weight.bind(*executable, "f");
      Floats y({tokens, slots, n});
      EXPECT_SUCCESS(executable->run("f", {x, ids}, {y}));
      results[scaled] = y.values;
    }
    EXPECT_EQ(results[0], results[1]);
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, PrescaledWeightsTest,
                         testing::Values("gguf_q2k", "gguf_q3k"), testName);
INSTANTIATE_TEST_SUITE_P(Described, PrescaledWeightsTest,
                         testing::Values(std::string(smallProducts),
                                         std::string(smallCodebook)),
                         testName);

} // namespace prescaled_weights_test
