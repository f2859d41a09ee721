//===- RandomSchemesTest.cpp - Whatever a description says ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random schemes, decoded and multiplied by kernels for several CPUs with all
// types of activations, compared with the reference decoder. Activations are
// integers that every type holds exactly, so that what is left are the errors
// of sums; these are measured against what sums of such products are as a
// rule, which does not depend on what happens to cancel.
//
// RLX_RANDOM_SCHEMES=count tries more than the test suite does, from
// RLX_RANDOM_SEED on.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/MatmulPrograms.h"
#include "tests/unit/codegen/RandomScheme.h"

#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <cstdlib>
#include <numeric>

using namespace rlx;
using namespace rlx::test;

namespace random_schemes_test {

int64_t fromEnvironment(const char *name, int64_t otherwise) {
  const char *given = std::getenv(name);
  return given ? std::atoll(given) : otherwise;
}

struct Cpu {
  const char *cpu, *needs;
};
/// Vectors of 16, 8 and 4 lanes, with products of bytes of all kinds.
constexpr Cpu cpus[] = {{"native", ""},        {"x86-64-v4", "avx512bw"},
                        {"x86-64-v3", "avx2"}, {"x86-64-v2", "ssse3"},
                        {"x86-64", "sse2"},    {"native", ""}};

class RandomSchemesTest : public SchemeTest,
                          public testing::WithParamInterface<int64_t> {
protected:
  void expectMatches(bool hasVectors);
};

/// sqrt of the sum of the squares of all products, and of differences.
struct Measure {
  double usual = 0, error = 0;
  Measure(llvm::ArrayRef<float> x, llvm::ArrayRef<double> w,
          llvm::ArrayRef<float> got, int64_t m, int64_t n, int64_t k) {
    std::vector<double> sums = product(x, w, m, n, k);
    for (int64_t i = 0; i < m * n; ++i)
      error += (got[i] - sums[i]) * (got[i] - sums[i]);
    std::vector<double> squares(k);
    for (size_t i = 0; i < w.size(); ++i)
      squares[i % k] += w[i] * w[i];
    for (size_t i = 0; i < x.size(); ++i)
      usual += double(x[i]) * x[i] * squares[i % k];
  }
  bool isWithin(double bound) const {
    return error <= usual * bound * bound || error == 0;
  }
};

void RandomSchemesTest::expectMatches(bool hasVectors) {
  constexpr double kernelBound = 1e-5, bf16Bound = 8e-3, roundedBound = 8e-3,
                   reencodedBound = 3e-2;
  Dice dice(uint32_t(GetParam()) * 2654435761u + 1);
  RandomScheme random(dice, hasVectors);
  SCOPED_TRACE("seed " + std::to_string(GetParam()) + ": " + random.text);
  std::optional<QuantScheme> scheme = described(random.text);
  ASSERT_TRUE(scheme);

  Cpu cpu = cpus[dice.below(std::size(cpus))];
  bool isX86 = llvm::Triple(llvm::sys::getProcessTriple()).isX86();
  if (!isX86 ||
      (*cpu.needs && !llvm::sys::getHostCPUFeatures().lookup(cpu.needs)))
    cpu = cpus[0];
  llvm::Expected<CpuTarget> target = CpuTarget::create("", cpu.cpu, "");
  ASSERT_TRUE(bool(target)) << llvm::toString(target.takeError());
  CompileOptions options;
  options.target = *target;
  options.deterministic = dice.oneIn(5);
  // These two round more than sums.
  bool pairs = dice.oneIn(4), magicNumbers = dice.oneIn(4);
  options.choices = pairs ? "" : "i16_pairs=false";
  options.choices +=
      magicNumbers ? " two_vector_ports=true" : " magic_numbers=false";
  if (dice.oneIn(4))
    options.choices += " prescaled_weights=false";
  if (dice.oneIn(2))
    options.choices += " min_m_panel=4";
  SCOPED_TRACE(cpu.cpu);

  int64_t n = dice.pick({1, 2, 3, 5, 8, 9, 16, 17, 33});
  int64_t unit =
      dice.oneIn(3) ? random.block
                    : std::lcm(random.block, dice.pick<int64_t>({32, 64, 256}));
  constexpr int64_t longest = 1536;
  int64_t k = unit * dice.pick({1, 2, 3, 4});
  if (k > longest)
    k = unit <= longest ? unit : random.block * dice.pick({1, 2});
  RandomWeight weight(*scheme, {n, k}, uint32_t(GetParam()),
                      dice.oneIn(5) ? Content::largestCodes : Content::random);
  std::vector<double> values = weight.values();

  std::vector<std::string> kinds = {"i8", dice.pick({"i16", "i24", "f32"}),
                                    dice.pick({"i16", "bf16", "f16"})};
  if (dice.oneIn(3))
    kinds[2] = "i8q";
  std::string text = valuesFunction(weight);
  for (size_t i = 0; i < kinds.size(); ++i) {
    std::string function =
        matmulFunction("f" + std::to_string(i), weight,
                       kinds[i].substr(0, 2) == "i8" ? "i8" : kinds[i]);
    if (kinds[i] == "i8q")
      function.replace(function.find(" {activations"), 1,
                       " weights = reencoded ");
    text += function;
  }
  std::unique_ptr<Executable> executable = compiled(text, options);
  ASSERT_TRUE(executable);
  weight.bind(*executable, "values");
  Floats decoded({n, k});
  EXPECT_SUCCESS(executable->run("values", {}, {decoded}));
  EXPECT_TRUE(isClose(decoded, values, 5e-7, uint32_t(GetParam())));
  for (auto [i, kind] : llvm::enumerate(kinds)) {
    std::string name = "f" + std::to_string(i);
    weight.bind(*executable, name);
    bool rounds = kind[0] == 'i' && (pairs || magicNumbers);
    double bound = kind == "bf16"  ? bf16Bound
                   : kind == "i8q" ? reencodedBound
                   : rounds        ? roundedBound
                                   : kernelBound;
    for (int64_t m : {1, 3, 17}) {
      Floats x({m, k}, integers(m, k, 127, uint32_t(m))), y({m, n});
      EXPECT_SUCCESS(executable->run(name, {x}, {y}));
      Measure measure(x.values, values, y.values, m, n, k);
      EXPECT_TRUE(measure.isWithin(bound))
          << kind << ", M = " << m << ", N = " << n << ", K = " << k
          << ": error " << std::sqrt(measure.error / measure.usual);
    }
  }
}

TEST_P(RandomSchemesTest, MatchesTheReference) {
  expectMatches(/*hasVectors=*/false);
}

TEST_P(RandomSchemesTest, MatchesTheReferenceOfVectors) {
  expectMatches(/*hasVectors=*/true);
}

constexpr int64_t schemesOfTheSuite = 32;

INSTANTIATE_TEST_SUITE_P(
    Seeds, RandomSchemesTest,
    testing::Range(fromEnvironment("RLX_RANDOM_SEED", 0),
                   fromEnvironment("RLX_RANDOM_SEED", 0) +
                       fromEnvironment("RLX_RANDOM_SCHEMES",
                                       schemesOfTheSuite)));

} // namespace random_schemes_test
