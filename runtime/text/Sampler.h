//===- Sampler.h - The next token from logits -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Greedy or random, in this order: repetition penalty, top-k, top-p, min-p,
// temperature, choice. The same seed gives the same tokens on every machine
// whose logits are the same.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TEXT_SAMPLER_H
#define RLX_RUNTIME_TEXT_SAMPLER_H

#include "runtime/Status.h"

#include <cstdint>
#include <span>
#include <vector>

namespace rlx {

struct SamplerOptions {
  /// Logits are divided by it; 0: the largest one is taken.
  double temperature = 0;
  /// Only so many of the largest ones are looked at; 0: all.
  int64_t topK = 40;
  /// Only the largest ones whose probabilities make up this; 1: all.
  /// A. Holtzman et al., The Curious Case of Neural Text Degeneration (2020).
  double topP = 0.95;
  /// Only those that have this part of the largest probability; 0: all.
  double minP = 0.05;
  /// Logits of tokens that were there are divided by it, or multiplied where
  /// they are negative; 1: as they are. N. Keskar et al., CTRL (2019).
  double repeatPenalty = 1;
  /// How many of the last tokens count as having been there.
  int64_t repeatLast = 64;
  uint64_t seed = 0;

  /// Error: a number out of its range.
  Status check() const;
};

class Sampler {
public:
  /// Expects options that check() accepts.
  explicit Sampler(const SamplerOptions &options);

  /// The next token. `previous` are those before it. Logits that are no numbers
  /// are never chosen. Error: none is left.
  Result<int32_t> sample(std::span<const float> logits,
                         std::span<const int32_t> previous);

private:
  struct Candidate {
    double logit;
    int32_t id;
  };
  double nextUniform();
  void cut(std::vector<Candidate> &candidates) const;

  SamplerOptions options;
  uint64_t state;
  std::vector<Candidate> candidates;
};

} // namespace rlx

#endif // RLX_RUNTIME_TEXT_SAMPLER_H
