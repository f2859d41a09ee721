//===- ActivationGroupsTest.cpp - What shares a scale of activations ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Activations whose groups are of different sizes are rounded in each group by
// itself: where they are integers times a number of the group, nothing is lost
// but what kernels lose. Of ordinary and of heavy-tailed ones, no more is lost
// than groups of 32 lose, or of 256 where scales of the weight are integers.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/MatmulPrograms.h"
#include "tests/unit/codegen/UserSchemes.h"

using namespace rlx;
using namespace rlx::test;

namespace activation_groups_test {

/// A function of `m` rows, with the attribute `group` if it is not 0.
std::string function(const RandomWeight &weight, const std::string &activations,
                     int64_t m, int64_t group) {
  std::string type = activations;
  if (group)
    type += ", activation_group = " + std::to_string(group) + " : i64";
  std::string text = matmulFunction("main", weight, type);
  for (size_t at; (at = text.find("<?x")) != std::string::npos;)
    text.replace(at, 3, "<" + std::to_string(m) + "x");
  return text;
}

/// Integers up to `largest`, which is in each group, times a number of the
/// group.
std::vector<float> integersOfGroups(int64_t m, int64_t k, int64_t group,
                                    int64_t largest, uint32_t seed) {
  std::vector<float> values = Random(seed).floats(size_t(m * k));
  std::mt19937 random(seed);
  for (int64_t begin = 0; begin < m * k;) {
    int64_t end = std::min(begin + group, (begin / k + 1) * k);
    float size =
        std::ldexp(1 + float(random() % 1000) / 1000, int(random() % 8) - 4);
    for (int64_t i = begin; i < end; ++i) {
      double code =
          i == begin ? double(largest) : std::round(values[i] / 4 * largest);
      values[i] = float(code * size);
    }
    begin = end;
  }
  return values;
}

struct Way {
  const char *activations, *choices;
  double bound;
};
constexpr Way ways[] = {
    {"i8", "i16_pairs=false two_vector_ports=false", 1e-5},
    {"i8", "i16_pairs=false two_vector_ports=false min_m_panel=4 mc=24", 1e-5},
    {"i8", "two_vector_ports=false min_m_panel=4 mc=24", 3e-3},
    {"i8", "two_vector_ports=true min_m_panel=4 mc=24", 1e-5},
    {"i16", "min_m_panel=4 mc=24", 1e-5},
    {"i24", "min_m_panel=4 mc=24", 2e-6}};

class ActivationGroupsTest : public SchemeTest,
                             public testing::WithParamInterface<std::string> {};

// Groups that the program asks for, of any scheme.
TEST_P(ActivationGroupsTest, RoundEachByItself) {
  std::optional<QuantScheme> scheme = schemeOf(GetParam());
  ASSERT_TRUE(scheme);
  constexpr int64_t n = 37, k = 768, m = 29, zeros = 2;
  RandomWeight weight(*scheme, {n, k}, 5);
  std::vector<double> values = weight.values();
  for (int64_t group : {32, 64, 128})
    for (const Way &way : ways) {
      SCOPED_TRACE(std::string(way.activations) + ", " + way.choices + ", " +
                   std::to_string(group));
      CompileOptions options;
      options.choices = way.choices;
      std::unique_ptr<Executable> executable =
          compiled(function(weight, way.activations, m, group), options);
      ASSERT_TRUE(executable);
      weight.bind(*executable, "main");
      int64_t largest = largestCode(way.activations);
      Floats x({m, k}, integersOfGroups(m, k, group, largest, 9)), y({m, n});
      std::fill_n(x.values.begin() + zeros * k, k, 0.0f);
      EXPECT_SUCCESS(executable->run("main", {x}, {y}));
      EXPECT_TRUE(isClose(y, product(x.values, values, m, n, k), way.bound, 9));
      // One that is infinite is seen in its row, and in no other.
      x.values[3 * k + 300] = std::numeric_limits<float>::infinity();
      EXPECT_SUCCESS(executable->run("main", {x}, {y}));
      for (int64_t i = 0; i < m; ++i)
        EXPECT_EQ(std::isnan(y.values[i * n]), i == 3) << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Schemes, ActivationGroupsTest,
                         testing::Values("gguf_q4_0", "gguf_q4_1", "gguf_q5_1",
                                         "gguf_q8_0", "gguf_iq4_nl",
                                         "gguf_mxfp4", "gguf_nvfp4", "gguf_q4k",
                                         "gguf_q6k", "gguf_tq2_0", "int4a/128",
                                         "int8/32"),
                         testName);
INSTANTIATE_TEST_SUITE_P(Described, ActivationGroupsTest,
                         testing::Values(std::string(wideScales),
                                         std::string(oneBit)),
                         testName);

/// The numbers, rounded to multiples of each group's largest over 127.
std::vector<float> rounded(std::vector<float> values, int64_t group) {
  for (size_t begin = 0; begin < values.size(); begin += group) {
    float largest = 0;
    for (int64_t i = 0; i < group; ++i)
      largest = std::max(largest, std::fabs(values[begin + i]));
    for (int64_t i = 0; i < group; ++i) {
      double step = double(largest) / 127;
      values[begin + i] =
          float(std::nearbyint(values[begin + i] / step) * step);
    }
  }
  return values;
}

/// Normal, with Student's t of 3 degrees of freedom, and with a channel of 256
/// that is 20 times larger.
std::vector<float> activations(const std::string &kind, int64_t m, int64_t k) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::student_t_distribution<float> heavy(3);
  std::vector<float> values(m * k);
  for (int64_t i = 0; i < m * k; ++i) {
    values[i] = kind == "t3" ? heavy(random) : normal(random);
    if (kind == "outliers" && i % k % 256 == i % k / 256 * 37 % 256)
      values[i] *= 20;
  }
  return values;
}

double norm(llvm::ArrayRef<double> a, llvm::ArrayRef<double> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

// What the program does not say: ggml has such groups.
TEST_F(SchemeTest, ActivationGroupsAreThoseOfWeights) {
  constexpr int64_t n = 48, k = 2048;
  for (auto [name, group] : {std::pair("gguf_q4_0", 32),
                             {"gguf_q4_1", 32},
                             {"gguf_q5_0", 32},
                             {"gguf_q8_0", 32},
                             {"gguf_iq4_nl", 32},
                             {"gguf_mxfp4", 32},
                             {"gguf_nvfp4", 32},
                             {"gguf_q2_0", 32},
                             {"gguf_q4k", 256},
                             {"gguf_q3k", 256},
                             {"gguf_tq2_0", 256}})
    for (std::string kind : {"normal", "t3", "outliers"})
      for (int64_t m : {1, 8, 64}) {
        SCOPED_TRACE(std::string(name) + ", " + kind +
                     ", M = " + std::to_string(m));
        RandomWeight weight(*builtin(name), {n, k}, 11);
        std::unique_ptr<Executable> executable =
            compiled(function(weight, "i8", m, 0));
        ASSERT_TRUE(executable);
        weight.bind(*executable, "main");
        Floats x({m, k}, activations(kind, m, k)), y({m, n});
        EXPECT_SUCCESS(executable->run("main", {x}, {y}));
        std::vector<double> values = weight.values(),
                            exact = product(x.values, values, m, n, k),
                            got(y.values.begin(), y.values.end());
        double least =
            norm(product(rounded(x.values, group), values, m, n, k), exact);
        EXPECT_LE(norm(got, exact), 1.01 * least);
      }
}

// Larger groups than the program allows are found out.
TEST_F(SchemeTest, VerifyKnowsActivationGroups) {
  constexpr int64_t n = 48, k = 2048, m = 128;
  RandomWeight weight(*builtin("gguf_q4_0"), {n, k}, 11);
  auto errorWith = [&](int64_t group, const char *choices) {
    std::string text = function(weight, "i8", m, group);
    CompileOptions options;
    options.choices = choices;
    std::unique_ptr<Executable> executable = compiled(text, options);
    auto context = createContext();
    auto module = parseText(*context, text);
    if (!executable || !module)
      return std::string("not compiled");
    weight.bind(*executable, "main");
    Floats x({m, k}, activations("outliers", m, k)), y({m, n});
    EXPECT_SUCCESS(executable->run("main", {x}, {y}));
    auto verified =
        verify(**module, *executable, "main", {x.view()}, {y.view()});
    if (!verified)
      return llvm::toString(verified.takeError());
    llvm::Error error = verified->check();
    return error ? llvm::toString(std::move(error)) : std::string();
  };
  EXPECT_EQ(errorWith(0, ""), "");
  EXPECT_EQ(errorWith(256, ""), "");
  EXPECT_EQ(errorWith(256, "activation_group=32"), "");
  EXPECT_CONTAINS(errorWith(0, "activation_group=256"), "verification failed");
}

} // namespace activation_groups_test
