//===- RowWriter.cpp - Problems of some rows, solved and written ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/RowWriter.h"

#include "codegen/quantize/Rules.h"

#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

void RowWriter::gather(const Problem &problem) {
  size_t count = problem.elements.size();
  singles.resize(count);
  if (patch.rows == 1) {
    const float *from =
        values + (patch.firstRow - begin) * plan.columns + firstColumn;
    for (size_t i = 0; i < count; ++i)
      singles[i] = from[problem.elements[i]];
  } else {
    for (size_t i = 0; i < count; ++i)
      singles[i] = valueAt(placeOf(problem.elements[i]));
  }
}

const float *RowWriter::weigh(const Problem &problem) {
  const float *importance = plan.importanceOf(patch.firstRow);
  size_t count = problem.elements.size();
  w.assign(count, 1);
  bool isOne = importance == nullptr;
  for (size_t i = 0; i < count; ++i) {
    if (importance)
      w[i] = importance[firstColumn + problem.elements[i] % patch.columns];
    if (!std::isfinite(singles[i])) {
      singles[i] = w[i] = 0;
      isOne = false;
    }
  }
  return isOne ? nullptr : w.data();
}

/// Elements get the codes that are nearest for the cells' codes.
void RowWriter::chooseNearest(const Problem &problem) {
  elementCodes.resize(singles.size());
  for (const Group &group : problem.groups) {
    Solver::Parts parts = Solver::partsOf(plan.numbers, group, cellCodes);
    for (int64_t i = group.begin; i < group.end; ++i)
      elementCodes[i] = exactCode(plan.numbers.code, parts, singles[i]);
  }
}

void RowWriter::solve(const Problem &problem) {
  FixedCodes fixed = plan.fixedCodes(patch.firstRow);
  if (!fixed.empty() && llvm::all_of(problem.cells, [&](const Cell &cell) {
        return fixed[cell.field].has_value();
      })) {
    weigh(problem);
    cellCodes.clear();
    for (const Cell &cell : problem.cells)
      cellCodes.push_back(*fixed[cell.field]);
    return chooseNearest(problem);
  }
  if (plan.rule.method != QuantRule::Method::search && fixed.empty() &&
      problem.groups.size() == 1) {
    for (float &value : singles)
      value = std::isfinite(value) ? value : 0;
    followRule(plan.rule, plan.numbers, problem, singles, cellCodes,
               elementCodes);
    return;
  }
  const float *weights = weigh(problem);
  if (const VectorCodes *vectors = plan.vectorsOf(problem)) {
    exactX.assign(singles.begin(), singles.end());
    exactW.assign(singles.size(), 1);
    std::vector<float> room;
    if (const float *all = countAll(problem, weights, room))
      exactW.assign(all, all + singles.size());
    cellCodes =
        Solver(plan.numbers, problem, exactX.data(), exactW.data(), vectors)
            .solve()
            .codes;
    return;
  }
  search.prepare(problem, fixed);
  cellCodes = search.solve(singles.data(), weights);
  chooseNearest(problem);
}

llvm::ArrayRef<uint32_t> RowWriter::chooseCells(const Problem &problem,
                                                Patch where) {
  patch = where;
  firstColumn = 0;
  gather(problem);
  solve(problem);
  return cellCodes;
}

/// The codes that elements share, for the cells as they are.
void RowWriter::writeVectors(const Problem &problem,
                             const VectorCodes &vectors) {
  uint8_t *block = bytes.blockAt(placeOf(0));
  std::vector<double> q(exactX.size());
  for (auto [g, group] : llvm::enumerate(problem.groups)) {
    Solver::Parts parts = Solver::partsOf(plan.numbers, group, cellCodes);
    vectors.assign(int(g),
                   {exactX.data() + group.begin, exactW.data() + group.begin,
                    group.end - group.begin},
                   {parts.scale, parts.base()}, q.data() + group.begin, block);
  }
}

void RowWriter::write(const Problem &problem, Patch where, int64_t column) {
  patch = where;
  firstColumn = column;
  gather(problem);
  solve(problem);
  for (auto [cell, code] : llvm::zip(problem.cells, cellCodes))
    if (plan.writesField(cell.field, patch.firstRow))
      bytes.writeCell(cell, placeOf(cell.element), code);
  if (const VectorCodes *vectors = plan.vectorsOf(problem))
    return writeVectors(problem, *vectors);
  if (plan.options.allowNonFinite)
    for (size_t i = 0; i < problem.elements.size(); ++i)
      if (float value = valueAt(placeOf(problem.elements[i]));
          !std::isfinite(value))
        elementCodes[i] = *plan.numbers.code.special(value);
  if (patch.rows == 1 && patch.columns == plan.scheme.block()) {
    uint8_t *block = bytes.blockAt(placeOf(0));
    for (size_t i = 0; i < problem.elements.size(); ++i)
      if (plan.productCodes)
        plan.productCodes->write(block, problem.elements[i], elementCodes[i]);
      else
        plan.codeBits.write(block, problem.elements[i], elementCodes[i]);
    return;
  }
  for (size_t i = 0; i < problem.elements.size(); ++i) {
    Place place = placeOf(problem.elements[i]);
    bytes.writeCode(place, elementCodes[i]);
  }
}

/// Without scales, each element is for itself.
void RowWriter::writePlain(int64_t row) {
  for (int64_t column = 0; column < plan.columns; ++column) {
    Place place{row, column};
    float value = valueAt(place);
    uint32_t code = std::isfinite(value) ? plan.numbers.code.nearest(value)
                                         : *plan.numbers.code.special(value);
    bytes.writeCode(place, code);
  }
}
