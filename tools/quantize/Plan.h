//===- Plan.h - Which weight gets which scheme ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decides for each tensor of a source whether it is quantized and how, as
// llama.cpp does: matrices are, norms and the like are not, embeddings and the
// output get more bits, and what a scheme cannot take gets the one that the
// table of schemes names in its place.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_PLAN_H
#define RLX_TOOLS_QUANTIZE_PLAN_H

#include "ir/QuantConfig.h"
#include "tools/quantize/WeightSource.h"

namespace rlx::quantize {

/// What the command line asks for.
struct Wishes {
  QuantScheme scheme;
  std::optional<QuantRule> rule; ///< Of `scheme`, in place of its own.
  /// Of embeddings and the output; none: as all others.
  std::optional<QuantScheme> outputScheme;
  QuantConfig config;      ///< Its overrides, by name.
  QuantMethod method;      ///< Of all others; its algorithm and alpha.
  bool requantize = false; ///< Also what is quantized already.
  WeightContainer output = WeightContainer::gguf;
};

/// An error where a container cannot hold it.
llvm::Error checkStorable(QuantScheme scheme, WeightContainer output);

struct Step {
  const WeightEntry *entry;
  std::optional<QuantScheme> scheme; ///< None: copied as it is.
  std::optional<QuantRule> rule;
  QuantAlgorithm algorithm = QuantAlgorithm::nearest;
  double alpha = QuantMethod::defaultAlpha;
  std::string note = {};     ///< Why it is not as asked for; may be empty.
  bool isKeptByName = false; ///< Where it could be quantized otherwise.

  WeightContainer output = WeightContainer::gguf;

  /// What it is written as, in the spelling of the output; empty where that has
  /// no type for it.
  std::string type() const;
  /// The same for people: the scheme where there is no such type.
  std::string shownType() const;
};

/// Errors: a scheme that the output has no type for, nothing to quantize.
llvm::Expected<std::vector<Step>> makePlan(const WeightSource &source,
                                           const Wishes &wishes);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_PLAN_H
