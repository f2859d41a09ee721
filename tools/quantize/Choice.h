//===- Choice.h - A scheme for each weight of a file ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures what schemes cost the weights that a plan leaves open, and changes
// the plan to the choice that keeps to an average of bits at the least error.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_CHOICE_H
#define RLX_TOOLS_QUANTIZE_CHOICE_H

#include "codegen/quantize/methods/MixedPrecision.h"
#include "tools/quantize/Converter.h"

namespace rlx::quantize {

struct ChoiceWishes {
  double averageBits;
  std::vector<QuantScheme> among;
  /// Names that are settled; all other weights that the plan quantizes are
  /// chosen for.
  const QuantConfig &settled;
  /// Where the error of each scheme for each weight is printed; null: nowhere.
  llvm::raw_ostream *sensitivities = nullptr;
  /// Whether a user said what weights usually become; otherwise it is what most
  /// of them are.
  bool isUsualGiven = true;
};

/// Changes the steps of `conversion`.
llvm::Error chooseForAll(Conversion &conversion, const ChoiceWishes &wishes);

/// What a plan makes of each matrix by its name, for programs to be annotated
/// alike.
QuantConfig configOf(const Conversion &conversion, const QuantMethod &usual);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_CHOICE_H
