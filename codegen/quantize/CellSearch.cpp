//===- CellSearch.cpp - The codes of a problem's cells --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/CellSearch.h"

using namespace rlx;
using namespace rlx::quantize;

void CellSearch::prepare(const Problem &given) {
  problem = &given;
  hasTrials = trials.prepare(given);
}

const std::vector<uint32_t> &CellSearch::solve(const float *x, const float *w) {
  size_t count = problem->elements.size();
  // Where nothing counts, all count alike.
  if (w && llvm::all_of(llvm::ArrayRef(w, count),
                        [](float weight) { return weight == 0; }))
    w = nullptr;
  if (hasTrials && trials.solve(x, w, codes))
    return codes;
  std::vector<double> values(x, x + count), weights(count, 1);
  if (w)
    weights.assign(w, w + count);
  codes =
      Solver(numbers, *problem, values.data(), weights.data()).solve().codes;
  return codes;
}
