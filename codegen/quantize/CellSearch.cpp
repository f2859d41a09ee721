//===- CellSearch.cpp - The codes of a problem's cells --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/CellSearch.h"

using namespace rlx;
using namespace rlx::quantize;

const float *quantize::countAll(const Problem &problem, const float *w,
                                std::vector<float> &room) {
  if (!w)
    return nullptr;
  auto counts = [&](const Group &group) {
    return llvm::any_of(
        llvm::ArrayRef(w + group.begin, group.end - group.begin),
        [](float weight) { return weight > 0; });
  };
  // Most often all do, and the first element tells.
  if (llvm::all_of(problem.groups, counts))
    return w;
  size_t count = problem.elements.size();
  double sum = 0;
  for (float weight : llvm::ArrayRef(w, count))
    sum += weight;
  if (!(sum > 0))
    return nullptr;
  constexpr double little = 1e-4;
  auto least = float(little * sum / double(count));
  bool isCopied = false;
  for (const Group &group : problem.groups) {
    if (counts(group))
      continue;
    if (!isCopied)
      room.assign(w, w + count);
    isCopied = true;
    std::fill(room.begin() + group.begin, room.begin() + group.end, least);
  }
  return isCopied ? room.data() : w;
}

void CellSearch::prepare(const Problem &given, FixedCodes codesOfFields) {
  problem = &given;
  fixed = codesOfFields;
  hasTrials = trials.prepare(given, fixed);
}

const std::vector<uint32_t> &CellSearch::solve(const float *x, const float *w) {
  size_t count = problem->elements.size();
  w = countAll(*problem, w, room);
  if (hasTrials && trials.solve(x, w, codes))
    return codes;
  std::vector<double> values(x, x + count), weights(count, 1);
  if (w)
    weights.assign(w, w + count);
  codes =
      Solver(numbers, *problem, values.data(), weights.data(), nullptr, fixed)
          .solve()
          .codes;
  return codes;
}
