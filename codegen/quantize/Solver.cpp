//===- Solver.cpp - Scales and offsets of least error ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a problem is started; Refine.cpp makes it better.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/Solver.h"

#include "llvm/ADT/Sequence.h"

#include <cmath>
#include <limits>

using namespace rlx;
using namespace rlx::quantize;

SchemeNumbers::SchemeNumbers(QuantScheme scheme, QuantRule::Ties ties)
    : scheme(scheme), list(scheme), code(scheme.attr().getCode(), ties),
      line(code), trialCode(code) {
  for (FieldAttr field : list.fields)
    fields.emplace_back(field);
  for (const FieldNumbers &field : fields)
    trialFields.emplace_back(field);
}

//===----------------------------------------------------------------------===//
// What signs there may be
//===----------------------------------------------------------------------===//

namespace {
/// The signs of a product of fields, and whether many groups share the choice
/// of one, as those of a block's f16 times unsigned numbers do.
struct ProductSigns {
  Signs signs = Signs::none;
  bool shared = false;
};
} // namespace

static Signs flipped(Signs signs) {
  if (signs == Signs::notNegative)
    return Signs::notPositive;
  return signs == Signs::notPositive ? Signs::notNegative : signs;
}

static Signs signsOf(const FieldNumbers &numbers) {
  if (numbers.hasNegative() && numbers.hasPositive())
    return Signs::both;
  return numbers.hasNegative() ? Signs::notPositive : Signs::notNegative;
}

/// Of the fields first <= i < last; cellsOf counts a field's cells.
static ProductSigns signsOfProduct(llvm::ArrayRef<FieldNumbers> fields,
                                   int first, int last,
                                   llvm::ArrayRef<int64_t> numCells) {
  ProductSigns result;
  if (first == last)
    return result;
  int finest = first;
  result.signs = Signs::notNegative;
  for (int i = first; i < last; ++i) {
    if (numCells[i] > numCells[finest])
      finest = i;
    Signs signs = signsOf(fields[i]);
    if (signs == Signs::both || result.signs == Signs::both)
      result.signs = Signs::both;
    else if (signs == Signs::notPositive)
      result.signs = flipped(result.signs);
  }
  result.shared =
      result.signs == Signs::both && signsOf(fields[finest]) != Signs::both;
  return result;
}

llvm::SmallVector<LineRange> Solver::hypotheses() const {
  const FieldList &list = numbers.list;
  llvm::SmallVector<int64_t> numCells(list.fields.size());
  for (const Cell &cell : problem.cells)
    ++numCells[cell.field];
  int firstOffset = list.numScales + list.numZeros,
      last = int(list.fields.size());
  ProductSigns scale =
      signsOfProduct(numbers.fields, 0, list.numScales, numCells);
  ProductSigns base =
      signsOfProduct(numbers.fields, firstOffset, last, numCells);
  if (numbers.scheme.attr().getOffsetNegative())
    base.signs = flipped(base.signs);
  if (list.numZeros)
    base = {Signs::both, false};

  // Codes of one sign that have a base reach values of both signs one way only.
  bool oneSided = numbers.code.lowest() >= 0;
  llvm::SmallVector<Signs> scales = {scale.signs}, bases = {base.signs};
  if (scale.shared)
    scales =
        oneSided && base.signs != Signs::none
            ? llvm::SmallVector<Signs>{Signs::notNegative}
            : llvm::SmallVector<Signs>{Signs::notNegative, Signs::notPositive};
  if (base.shared) {
    int64_t positive = llvm::count_if(
        all, [](const SampleSums &sums) { return sums.least >= 0; });
    bases = {Signs::notPositive};
    if (!oneSided || 2 * positive >= int64_t(all.size()))
      bases.push_back(Signs::notNegative);
  }
  llvm::SmallVector<LineRange> result;
  for (Signs s : scales)
    for (Signs b : bases)
      result.push_back({s, b});
  if (list.numZeros == 0 || firstOffset != last)
    return result;
  // A zero that has one sign gives bases of one sign for scales of one sign.
  const FieldNumbers &zero = numbers.fields[list.numScales];
  double reach = std::max(std::fabs(zero.lowest()), std::fabs(zero.highest()));
  if (zero.lowest() < 0) {
    for (LineRange &range : result)
      range.reach = reach;
    return result;
  }
  result = {{Signs::notNegative, Signs::notPositive, reach}};
  if (scale.signs == Signs::both)
    result.push_back({Signs::notPositive, Signs::notNegative, reach});
  return result;
}

//===----------------------------------------------------------------------===//
// The start
//===----------------------------------------------------------------------===//

Solver::Solver(const SchemeNumbers &numbers, const Problem &problem,
               const double *x, const double *w, const VectorCodes *vectors,
               FixedCodes fixed)
    : numbers(numbers), problem(problem), x(x), w(w), vectors(vectors),
      fixed(fixed) {
  for (const Group &group : problem.groups)
    all.push_back(sumsOf(samplesOf(group)));
  for (int i = 0; i < int(problem.cells.size()); ++i)
    if (!isFixed(i))
      order.push_back(i);
  llvm::stable_sort(order, [&](int a, int b) {
    return problem.cells[a].groups.size() < problem.cells[b].groups.size();
  });
  findPairs();
}

/// A scale's cell and that of a zero or offset which the same groups read are
/// chosen together. A cell that a group reads twice follows no line.
void Solver::findPairs() {
  const FieldList &list = numbers.list;
  baseOf.assign(problem.cells.size(), -1);
  isPaired.assign(problem.cells.size(), false);
  isIrregular.assign(problem.cells.size(), false);
  for (const Group &group : problem.groups)
    for (size_t i = 0; i < group.cells.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (group.cells[i] == group.cells[j])
          isIrregular[group.cells[i]] = true;
  for (int scale = 0; scale < int(problem.cells.size()); ++scale) {
    const Cell &cell = problem.cells[scale];
    if (!list.isScale(cell.field) || isIrregular[scale] || isFixed(scale))
      continue;
    for (int base : problem.groups[cell.groups.front()].cells) {
      const Cell &other = problem.cells[base];
      if (list.isScale(other.field) || isIrregular[base] || isPaired[base] ||
          isFixed(base) || other.groups != cell.groups)
        continue;
      baseOf[scale] = base;
      isPaired[base] = true;
      break;
    }
  }
}

void Solver::fitGroups(LineRange range) {
  fitted.clear();
  std::vector<double> scratch(problem.elements.size());
  for (auto [group, sums] : llvm::zip(problem.groups, all)) {
    if (numbers.list.numScales == 0) {
      // The numbers as they are, in the middle of the values.
      double middle = (sums.least + sums.most) / 2 -
                      (numbers.code.lowest() + numbers.code.highest()) / 2;
      fitted.push_back({{1, middle}, 0, 1, sums.w});
      continue;
    }
    fitted.push_back(
        searchLine(numbers.line, samplesOf(group), range, scratch.data()));
  }
}

Solver::Parts Solver::partsOf(const SchemeNumbers &numbers, const Group &group,
                              llvm::ArrayRef<uint32_t> codes) {
  Parts parts;
  double offset = 1;
  bool hasOffset = false;
  for (int i = 0; i < int(group.cells.size()); ++i) {
    double number = numbers.fields[i].number(codes[group.cells[i]]);
    if (numbers.list.isScale(i))
      parts.scale *= number;
    else if (numbers.list.isZero(i))
      parts.zero = number;
    else {
      offset *= number;
      hasOffset = true;
    }
  }
  if (hasOffset)
    parts.offset = numbers.scheme.attr().getOffsetNegative() ? -offset : offset;
  return parts;
}

/// With the scales that groups want, times `stretch`.
void Solver::prepareStart(double stretch) {
  const FieldList &list = numbers.list;
  llvm::SmallVector<int> scales, offsets;
  for (int i = 0; i < int(list.fields.size()); ++i) {
    if (list.isScale(i))
      scales.push_back(i);
    if (list.isOffset(i))
      offsets.push_back(i);
  }
  starts.clear();
  std::vector<Wanted> wanted;
  auto start = [&](llvm::ArrayRef<int> factors, auto wantedOf) {
    if (factors.empty())
      return;
    wanted.clear();
    for (const FittedLine &fit : fitted)
      wanted.push_back(wantedOf(fit));
    starts.emplace_back(numbers.fields, factors, problem, wanted, fixed);
  };
  start(scales, [&](const FittedLine &fit) {
    return Wanted{stretch * fit.line.scale, fit.scaleCurvature};
  });
  // With an offset beside it, the zero only has to be small.
  llvm::SmallVector<int> zeros;
  if (list.numZeros)
    zeros.push_back(list.numScales);
  start(zeros, [&](const FittedLine &fit) {
    bool isWanted = offsets.empty() && fit.line.scale != 0;
    return Wanted{isWanted ? -fit.line.base / fit.line.scale : 0, 1};
  });
  double sign = numbers.scheme.attr().getOffsetNegative() ? -1 : 1;
  start(offsets, [&](const FittedLine &fit) {
    return Wanted{sign * fit.line.base, fit.baseCurvature};
  });
}

void Solver::startFrom(Solution &solution, int attempt) {
  solution.codes.assign(problem.cells.size(), 0);
  for (FactorStart &start : starts)
    start.start(attempt, solution.codes);
}

Solution Solver::solve() {
  if (vectors)
    return solveVectors();
  Solution best;
  best.error = std::numeric_limits<double>::infinity();
  size_t elements = problem.elements.size(), groups = problem.groups.size();
  // How a coarse factor is used is a choice; with one factor there is none.
  bool hasChoice = numbers.list.numScales > 1 ||
                   numbers.list.fields.size() - numbers.list.numScales > 1;
  constexpr int choices = 3;
  auto allGroups = llvm::to_vector(llvm::seq<int>(0, int(groups)));
  trial.q.resize(elements);
  trial.sums.resize(groups);
  trial.errors.resize(groups);
  for (LineRange range : hypotheses()) {
    fitGroups(range);
    prepareStart();
    double firstError = 0;
    for (int attempt = 0; attempt < (hasChoice ? choices : 1); ++attempt) {
      Solution solution;
      solution.q.resize(elements);
      solution.sums.resize(groups);
      solution.errors.resize(groups);
      startFrom(solution, attempt);
      solution.error = evaluate(solution, allGroups);
      // A start that is worse than the first does not overtake it.
      constexpr double hopeless = 1.02;
      if (attempt == 0)
        firstError = solution.error;
      else if (solution.error > hopeless * firstError)
        continue;
      refine(solution);
      if (solution.error < best.error || best.codes.empty())
        best = std::move(solution);
    }
  }
  return best;
}

/// Whether the negative of each number is one as well.
static bool isSymmetric(const FieldNumbers &code) {
  llvm::ArrayRef<double> all = code.sorted();
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i] != -all[all.size() - 1 - i])
      return false;
  return !all.empty();
}

/// Choosing vectors takes long: of many starts, only the best are refined.
/// Lines are searched for as if each element had a code of its own; vectors,
/// which are fewer, may want other scales.
Solution Solver::solveVectors() {
  constexpr double stretches[] = {1, 0.88};
  constexpr int attempts = 2;
  constexpr size_t refined = 1;
  auto allGroups =
      llvm::to_vector(llvm::seq<int>(0, int(problem.groups.size())));
  std::vector<Solution> starts;
  for (LineRange range : hypotheses()) {
    // Scales of both signs give the same where numbers are symmetric.
    if (range.scale == Signs::notPositive && isSymmetric(numbers.code))
      continue;
    fitGroups(range);
    for (double stretch : stretches) {
      prepareStart(stretch);
      for (int attempt = 0;
           attempt < (numbers.list.numScales > 1 ? attempts : 1); ++attempt) {
        Solution &solution = starts.emplace_back();
        solution.q.resize(problem.elements.size());
        solution.sums.resize(problem.groups.size());
        solution.errors.resize(problem.groups.size());
        startFrom(solution, attempt);
        solution.error = evaluate(solution, allGroups);
      }
    }
  }
  llvm::stable_sort(starts, [](const Solution &a, const Solution &b) {
    return a.error < b.error;
  });
  starts.resize(std::min(starts.size(), refined));
  trial.q.resize(problem.elements.size());
  trial.sums.resize(problem.groups.size());
  trial.errors.resize(problem.groups.size());
  for (Solution &solution : starts)
    refine(solution);
  return std::move(
      *llvm::min_element(starts, [](const Solution &a, const Solution &b) {
        return a.error < b.error;
      }));
}
