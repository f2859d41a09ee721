//===- CodeLine.h - Codes as numbers on a line ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inner loop of every search: for a scale and a base, the nearest number to
// each element, and the sums from which the error and a better scale follow.
// Codes themselves come later; here they are numbers.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_CODELINE_H
#define RLX_CODEGEN_QUANTIZE_CODELINE_H

#include "codegen/quantize/CodeLoops.h"
#include "codegen/quantize/FieldNumbers.h"

namespace rlx::quantize {

/// What does not depend on q.
struct SampleSums {
  double w = 0, x = 0, xx = 0, least = 0, most = 0;
};
SampleSums sumsOf(Samples samples);

class CodeLine {
public:
  explicit CodeLine(const FieldNumbers &numbers);

  /// The number nearest to each element.
  Sums assign(Samples samples, Line line, double *q) const;
  const FieldNumbers &numbers() const { return field; }
  /// How many numbers there are, as far as a search cares.
  int64_t levels() const { return count; }

private:
  Sums assignAny(Samples samples, Line line, double *q) const;

  const FieldNumbers &field;
  const CodeLoops &loops;
  int64_t count;
  std::vector<double> values, middles; ///< Of few numbers.
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_CODELINE_H
