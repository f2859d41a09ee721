//===- SamplerTest.cpp - The next token from logits -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/text/Sampler.h"
#include "tests/unit/runtime/TestSupport.h"

#include <cmath>
#include <limits>
#include <map>
#include <random>

using namespace rlx;

namespace {

/// The probabilities that the options describe, step by step and of all tokens.
std::vector<double> probabilities(const SamplerOptions &options,
                                  const std::vector<float> &logits,
                                  const std::vector<int32_t> &previous) {
  size_t count = logits.size();
  std::vector<double> values(logits.begin(), logits.end());
  std::vector<bool> allowed(count, true), seen(count, false);
  for (size_t i = 0; i < previous.size(); ++i)
    if (static_cast<int64_t>(previous.size() - i) <= options.repeatLast)
      seen[previous[i]] = true;
  for (size_t i = 0; i < count; ++i)
    if (seen[i])
      values[i] = values[i] > 0 ? values[i] / options.repeatPenalty
                                : values[i] * options.repeatPenalty;
  auto softmax = [&](double temperature) {
    double sum = 0;
    std::vector<double> result(count, 0);
    for (size_t i = 0; i < count; ++i)
      sum += allowed[i] ? std::exp(values[i] / temperature) : 0;
    for (size_t i = 0; i < count; ++i)
      result[i] = allowed[i] ? std::exp(values[i] / temperature) / sum : 0;
    return result;
  };
  auto rank = [&](size_t i) { // How many are in front of it.
    return std::count_if(values.begin(), values.end(),
                         [&](double v) { return v > values[i]; });
  };
  for (size_t i = 0; i < count; ++i)
    allowed[i] = options.topK == 0 || rank(i) < options.topK;
  std::vector<double> p = softmax(1);
  for (size_t i = 0; i < count; ++i) {
    double before = 0;
    for (size_t k = 0; k < count; ++k)
      before += values[k] > values[i] ? p[k] : 0;
    allowed[i] = allowed[i] && before < options.topP;
  }
  p = softmax(1);
  double largest = *std::max_element(p.begin(), p.end());
  for (size_t i = 0; i < count; ++i)
    allowed[i] = allowed[i] && p[i] >= options.minP * largest;
  return softmax(options.temperature);
}

std::vector<float> randomLogits(unsigned seed, size_t count) {
  std::mt19937 engine(seed);
  std::vector<float> logits(count);
  for (float &logit : logits)
    logit = static_cast<float>(engine() % 100000) / 20000 - 2;
  return logits;
}

} // namespace

TEST(Sampler, TakesTheLargestWithoutTemperature) {
  Sampler sampler(SamplerOptions{});
  float nan = std::numeric_limits<float>::quiet_NaN();
  float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> logits = {1, nan, 3, infinity, 3, -infinity};
  EXPECT_EQ(*sampler.sample(logits, {}), 2);
  test::expectError(sampler.sample(std::vector<float>{nan, infinity}, {}),
                    "finite");
  test::expectError(sampler.sample({}, {}), "finite");
}

TEST(Sampler, DrawsAsOftenAsTheProbabilitiesSay) {
  std::vector<int32_t> previous = {1, 2, 3, 3, 7, 11};
  unsigned seed = 0;
  for (SamplerOptions options :
       {SamplerOptions{.temperature = 1, .topK = 0, .topP = 1, .minP = 0},
        SamplerOptions{.temperature = 0.7, .topK = 5, .topP = 1, .minP = 0},
        SamplerOptions{.temperature = 1.5, .topK = 0, .topP = 0.6, .minP = 0},
        SamplerOptions{.temperature = 2, .topK = 0, .topP = 1, .minP = 0.3},
        SamplerOptions{.temperature = 1,
        .topK = 8,
        .topP = 0.9,
        .minP = 0.1,
        .repeatPenalty = 1.3,
        .repeatLast = 4}}) {
    std::vector<float> logits = randomLogits(++seed, 16);
    std::vector<double> expected = probabilities(options, logits, previous);
    options.seed = seed;
    Sampler sampler(options);
    constexpr int draws = 20000;
    std::vector<int> counts(logits.size());
    for (int i = 0; i < draws; ++i)
      ++counts[*sampler.sample(logits, previous)];
    for (size_t i = 0; i < logits.size(); ++i) {
      // Six standard deviations; what is not allowed never comes.
      double bound =
          6 * std::sqrt(draws * expected[i] * (1 - expected[i])) + 1e-9;
      EXPECT_NEAR(counts[i], draws * expected[i], bound) << i << ' ' << seed;
    }
  }
}

TEST(Sampler, GivesTheSameForTheSameSeed) {
  std::vector<float> logits = randomLogits(9, 1000);
  SamplerOptions options{.temperature = 1, .topK = 0, .topP = 1, .minP = 0};
  auto draw = [&](uint64_t seed) {
    options.seed = seed;
    Sampler sampler(options);
    std::vector<int32_t> ids;
    for (int i = 0; i < 20; ++i)
      ids.push_back(*sampler.sample(logits, ids));
    return ids;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(Sampler, ChecksItsOptions) {
  EXPECT_TRUE(SamplerOptions{}.check().ok());
  test::expectError(SamplerOptions{.temperature = -1}.check(), "temperature",
                    "-1");
  test::expectError(SamplerOptions{.topK = -2}.check(), "top-k", "-2");
  test::expectError(SamplerOptions{.topP = 0}.check(), "top-p");
  test::expectError(SamplerOptions{.minP = 1.5}.check(), "min-p", "1.5");
  test::expectError(SamplerOptions{.repeatPenalty = 0}.check(), "penalty");
  test::expectError(SamplerOptions{.repeatLast = -1}.check(), "-1");
}
