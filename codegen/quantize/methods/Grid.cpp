//===- Grid.cpp - The numbers that a scheme can hold, row by row ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/Grid.h"

#include "codegen/quantize/RowBytes.h"
#include "codegen/quantize/Rules.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace rlx;
using namespace rlx::quantize;

llvm::Expected<std::unique_ptr<WeightPlan>>
rlx::quantize::planOfGrid(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
                          QuantizeOptions options) {
  // Errors of numbers that are not finite would spread.
  options.allowNonFinite = false;
  if (llvm::Error error = checkOwnCodes(scheme))
    return error;
  return WeightPlan::create(scheme, shape, std::move(options));
}

llvm::Expected<GridRows> GridRows::create(const WeightPlan &plan, int64_t begin,
                                          int64_t end) {
  GridRows rows(plan, begin, end);
  int64_t columns = plan.columns;
  auto problems = problemsOf(
      plan.scheme, {begin % plan.rowsPerExpert(), end - begin, columns},
      plan.fixedCodes(begin));
  if (!problems)
    return problems.takeError();
  rows.problems = std::move(*problems);
  rows.codes.resize((end - begin) * columns);
  rows.groupOf.resize(rows.codes.size());
  for (auto [p, problem] : llvm::enumerate(rows.problems)) {
    Piece piece{int(p), columns, 0};
    rows.firstGroup.push_back(int(rows.parts.size()));
    for (const Group &group : problem.groups) {
      for (int64_t i = group.begin; i < group.end; ++i) {
        int64_t element = problem.elements[i];
        rows.groupOf[element] = int(rows.parts.size());
        piece.firstColumn = std::min(piece.firstColumn, element % columns);
        piece.endColumn = std::max(piece.endColumn, element % columns + 1);
      }
      rows.parts.emplace_back();
    }
    rows.order.push_back(piece);
  }
  rows.cellCodes.resize(rows.problems.size());
  llvm::stable_sort(rows.order, [](const Piece &a, const Piece &b) {
    return a.firstColumn < b.firstColumn;
  });
  return rows;
}

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

void GridRows::chooseScales(const Piece &piece, llvm::ArrayRef<double> values) {
  const Problem &problem = problems[piece.problem];
  std::vector<uint32_t> &chosen = cellCodes[piece.problem];
  chosen.clear();
  if (problem.cells.empty())
    return;
  size_t count = problem.elements.size();
  std::vector<float> singles(count);
  constexpr double largest = std::numeric_limits<float>::max();
  for (size_t i = 0; i < count; ++i)
    singles[i] =
        float(std::clamp(values[problem.elements[i]], -largest, largest));
  FixedCodes fixed = plan.fixedCodes(begin);
  if (!fixed.empty() && llvm::all_of(problem.cells, [&](const Cell &cell) {
        return fixed[cell.field].has_value();
      })) {
    for (const Cell &cell : problem.cells)
      chosen.push_back(*fixed[cell.field]);
  } else if (plan.rule.method != QuantRule::Method::search && fixed.empty() &&
             problem.groups.size() == 1) {
    std::vector<uint32_t> unused;
    followRule(plan.rule, plan.numbers, problem, singles, chosen, unused);
  } else {
    std::vector<double> x(singles.begin(), singles.end()), w(count, 1);
    double sum = 0;
    const float *importance = plan.importanceOf(begin);
    for (size_t i = 0; i < count && importance; ++i)
      sum += w[i] = importance[problem.elements[i] % plan.columns];
    // Where nothing counts, all count alike.
    if (!(sum > 0))
      std::fill(w.begin(), w.end(), 1);
    chosen = Solver(plan.numbers, problem, x.data(), w.data(), nullptr, fixed)
                 .solve()
                 .codes;
  }
  for (auto [g, group] : llvm::enumerate(problem.groups))
    parts[firstGroup[piece.problem] + g] =
        Solver::partsOf(plan.numbers, group, chosen);
}

double GridRows::choose(int64_t row, int64_t column, double value) {
  int64_t element = row * plan.columns + column;
  const Solver::Parts &group = parts[groupOf[element]];
  uint32_t code = exactCode(plan.numbers.code, group, value);
  codes[element] = code;
  return group.scale * (plan.numbers.code.number(code) - group.zero) +
         group.offset;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

void GridRows::write(QuantizedBytes bytes) const {
  std::fill(bytes.blocks.begin(), bytes.blocks.end(), 0);
  RowBytes rows(plan, begin, bytes);
  auto placeOf = [&](int64_t element) {
    return RowBytes::Place{begin + element / plan.columns,
                           element % plan.columns};
  };
  for (auto [problem, chosen] : llvm::zip(problems, cellCodes))
    for (auto [cell, code] : llvm::zip(problem.cells, chosen))
      if (plan.writesField(cell.field, begin))
        rows.writeCell(cell, placeOf(cell.element), code);
  for (auto [element, code] : llvm::enumerate(codes))
    rows.writeCode(placeOf(int64_t(element)), code);
  for (int64_t row = begin; row < end && plan.rule.sums; ++row)
    rows.writeSums(row);
}
