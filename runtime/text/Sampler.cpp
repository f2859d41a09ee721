//===- Sampler.cpp - The next token from logits ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/text/Sampler.h"

#include <algorithm>
#include <cmath>

using namespace rlx;

Status SamplerOptions::check() const {
  auto range = [](std::string_view name, std::string_view expected,
                  double value) {
    return errorf("expected {} to be {}, but got {}", name, expected, value);
  };
  if (!(temperature >= 0) || !std::isfinite(temperature))
    return range("temperature", "0 or more", temperature);
  if (topK < 0)
    return range("top-k", "0 or more", topK);
  if (!(topP > 0 && topP <= 1))
    return range("top-p", "above 0 and at most 1", topP);
  if (!(minP >= 0 && minP <= 1))
    return range("min-p", "between 0 and 1", minP);
  if (!(repeatPenalty > 0) || !std::isfinite(repeatPenalty))
    return range("repetition penalty", "above 0", repeatPenalty);
  if (repeatLast < 0)
    return range("number of tokens to penalize", "0 or more", repeatLast);
  return Status();
}

Sampler::Sampler(const SamplerOptions &options)
    : options(options), state(options.seed) {}

/// SplitMix64 (G. Steele, D. Lea, C. Flood, Fast Splittable Pseudorandom Number
/// Generators, 2014), of which 53 bits are a number in [0, 1).
double Sampler::nextUniform() {
  uint64_t bits = state += 0x9E3779B97F4A7C15;
  bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9;
  bits = (bits ^ bits >> 27) * 0x94D049BB133111EB;
  bits ^= bits >> 31;
  return std::ldexp(static_cast<double>(bits >> 11), -53);
}

/// Leaves those that top-k, top-p and min-p allow, the most probable first.
void Sampler::cut(std::vector<Candidate> &all) const {
  // Of equal logits the smaller token, so that the order is one.
  auto larger = [](const Candidate &a, const Candidate &b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  };
  size_t kept = all.size();
  if (options.topK > 0)
    kept = std::min(kept, static_cast<size_t>(options.topK));
  std::partial_sort(all.begin(), all.begin() + kept, all.end(), larger);
  all.resize(kept);
  double largest = all.front().logit;
  if (options.topP < 1) {
    double sum = 0, reached = 0;
    for (const Candidate &each : all)
      sum += std::exp(each.logit - largest);
    for (kept = 0; kept < all.size() && reached < options.topP * sum; ++kept)
      reached += std::exp(all[kept].logit - largest);
    all.resize(std::max<size_t>(kept, 1));
  }
  if (options.minP > 0) {
    double least = largest + std::log(options.minP);
    std::erase_if(all, [&](const Candidate &c) { return c.logit < least; });
  }
}

Result<int32_t> Sampler::sample(std::span<const float> logits,
                                std::span<const int32_t> previous) {
  candidates.clear();
  candidates.reserve(logits.size());
  // Infinities would make differences that are no numbers.
  for (size_t i = 0; i < logits.size(); ++i)
    if (std::isfinite(logits[i]))
      candidates.push_back({logits[i], static_cast<int32_t>(i)});
  if (candidates.empty())
    return errorf("expected a finite logit, but none of {} is one",
                  logits.size());
  if (options.repeatPenalty != 1) {
    size_t count =
        std::min(previous.size(), static_cast<size_t>(options.repeatLast));
    std::vector<int32_t> recent(previous.end() - count, previous.end());
    std::sort(recent.begin(), recent.end());
    for (Candidate &each : candidates)
      if (std::binary_search(recent.begin(), recent.end(), each.id))
        each.logit *=
            each.logit > 0 ? 1 / options.repeatPenalty : options.repeatPenalty;
  }
  if (options.temperature == 0)
    return std::max_element(candidates.begin(), candidates.end(),
                            [](const Candidate &a, const Candidate &b) {
                              return a.logit < b.logit;
                            })
        ->id;
  cut(candidates);
  double sum = 0;
  double largest = candidates.front().logit;
  for (Candidate &each : candidates) {
    each.logit = std::exp((each.logit - largest) / options.temperature);
    sum += each.logit;
  }
  double rest = nextUniform() * sum;
  for (const Candidate &each : candidates)
    if ((rest -= each.logit) < 0)
      return each.id;
  return candidates.back().id;
}
