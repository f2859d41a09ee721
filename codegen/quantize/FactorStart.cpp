//===- FactorStart.cpp - A product of factors for wanted numbers ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/FactorStart.h"

#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

/// The nearest code whose number is not 0, if there is one.
static uint32_t nearestButZero(const FieldNumbers &numbers, double t) {
  uint32_t code = numbers.nearest(t);
  if (numbers.number(code) != 0 || t == 0)
    return code;
  for (uint32_t other : numbers.neighbours(t, 2))
    if (double number = numbers.number(other);
        number != 0 && (number < 0) == (t < 0))
      return other;
  return code;
}

FactorStart::FactorStart(llvm::ArrayRef<FieldNumbers> fields,
                         llvm::ArrayRef<int> factors, const Problem &problem,
                         llvm::ArrayRef<Wanted> wanted, FixedCodes fixed)
    : fields(fields), problem(problem), fixed(fixed), order(factors),
      asked(wanted.begin(), wanted.end()), choices(problem.cells.size()) {
  llvm::SmallVector<int64_t> numCells(fields.size());
  for (const Cell &cell : problem.cells)
    ++numCells[cell.field];
  llvm::stable_sort(order, [&](int a, int b) {
    return std::pair(numCells[a], !fields[a].isWide()) <
           std::pair(numCells[b], !fields[b].isWide());
  });
}

/// The largest of what the groups of a cell want.
double FactorStart::extremeOf(const Cell &cell) const {
  double extreme = 0;
  for (int group : cell.groups)
    if (std::fabs(wanted[group].product) > std::fabs(extreme))
      extreme = wanted[group].product;
  return extreme;
}

/// A factor above the two finest: what all others can make of it is enough.
uint32_t FactorStart::startCoarse(const Cell &cell, double reach) const {
  return nearestButZero(fields[cell.field], extremeOf(cell) / reach);
}

double FactorStart::costOf(const Cell &cell, double coarse,
                           const FieldNumbers &fine) const {
  double cost = 0, inverse = coarse == 0 ? 0 : 1 / coarse;
  for (int group : cell.groups) {
    const Wanted &want = wanted[group];
    double near = coarse * fine.nearestNumber(want.product * inverse);
    cost += want.cost * (near - want.product) * (near - want.product);
  }
  return cost;
}

/// Numbers of the finer factor that the largest of the groups may get: all that
/// use most of its range, and some of the others, which are for factors that
/// cannot become smaller.
static llvm::SmallVector<double> triedNumbers(const FieldNumbers &fine) {
  if (fine.isWide())
    return {1};
  llvm::SmallVector<double> numbers;
  llvm::ArrayRef<double> all = fine.sorted();
  double largest =
      std::max(std::fabs(fine.lowest()), std::fabs(fine.highest()));
  size_t step = all.size() <= 64 ? 1 : 2, index = 0;
  for (double number : all) {
    size_t every = std::fabs(number) >= 0.6 * largest ? step : 6 * step;
    if (number != 0 && index++ % every == 0)
      numbers.push_back(number);
  }
  return numbers;
}

/// The coarser of two factors: such that the largest of the groups gets a
/// number of the finer one.
const FactorStart::Choices &FactorStart::choicesOf(int index,
                                                   const FieldNumbers &fine) {
  if (choices[index])
    return *choices[index];
  const Cell &cell = problem.cells[index];
  const FieldNumbers &coarse = fields[cell.field];
  double extreme = extremeOf(cell);
  Choices &result = choices[index].emplace();
  for (double number : triedNumbers(fine)) {
    uint32_t choice = nearestButZero(coarse, extreme / number);
    if (!llvm::is_contained(llvm::make_second_range(result), choice))
      result.push_back({costOf(cell, coarse.number(choice), fine), choice});
  }
  if (result.empty())
    result.push_back({0, coarse.nearest(0)});
  llvm::stable_sort(result, llvm::less_first());
  return result;
}

/// The finest factor: what its groups want on the whole.
uint32_t FactorStart::startFine(const Cell &cell) const {
  double sum = 0, cost = 0;
  for (int group : cell.groups) {
    sum += wanted[group].product * wanted[group].cost;
    cost += wanted[group].cost;
  }
  return fields[cell.field].nearest(cost > 0 ? sum / cost : extremeOf(cell));
}

void FactorStart::divide(const Cell &cell, double number) {
  for (int group : cell.groups) {
    Wanted &want = wanted[group];
    want.product = number == 0 ? 0 : want.product / number;
    want.cost *= number * number;
  }
}

void FactorStart::start(int attempt, std::vector<uint32_t> &codes) {
  wanted = asked;
  // With more than two, the choices depend on the factors above.
  if (order.size() > 2)
    choices.assign(choices.size(), std::nullopt);
  auto largest = [&](int field) {
    // Wide floats need not be used up to their bounds.
    return fields[field].isWide() ? 1
                                  : std::max({std::fabs(fields[field].lowest()),
                                              fields[field].highest(), 1e-30});
  };
  for (size_t level = 0; level < order.size(); ++level) {
    double reach = 1;
    for (int finer : llvm::ArrayRef(order).drop_front(level + 1))
      reach *= largest(finer);
    size_t behind = order.size() - level - 1;
    for (int i = 0; i < int(problem.cells.size()); ++i) {
      const Cell &cell = problem.cells[i];
      if (cell.field != order[level])
        continue;
      if (!fixed.empty() && fixed[cell.field]) {
        codes[i] = *fixed[cell.field];
      } else if (behind == 0) {
        codes[i] = startFine(cell);
      } else if (behind == 1) {
        const Choices &all = choicesOf(i, fields[order.back()]);
        codes[i] = all[std::min<size_t>(attempt, all.size() - 1)].second;
      } else {
        codes[i] = startCoarse(cell, reach);
      }
      divide(cell, fields[cell.field].number(codes[i]));
    }
  }
}
