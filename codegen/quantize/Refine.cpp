//===- Refine.cpp - Alternating least squares in numbers that are stored --===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With the numbers q of all elements fixed, the error is a parabola in each
// cell, and in a scale's cell and a base's cell together. Its least is rounded
// to what the cells can hold, q are chosen anew, and what is not better is not
// taken.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/Solver.h"

#include "llvm/ADT/Sequence.h"

#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

double Solver::evaluate(Solution &solution, llvm::ArrayRef<int> groups) const {
  double error = 0;
  for (int g : groups) {
    const Group &group = problem.groups[g];
    Parts parts = partsOf(numbers, group, solution.codes);
    Line line{parts.scale, parts.base()};
    double *q = solution.q.data() + group.begin;
    solution.sums[g] = vectors ? vectors->assign(g, samplesOf(group), line, q)
                               : numbers.line.assign(samplesOf(group), line, q);
    solution.errors[g] = solution.sums[g].error;
    error += solution.errors[g];
  }
  return error;
}

bool Solver::takeIfBetter(Solution &solution, llvm::ArrayRef<int> groups,
                          llvm::ArrayRef<int> cells) {
  double before = 0, after = evaluate(trial, groups);
  for (int g : groups)
    before += solution.errors[g];
  if (!(after < before * (1 - 1e-12)))
    return false;
  for (int g : groups) {
    const Group &group = problem.groups[g];
    std::copy(trial.q.begin() + group.begin, trial.q.begin() + group.end,
              solution.q.begin() + group.begin);
    solution.sums[g] = trial.sums[g];
    solution.errors[g] = trial.errors[g];
  }
  for (int cell : cells)
    solution.codes[cell] = trial.codes[cell];
  solution.error += after - before;
  return true;
}

double Solver::othersOf(const Group &group, int cell, bool offset,
                        llvm::ArrayRef<uint32_t> codes) const {
  double product = offset && numbers.scheme.attr().getOffsetNegative() ? -1 : 1;
  for (int i = 0; i < int(group.cells.size()); ++i)
    if (group.cells[i] != cell &&
        (offset ? numbers.list.isOffset(i) : numbers.list.isScale(i)))
      product *= numbers.fields[i].number(codes[group.cells[i]]);
  return product;
}

namespace {
/// The sums of a least-squares problem in two unknowns p, u:
/// sum of w (p a + u b - y)^2.
struct TwoUnknowns {
  double aa = 0, ab = 0, bb = 0, ay = 0, by = 0;

  bool isSolvable() const { return aa * bb - ab * ab > 1e-12 * aa * bb; }
  double p() const { return (ay * bb - by * ab) / (aa * bb - ab * ab); }
  double pFor(double u) const { return aa > 0 ? (ay - ab * u) / aa : 0; }
  double uFor(double p) const { return bb > 0 ? (by - ab * p) / bb : 0; }
};
} // namespace

bool Solver::tryCodes(Solution &solution, int cell,
                      llvm::ArrayRef<uint32_t> codes) {
  bool better = false;
  for (uint32_t code : codes) {
    if (code == solution.codes[cell])
      continue;
    trial.codes[cell] = code;
    better |= takeIfBetter(solution, problem.cells[cell].groups, cell);
    trial.codes[cell] = solution.codes[cell];
  }
  return better;
}

/// The cell's number for which the error is least while all else stays.
bool Solver::refineCell(Solution &solution, int cell) {
  const Cell &place = problem.cells[cell];
  const FieldNumbers &field = numbers.fields[place.field];
  double above = 0, below = 0;
  for (int g : place.groups) {
    const Group &group = problem.groups[g];
    const Sums &sums = solution.sums[g];
    const SampleSums &fixed = all[g];
    Parts parts = partsOf(numbers, group, solution.codes);
    if (numbers.list.isScale(place.field)) {
      double r = othersOf(group, cell, false, solution.codes);
      above += r * (sums.xq - parts.zero * fixed.x -
                    parts.offset * (sums.q - parts.zero * fixed.w));
      below += r * r *
               (sums.qq - 2 * parts.zero * sums.q +
                parts.zero * parts.zero * fixed.w);
    } else if (numbers.list.isZero(place.field)) {
      above -= parts.scale *
               (fixed.x - parts.offset * fixed.w - parts.scale * sums.q);
      below += parts.scale * parts.scale * fixed.w;
    } else {
      double t = othersOf(group, cell, true, solution.codes);
      above += t * (fixed.x - parts.scale * (sums.q - parts.zero * fixed.w));
      below += t * t * fixed.w;
    }
  }
  if (!(below > 0))
    return false;
  // Choosing vectors takes long.
  int reach = vectors ? 1 : 2;
  auto tries = field.around(above / below, reach);
  return tryCodes(solution, cell, tries);
}

/// The same for a scale's cell and that of the zero or offset which the same
/// groups read: apart, each would hold the other back.
bool Solver::refinePair(Solution &solution, int scale, int base) {
  const Cell &place = problem.cells[scale], &other = problem.cells[base];
  const FieldNumbers &scaleField = numbers.fields[place.field],
                     &baseField = numbers.fields[other.field];
  bool isZero = numbers.list.isZero(other.field);
  // As the unknowns of a zero are p and p * zero.
  auto sumUp = [&](const Solution &from) {
    TwoUnknowns sums;
    for (int g : place.groups) {
      const Group &group = problem.groups[g];
      const Sums &of = from.sums[g];
      const SampleSums &fixed = all[g];
      Parts parts = partsOf(numbers, group, from.codes);
      double r = othersOf(group, scale, false, from.codes);
      double b = isZero ? -r : othersOf(group, base, true, from.codes);
      double zero = isZero ? 0 : parts.zero;
      double offset = isZero ? parts.offset : 0;
      double a1 = of.q - zero * fixed.w;
      sums.aa += r * r * (of.qq - 2 * zero * of.q + zero * zero * fixed.w);
      sums.ab += r * b * a1;
      sums.bb += b * b * fixed.w;
      sums.ay += r * (of.xq - zero * fixed.x - offset * a1);
      sums.by += b * (fixed.x - offset * fixed.w);
    }
    return sums;
  };
  TwoUnknowns sums = sumUp(solution);
  if (!(sums.aa > 0))
    return false;
  auto baseCode = [&](double p, double u) {
    return baseField.nearest(isZero ? (p != 0 ? u / p : 0) : u);
  };
  double p;
  if (sums.isSolvable()) {
    p = sums.p();
    double u = sums.uFor(p);
    double number = baseField.number(baseCode(p, u)) * (isZero ? p : 1);
    // Where the base cannot become what it should, the scale makes up for it.
    if (std::fabs(number - u) > 0.5 * std::fabs(u))
      p = sums.pFor(number);
  } else {
    double number = baseField.number(solution.codes[base]);
    p = sums.pFor(number *
                  (isZero ? scaleField.number(solution.codes[scale]) : 1));
  }
  bool better = false;
  constexpr int again = 2;
  for (uint32_t code : scaleField.around(p, 1)) {
    trial.codes[scale] = code;
    trial.codes[base] = solution.codes[base];
    double number = scaleField.number(code);
    TwoUnknowns now = sums;
    // The second time with the numbers q that the first led to.
    for (int round = 0; round < again; ++round) {
      uint32_t chosen = baseCode(number, now.uFor(number));
      if (round > 0 && chosen == trial.codes[base])
        break;
      trial.codes[base] = chosen;
      if (code == solution.codes[scale] && chosen == solution.codes[base])
        break;
      better |= takeIfBetter(solution, place.groups, {scale, base});
      now = sumUp(trial);
    }
  }
  trial.codes[scale] = solution.codes[scale];
  trial.codes[base] = solution.codes[base];
  return better;
}

/// No parabola: a few steps in both directions.
bool Solver::refineIrregular(Solution &solution, int cell) {
  const Cell &place = problem.cells[cell];
  const FieldNumbers &field = numbers.fields[place.field];
  double number = field.number(solution.codes[cell]);
  llvm::SmallVector<uint32_t> tries;
  for (double factor : {0.5, 0.8, 0.95, 1.05, 1.25, 2.0, -1.0})
    tries.push_back(field.nearest(number * factor));
  llvm::append_range(tries, field.neighbours(number, 1));
  return tryCodes(solution, cell, tries);
}

/// What may be better after a change of `cell`: cells that groups share with
/// it.
void Solver::unsettle(int cell) {
  for (int g : problem.cells[cell].groups)
    for (int other : problem.groups[g].cells)
      if (other != cell)
        isSettled[other] = false;
}

void Solver::refine(Solution &solution) {
  int rounds = vectors ? 2 : 6;
  trial.codes = solution.codes;
  isSettled.assign(problem.cells.size(), false);
  for (int round = 0; round < rounds; ++round) {
    double before = solution.error;
    bool better = false;
    for (int cell : order) {
      if (isPaired[cell] || isSettled[cell])
        continue;
      bool now = isIrregular[cell]   ? refineIrregular(solution, cell)
                 : baseOf[cell] >= 0 ? refinePair(solution, cell, baseOf[cell])
                                     : refineCell(solution, cell);
      better |= now;
      isSettled[cell] = !now;
      if (!now)
        continue;
      unsettle(cell);
      if (baseOf[cell] >= 0)
        unsettle(baseOf[cell]);
      isSettled[cell] = false;
    }
    // Less than this is not worth a round.
    if (!better || solution.error > before * (1 - 3e-4))
      break;
  }
}
