//===- LineSearch.h - The scale and base of one group -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For elements that share scale and base, the numbers of both that give the
// least squared error, as real numbers: how they are stored does not count here
// (Solver.h).
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_LINESEARCH_H
#define RLX_CODEGEN_QUANTIZE_LINESEARCH_H

#include "codegen/quantize/CodeLine.h"

#include <optional>

namespace rlx::quantize {

/// What numbers of a kind there may be.
enum class Signs { none, notNegative, notPositive, both };

struct LineRange {
  Signs scale = Signs::both;
  Signs base = Signs::none;
  /// Where the base is that of a zero, -zero * scale: the largest zero that can
  /// be stored, so that |base| <= reach * |scale|.
  std::optional<double> reach = std::nullopt;
};

/// A line and how much worse its neighbours are: with another scale the error
/// is about `error + curvature * (scale' - scale)^2`.
struct FittedLine {
  Line line;
  double error = 0, scaleCurvature = 0, baseCurvature = 0;
};

/// `scratch` has room for the elements.
FittedLine searchLine(const CodeLine &codes, Samples samples, LineRange range,
                      double *scratch);

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_LINESEARCH_H
