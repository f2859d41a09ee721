//===- TrialNumbers.h - The numbers of a field, for trials ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What LineTrials.h has to know of a code or a field: integers that follow each
// other, or a few numbers and the middles between them.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_TRIALNUMBERS_H
#define RLX_CODEGEN_QUANTIZE_TRIALNUMBERS_H

#include "codegen/quantize/FieldNumbers.h"
#include "codegen/quantize/LineTrials.h"

namespace rlx::quantize {

class TrialNumbers {
public:
  explicit TrialNumbers(const FieldNumbers &numbers);

  /// Whether there are so few that trials can be made.
  bool isUsable() const { return usable; }
  /// Where lines have no base, numbers of both signs may be those of one.
  TriedNumbers tried(bool hasBase) const;
  int levels() const { return count; }
  float low() const { return values[0]; }
  float high() const { return values[count - 1]; }

  /// The position of the number that is nearest to `t`, among all that rise.
  int positionOf(float t) const;
  /// Numbers and codes by position; the last stands behind the end again as
  /// often as there are lanes.
  const float *numbers() const { return values.data(); }
  const uint32_t *codes() const { return codeByPosition.data(); }

private:
  static std::vector<float> middlesOf(llvm::ArrayRef<float> numbers);

  /// All, and those above or equal to 0 where the others are their negatives.
  std::vector<float> values, middles, magnitudes, magnitudeMiddles;
  std::vector<uint32_t> codeByPosition;
  int count = 0;
  bool usable = false, isInteger = false;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_TRIALNUMBERS_H
