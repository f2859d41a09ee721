//===- FactorStart.cpp - A product of factors for wanted numbers ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/FactorStart.h"

#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

namespace {
class FactorStart {
public:
  FactorStart(llvm::ArrayRef<FieldNumbers> fields, const Problem &problem,
              llvm::ArrayRef<Wanted> wanted, std::vector<uint32_t> &codes)
      : fields(fields), problem(problem), wanted(wanted.begin(), wanted.end()),
        codes(codes) {}

  void run(llvm::ArrayRef<int> factors, int attempt);

private:
  void countCells(llvm::ArrayRef<int> factors);
  void startCoarse(const Cell &cell, uint32_t &code, double reach);
  void startPair(const Cell &cell, uint32_t &code, const FieldNumbers &fine,
                 int attempt);
  void startFine(const Cell &cell, uint32_t &code);
  double costOf(const Cell &cell, double coarse,
                const FieldNumbers &fine) const;
  const FieldNumbers &numbersOf(const Cell &cell) const {
    return fields[cell.field];
  }

  llvm::ArrayRef<FieldNumbers> fields;
  const Problem &problem;
  std::vector<Wanted> wanted; ///< Less the factors that are chosen.
  std::vector<uint32_t> &codes;
  llvm::SmallVector<int64_t> numCells; ///< Of each field.
};
} // namespace

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

/// The largest of what the groups of a cell want.
static double extremeOf(const Cell &cell, llvm::ArrayRef<Wanted> wanted) {
  double extreme = 0;
  for (int group : cell.groups)
    if (std::fabs(wanted[group].product) > std::fabs(extreme))
      extreme = wanted[group].product;
  return extreme;
}

/// A factor above the two finest: what all others can make of it is enough.
void FactorStart::startCoarse(const Cell &cell, uint32_t &code, double reach) {
  code = nearestButZero(numbersOf(cell), extremeOf(cell, wanted) / reach);
}

double FactorStart::costOf(const Cell &cell, double coarse,
                           const FieldNumbers &fine) const {
  double cost = 0;
  for (int group : cell.groups) {
    const Wanted &want = wanted[group];
    double near =
        coarse == 0 ? 0
                    : coarse * fine.number(fine.nearest(want.product / coarse));
    cost += want.cost * (near - want.product) * (near - want.product);
  }
  return cost;
}

/// The coarser of two factors: such that the largest of the groups gets a
/// number of the finer one, each of which is tried.
void FactorStart::startPair(const Cell &cell, uint32_t &code,
                            const FieldNumbers &fine, int attempt) {
  const FieldNumbers &coarse = numbersOf(cell);
  double extreme = extremeOf(cell, wanted);
  llvm::SmallVector<double> numbers;
  if (fine.isWide()) {
    numbers = {1};
  } else {
    // All of few; of many, those at the ends, which use the most of them.
    constexpr size_t few = 64, ends = 40;
    llvm::ArrayRef<double> all = fine.sorted();
    for (size_t i = 0; i < all.size(); ++i)
      if (all.size() <= few || i < ends || i + ends >= all.size() || i % 8 == 0)
        if (all[i] != 0)
          numbers.push_back(all[i]);
  }
  llvm::SmallVector<std::pair<double, uint32_t>> choices;
  for (double number : numbers) {
    uint32_t choice = nearestButZero(coarse, extreme / number);
    if (!llvm::is_contained(llvm::make_second_range(choices), choice))
      choices.push_back({costOf(cell, coarse.number(choice), fine), choice});
  }
  llvm::stable_sort(choices, llvm::less_first());
  code = choices.empty()
             ? coarse.nearest(0)
             : choices[std::min<size_t>(attempt, choices.size() - 1)].second;
}

/// The finest factor: what its groups want on the whole.
void FactorStart::startFine(const Cell &cell, uint32_t &code) {
  double sum = 0, cost = 0;
  for (int group : cell.groups) {
    sum += wanted[group].product * wanted[group].cost;
    cost += wanted[group].cost;
  }
  double mean = cost > 0 ? sum / cost : extremeOf(cell, wanted);
  code = numbersOf(cell).nearest(mean);
}

void FactorStart::countCells(llvm::ArrayRef<int> factors) {
  numCells.assign(fields.size(), 0);
  for (const Cell &cell : problem.cells)
    ++numCells[cell.field];
}

void FactorStart::run(llvm::ArrayRef<int> factors, int attempt) {
  countCells(factors);
  llvm::SmallVector<int> order(factors);
  llvm::stable_sort(order, [&](int a, int b) {
    return std::pair(numCells[a], !fields[a].isWide()) <
           std::pair(numCells[b], !fields[b].isWide());
  });
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
    for (size_t i = 0; i < problem.cells.size(); ++i) {
      const Cell &cell = problem.cells[i];
      if (cell.field != order[level])
        continue;
      if (behind == 0)
        startFine(cell, codes[i]);
      else if (behind == 1)
        startPair(cell, codes[i], fields[order.back()], attempt);
      else
        startCoarse(cell, codes[i], reach);
      double number = fields[cell.field].number(codes[i]);
      for (int group : cell.groups) {
        Wanted &want = wanted[group];
        want.product = number == 0 ? 0 : want.product / number;
        want.cost *= number * number;
      }
    }
  }
}

void quantize::startFactors(llvm::ArrayRef<FieldNumbers> fields,
                            llvm::ArrayRef<int> factors, const Problem &problem,
                            llvm::ArrayRef<Wanted> wanted, int attempt,
                            std::vector<uint32_t> &codes) {
  FactorStart(fields, problem, wanted, codes).run(factors, attempt);
}
