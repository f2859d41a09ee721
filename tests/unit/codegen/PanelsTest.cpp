//===- PanelsTest.cpp - Integer kernels with panels -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Many rows of activations share weights that were decoded once. Few are enough
// here, so that every scheme takes this way. Groups in pairs round scales and
// sums of products to 16 bits, which shows most where all codes are small.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/MatmulPrograms.h"
#include "tests/unit/codegen/UserSchemes.h"

#include "llvm/TargetParser/Host.h"

#include <numeric>

using namespace rlx;
using namespace rlx::test;

namespace panels_test {

struct Way {
  const char *activations, *choices;
  double bound;
  bool hasMagicNumbers = false;
  /// Whether kBlocks of less than 256 are worth a test of their own.
  bool hasShortKBlocks = true;
};
constexpr Way ways[] = {
    {"i8", "min_m_panel=4 mc=24 two_vector_ports=false", 3e-3},
    {"i8", "min_m_panel=4 mc=24 two_vector_ports=false i16_pairs=false", 1e-5},
    {"i16", "min_m_panel=4 mc=24 two_vector_ports=false", 1e-5},
    {"i24", "min_m_panel=4 mc=24 two_vector_ports=false", 1e-5},
    // Register tiles of several tiles of weights, and sums that are floats,
    // through panels and without.
    {"i8", "min_m_panel=4 mc=24 two_vector_ports=true", 3e-3, true},
    {"i8", "min_m_panel=512 mc=24 two_vector_ports=true", 3e-3, true, false},
    {"i16", "min_m_panel=4 mc=24 two_vector_ports=true", 1e-5, true, false},
    {"i24", "min_m_panel=4 mc=24 two_vector_ports=true", 1e-5},
    // One scale for as many as others have.
    {"i24", "min_m_panel=4 mc=24 two_vector_ports=false activation_group=256",
     1e-5, false, false},
    {"i24", "min_m_panel=4 mc=24 two_vector_ports=true activation_group=256",
     1e-5, true, false},
};

/// What users are told. All bits of a signed code set are -1: of groups whose
/// codes are that small, sums that are floats lose more than of others.
double toldBound(const Way &way) {
  return way.activations == llvm::StringRef("i8") ? 1.2e-2 : 1e-4;
}

/// Rows for two blocks and one more; `zeros` is a row of zeros.
constexpr int64_t m = 29, zeros = 2;

std::string function(const std::string &name, const RandomWeight &weight,
                     const std::string &activations) {
  std::string text = matmulFunction(name, weight, activations);
  for (size_t at; (at = text.find("<?x")) != std::string::npos;)
    text.replace(at, 3, "<" + std::to_string(m) + "x");
  return text;
}

void check(const QuantScheme &scheme, const CompileOptions &target) {
  // K blocks of 256, and shorter ones.
  int64_t unit = std::lcm<int64_t>(scheme.block(), 32);
  std::vector<std::vector<int64_t>> shapes = {
      {37, 2 * std::lcm<int64_t>(unit, 256)}, {20, 6 * unit}};
  const std::vector<std::vector<int64_t>> all = shapes;
  for (const Way &way : ways) {
    SCOPED_TRACE(std::string(way.activations) + ", " + way.choices);
    shapes = all;
    if (!way.hasShortKBlocks)
      shapes.resize(1);
    std::string text;
    for (auto [i, shape] : llvm::enumerate(shapes))
      text += function("f" + std::to_string(i), RandomWeight(scheme, shape, 7),
                       way.activations);
    CompileOptions options = target;
    options.choices += std::string(" ") + way.choices;
    std::unique_ptr<Executable> executable = compiled(text, options);
    ASSERT_TRUE(executable);
    for (auto [i, shape] : llvm::enumerate(shapes)) {
      int64_t n = shape[0], k = shape[1];
      int64_t largest = largestCode(way.activations);
      SCOPED_TRACE("N = " + std::to_string(n) + ", K = " + std::to_string(k));
      for (Content content : {Content::random, Content::zeroBytes,
                              Content::largestCodes, Content::withNans}) {
        RandomWeight weight(scheme, shape, uint32_t(50 + i), content);
        weight.bind(*executable, "f" + std::to_string(i));
        std::vector<double> values = weight.values();
        Floats x({m, k}, integers(m, k, largest, 9)), y({m, n});
        std::fill_n(x.values.begin() + zeros * k, k, 0.0f);
        EXPECT_SUCCESS(executable->run("f" + std::to_string(i), {x}, {y}));
        bool isSmall = way.hasMagicNumbers && content == Content::largestCodes;
        EXPECT_TRUE(isClose(y, product(x.values, values, m, n, k),
                            isSmall ? toldBound(way) : way.bound, 9))
            << "content " << int(content);
        for (int64_t column = 0; column < n; ++column) {
          float value = y.values[zeros * n + column];
          EXPECT_TRUE(value == 0 || std::isnan(value))
              << value << ", content " << int(content);
        }
      }
    }
  }
}

class PanelsTest : public SchemeTest,
                   public testing::WithParamInterface<std::string> {};

TEST_P(PanelsTest, MatchTheReference) {
  std::optional<QuantScheme> scheme = schemeOf(GetParam());
  ASSERT_TRUE(scheme);
  check(*scheme, {});
}

// Registers of 256 bits have the same instructions, on any machine with those
// of 512.
TEST_F(SchemeTest, PanelsOfShortVectors) {
  if (!llvm::sys::getHostCPUFeatures().lookup("avx512vnni"))
    GTEST_SKIP() << "the host lacks avx512vnni";
  llvm::Expected<CpuTarget> target = CpuTarget::create(
      "", "x86-64-v3", "+avx512vl,+avx512vnni,+prefer-256-bit");
  ASSERT_TRUE(bool(target)) << llvm::toString(target.takeError());
  CompileOptions options;
  options.target = *target;
  options.choices = "vector_registers=16";
  for (const char *name :
       {"gguf_q2k", "gguf_q4_1", "gguf_q6k", "gguf_q5_0", "nvfp4/16"}) {
    SCOPED_TRACE(name);
    check(*builtin(name), options);
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, PanelsTest, testing::ValuesIn(allSchemes()),
                         testName);
INSTANTIATE_TEST_SUITE_P(Described, PanelsTest,
                         testing::Values(std::string(wideScales),
                                         std::string(sevenBits),
                                         std::string(oneBit)),
                         testName);

} // namespace panels_test
