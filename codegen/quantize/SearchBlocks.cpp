//===- SearchBlocks.cpp - Blocks by a search ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/SearchBlocks.h"

#include "codegen/quantize/RowExtremes.h"

#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

bool SearchBlocks::areSearched(const WeightPlan &plan) {
  if (plan.blockProblems.empty() || !plan.storesCodes() ||
      plan.options.allowNonFinite)
    return false;
  return plan.rule.method == QuantRule::Method::search ||
         llvm::all_of(plan.blockProblems, [](const Problem &problem) {
           return problem.groups.size() > 1;
         });
}

SearchBlocks::SearchBlocks(const WeightPlan &plan)
    : plan(plan), codes(plan.scheme.block()) {
  for (const Problem &problem : plan.blockProblems) {
    searches.emplace_back(plan.numbers).prepare(problem);
    bool isOne = true;
    for (size_t i = 0; i < problem.elements.size(); ++i)
      isOne &= problem.elements[i] == problem.elements[0] + int64_t(i);
    isRun.push_back(isOne);
  }
}

void SearchBlocks::write(const float *x, const float *importance,
                         uint8_t *block) {
  for (size_t i = 0; i < plan.blockProblems.size(); ++i)
    writeProblem(i, x, importance, block);
  plan.storeCodes(codes.data(), block);
}

void SearchBlocks::writeProblem(size_t index, const float *x,
                                const float *importance, uint8_t *block) {
  const Problem &problem = plan.blockProblems[index];
  size_t count = problem.elements.size();
  const float *from = x + problem.elements.front(),
              *w = importance ? importance + problem.elements.front() : nullptr;
  uint8_t *to = codes.data() + problem.elements.front();
  if (!isRun[index]) {
    values.resize(count);
    for (size_t i = 0; i < count; ++i)
      values[i] = x[problem.elements[i]];
    from = values.data();
    if (importance) {
      weights.resize(count);
      for (size_t i = 0; i < count; ++i)
        weights[i] = importance[problem.elements[i]];
      w = weights.data();
    }
    gathered.resize(count);
    to = gathered.data();
  }
  const std::vector<uint32_t> &cellCodes = searches[index].solve(from, w);
  for (auto [cell, code] : llvm::zip_equal(problem.cells, cellCodes))
    plan.fieldBits[cell.field]->write(block, cell.element, code);
  float largest = RowExtremes<float>(from, int64_t(count)).magnitude();
  for (const Group &group : problem.groups)
    plan.nearest.choose(Solver::partsOf(plan.numbers, group, cellCodes),
                        {from + group.begin, from + group.end}, largest,
                        to + group.begin);
  if (!isRun[index])
    for (size_t i = 0; i < count; ++i)
      codes[problem.elements[i]] = gathered[i];
}
