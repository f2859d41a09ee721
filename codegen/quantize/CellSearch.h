//===- CellSearch.h - The codes of a problem's cells ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Searches for scales and offsets of least error: by TrialSolver.h where a
// problem is of its kind, by Solver.h else.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_CELLSEARCH_H
#define RLX_CODEGEN_QUANTIZE_CELLSEARCH_H

#include "codegen/quantize/TrialSolver.h"

namespace rlx::quantize {

/// Weights of the elements of `problem` where some groups weigh nothing: these
/// get a little, so that they are written as well as what they share with
/// others allows. Where nothing counts, all count alike, which is null. `w` is
/// null or as long as the problem; what is returned may lie in `room`.
const float *countAll(const Problem &problem, const float *w,
                      std::vector<float> &room);

class CellSearch {
public:
  explicit CellSearch(const SchemeNumbers &numbers)
      : numbers(numbers), trials(numbers) {}

  /// The problem must outlive calls of `solve`, and so must the codes of
  /// `fixed` fields, which stay.
  void prepare(const Problem &problem, FixedCodes fixed = {});

  /// Codes of the cells, for finite numbers and their weights, in the order of
  /// the problem's elements; null: all weigh 1. They stay until the next call.
  const std::vector<uint32_t> &solve(const float *x, const float *w);

private:
  const SchemeNumbers &numbers;
  const Problem *problem = nullptr;
  FixedCodes fixed;
  TrialSolver trials;
  bool hasTrials = false;
  std::vector<uint32_t> codes;
  std::vector<float> room;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_CELLSEARCH_H
