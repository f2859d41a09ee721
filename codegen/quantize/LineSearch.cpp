//===- LineSearch.cpp - The scale and base of one group -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A grid of first guesses, from the scale that reaches all elements down to
// those that cut the largest, then Lloyd's iteration from the best of them:
// numbers for the line, the line for the numbers by least squares.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/LineSearch.h"

#include <cmath>
#include <limits>

using namespace rlx;
using namespace rlx::quantize;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

bool allows(Signs signs, double number) {
  switch (signs) {
  case Signs::none:
    return number == 0;
  case Signs::notNegative:
    return number >= 0;
  case Signs::notPositive:
    return number <= 0;
  case Signs::both:
    return true;
  }
  return false;
}

/// How far first guesses go below and above the scale that reaches all
/// elements, by how many numbers there are.
struct Grid {
  double from, to;
  int steps;
};
Grid gridFor(const CodeLine &codes, bool hasBase) {
  int64_t levels = codes.levels();
  if (!codes.numbers().isInteger())
    return levels <= 16 ? Grid{0.45, 1.25, 28} : Grid{0.5, 1.1, 16};
  if (levels <= 4)
    return hasBase ? Grid{0.4, 1.15, 12} : Grid{0.2, 1.15, 36};
  if (levels <= 8)
    return hasBase ? Grid{0.55, 1.1, 11} : Grid{0.4, 1.15, 30};
  if (levels <= 16)
    return hasBase ? Grid{0.65, 1.06, 10} : Grid{0.55, 1.12, 26};
  if (levels <= 64)
    return hasBase ? Grid{0.8, 1.04, 8} : Grid{0.75, 1.06, 20};
  return Grid{0.93, 1.02, 10};
}

/// The best lines so far, the best first.
class Best {
public:
  void offer(Line line, double error) {
    for (int i = 0; i < kept; ++i)
      if (error < errors[i]) {
        for (int j = kept - 1; j > i; --j) {
          errors[j] = errors[j - 1];
          lines[j] = lines[j - 1];
        }
        errors[i] = error;
        lines[i] = line;
        return;
      }
  }
  static constexpr int kept = 3;
  Line lines[kept];
  double errors[kept] = {infinity, infinity, infinity};
};

class Search {
public:
  Search(const CodeLine &codes, Samples samples, LineRange range, double *q)
      : codes(codes), samples(samples), range(range), q(q),
        all(sumsOf(samples)) {}

  FittedLine run();

private:
  void tryFrom(double least, double most, bool hasBase);
  /// Numbers for the line, and the best line for these.
  bool improve(Line &line, double &error);
  /// Least squares for given numbers, within what is allowed.
  bool fit(const Sums &sums, Line &line, double &error) const;
  bool fitScale(const Sums &sums, Line &line) const;
  bool isReached(const Line &line) const;
  bool isShift() const;
  double errorOf(const Line &l, const Sums &sums) const;

  const CodeLine &codes;
  Samples samples;
  LineRange range;
  double *q;
  SampleSums all;
  Best best;
};
} // namespace

bool Search::fitScale(const Sums &sums, Line &line) const {
  line.base = 0;
  if (!(sums.qq > 0))
    return false;
  line.scale = sums.xq / sums.qq;
  return true;
}

bool Search::fit(const Sums &sums, Line &line, double &error) const {
  bool fitted = false;
  if (range.base != Signs::none) {
    double determinant = all.w * sums.qq - sums.q * sums.q;
    if (determinant > 1e-12 * all.w * sums.qq) {
      line.scale = (all.w * sums.xq - all.x * sums.q) / determinant;
      line.base = (sums.qq * all.x - sums.q * sums.xq) / determinant;
      fitted = allows(range.base, line.base) && (!isShift() || isReached(line));
    }
  }
  if (!fitted && !fitScale(sums, line))
    return false;
  if (!allows(range.scale, line.scale) || !isReached(line))
    return false;
  error = errorOf(line, sums);
  return true;
}

/// Whether a zero can be stored that gives the base.
bool Search::isReached(const Line &line) const {
  return !range.reach ||
         std::fabs(line.base) <= *range.reach * std::fabs(line.scale);
}

/// The error of a line whose numbers have these sums.
double Search::errorOf(const Line &l, const Sums &sums) const {
  return all.xx + l.scale * l.scale * sums.qq + l.base * l.base * all.w +
         2 * l.scale * l.base * sums.q - 2 * l.scale * sums.xq -
         2 * l.base * all.x;
}

bool Search::improve(Line &line, double &error) {
  return fit(codes.assign(samples, line, q), line, error);
}

/// Whether what a zero reaches is small beside the numbers: a line that fits
/// best is seldom within reach.
bool Search::isShift() const {
  constexpr double small = 0.125;
  const FieldNumbers &numbers = codes.numbers();
  return range.reach &&
         *range.reach < small * (numbers.highest() - numbers.lowest());
}

/// Guesses of scales for which the numbers reach from `least` to `most`.
void Search::tryFrom(double least, double most, bool hasBase) {
  const FieldNumbers &numbers = codes.numbers();
  double low = numbers.lowest(), high = numbers.highest();
  Grid grid = gridFor(codes, hasBase);
  auto tryLine = [&](Line line) {
    double error;
    Line guess = line;
    if (!std::isfinite(line.scale) || line.scale == 0)
      return;
    if (improve(guess, error))
      best.offer(guess, error);
    // The best line for the numbers may need a zero that is out of reach.
    else if (range.reach && isReached(line) && allows(range.base, line.base))
      best.offer(line, errorOf(line, codes.assign(samples, line, q)));
  };
  for (int sign : {1, -1}) {
    if (!allows(range.scale, sign))
      continue;
    // With a base, a line that falls is as good as one that rises, unless the
    // numbers are not alike in both directions.
    if (hasBase && sign < 0 && range.scale == Signs::both)
      continue;
    double top = sign > 0 ? most : least, bottom = sign > 0 ? least : most;
    double full;
    if (hasBase)
      full = (top - bottom) / (high - low);
    else
      full = std::max(high > 0 ? sign * top / high : 0.0,
                      low < 0 ? sign * bottom / low : 0.0) *
             sign;
    for (int step = 0; step < grid.steps; ++step) {
      double scale =
          full * (grid.from + (grid.to - grid.from) * step / (grid.steps - 1));
      if (!hasBase) {
        tryLine({scale, 0});
        continue;
      }
      for (double part : {0.0, 0.5, 1.0})
        tryLine({scale, bottom - scale * low +
                            part * (top - bottom - scale * (high - low))});
    }
  }
}

FittedLine Search::run() {
  // Where a base has one sign only, 0 is an end of the line.
  double least = all.least, most = all.most;
  if (range.base == Signs::notPositive)
    least = std::min(least, 0.0);
  if (range.base == Signs::notNegative && codes.numbers().lowest() >= 0)
    least = std::max(least, 0.0);
  bool hasBase = range.base != Signs::none;
  tryFrom(least, most, hasBase);
  // A zero is a code: what passes through 0 is always within reach.
  if (range.reach && (least > 0 || most < 0))
    tryFrom(std::min(least, 0.0), std::max(most, 0.0), hasBase);
  if (hasBase && isShift())
    tryFrom(least, most, false);

  FittedLine result;
  result.error = infinity;
  for (int i = 0; i < Best::kept; ++i) {
    Line line = best.lines[i];
    double error = best.errors[i];
    if (!std::isfinite(error))
      break;
    for (int round = 0; round < 8; ++round) {
      Line next = line;
      double now;
      if (!improve(next, now) || !(now < error * (1 - 1e-9)))
        break;
      line = next;
      error = now;
    }
    if (error < result.error) {
      result.line = line;
      result.error = error;
    }
  }
  if (!std::isfinite(result.error)) {
    // All elements are the same, or 0.
    double mean = all.w > 0 && !range.reach ? all.x / all.w : 0;
    result.line = {0, allows(range.base, mean) ? mean : 0};
  }
  Sums sums = codes.assign(samples, result.line, q);
  result.scaleCurvature = sums.qq;
  result.baseCurvature = all.w;
  return result;
}

FittedLine quantize::searchLine(const CodeLine &codes, Samples samples,
                                LineRange range, double *scratch) {
  return Search(codes, samples, range, scratch).run();
}
