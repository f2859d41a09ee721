//===- GroupSearch.cpp - The best line of a group by itself ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sixteen first guesses at once, from the scale that reaches all elements down
// to those that cut the largest; the best line for the numbers that each leads
// to; and numbers for these lines again.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/GroupSearch.h"

#include <algorithm>
#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

static constexpr int searchLanes = LineLanes::count;

GroupSearch::GroupSearch(const TrialNumbers &numbers, bool hasBase,
                         LineSigns signs, LaneUse use, bool isThorough)
    : tried(numbers.tried(hasBase)), hasBase(hasBase), signs(signs), use(use) {
  // With a base, a line that falls is as good as one that rises.
  if (hasBase && signs.scale == 0)
    this->signs.scale = 1;
  // And so it is where the negative of each number is one.
  constexpr int fewMagnitudes = 2;
  hasFewMagnitudes = tried.isMagnitude && tried.count <= fewMagnitudes;
  if (hasFewMagnitudes && signs.scale == 0)
    this->signs.scale = 1;
  prepareGuesses(numbers.levels(), isThorough);
}

void GroupSearch::prepareGuesses(int64_t levels, bool isThorough) {
  struct Grid {
    float from, to;
    int passes, times;
  };
  Grid grid;
  if (hasFewMagnitudes) // All numbers are the same whatever the line, or two.
    grid = {-0.1f, 1.5f, 1, tried.count == 1 ? 1 : isThorough ? 2 : 1};
  else if (!tried.isInteger)
    grid = {0.45f, 1.25f, 3, 2};
  else if (levels <= 4)
    grid = hasBase ? Grid{0.45f, 1.2f, 1, 2} : Grid{-0.1f, 1.5f, 1, 2};
  else if (levels <= 8)
    grid = hasBase      ? Grid{0.55f, 1.1f, 1, 2}
           : isThorough ? Grid{0.45f, 1.15f, 2, 1}
                        : Grid{0.7f, 1.1f, 1, 1};
  else if (levels <= 16)
    grid = hasBase ? Grid{0.65f, 1.06f, 1, 3} : Grid{0.55f, 1.2f, 2, 2};
  else if (levels <= 64)
    grid = hasBase ? Grid{0.85f, 1.04f, 1, 2} : Grid{0.8f, 1.2f, 1, 2};
  else
    grid = {0.93f, 1.05f, 1, 2};
  if (isThorough && hasBase)
    grid.passes *= 2;
  if (isThorough && (hasBase || use == LaneUse::one) && tried.isInteger)
    ++grid.times;
  times = grid.times;
  fromSize = hasFewMagnitudes || (tried.isInteger && levels <= 4 && !hasBase);
  constexpr int places = 3;
  int each = use == LaneUse::one ? 1 : 2,
      total = grid.passes * searchLanes / each;
  bool both = signs.scale == 0;
  // Most in the direction in which the largest element has the greatest number.
  int others = both ? total / (fromSize ? 2 : 4) : 0;
  int steps = hasBase ? total / places : total - others;
  guesses.resize(grid.passes);
  for (int i = 0; i < total; ++i) {
    bool isOther = both && i >= steps;
    // What is left at the end are the last again.
    float step = isOther   ? float(i - steps) + (fromSize ? 0 : 0.5f)
                 : hasBase ? float(std::min(i / places, steps - 1))
                           : float(i);
    float last = isOther && !fromSize ? float(others) : float(steps - 1);
    float part = grid.from + (grid.to - grid.from) * step / last;
    bool falls = isOther || signs.scale < 0;
    Guesses &of = guesses[i * each / searchLanes];
    for (int lane = i * each % searchLanes, end = lane + each; lane < end;
         ++lane) {
      of.up[lane] = fromSize ? (falls ? -1 : 1) : isOther ? 0 : part;
      of.down[lane] = fromSize ? (falls ? -part : part) : isOther ? part : 0;
      of.place[lane] = 0.5f * float(i % places);
    }
  }
}

void GroupSearch::guess(const FloatSamples &samples, const float *least,
                        const float *most, const Guesses &guess,
                        TriedLines &lines) const {
  float low = tried.low, high = tried.high, span = high - low;
  // For each of two groups, or twice.
  float up[2], down[2], bottom[2], top[2];
  for (int g = 0; g < 2; ++g) {
    int group = use == LaneUse::two ? g : 0;
    float x0 = least[group], x1 = most[group], rise, fall;
    // Where a base has one sign only, 0 is an end of the line.
    if (hasBase && signs.base < 0)
      x0 = std::min(x0, 0.0f);
    if (hasBase && signs.base > 0 && low >= 0)
      x0 = std::max(x0, 0.0f);
    if (hasBase) {
      rise = (x1 - x0) * (1 / span);
      fall = -rise;
    } else {
      rise = std::max(high > 0 ? x1 / high : 0.0f, low < 0 ? x0 / low : 0.0f);
      fall =
          -std::max(high > 0 ? -x0 / high : 0.0f, low < 0 ? -x1 / low : 0.0f);
    }
    bool isDown = signs.scale < 0 || (signs.scale == 0 && -fall < rise);
    if (fromSize) {
      float weight = samples.weight[group];
      float size = weight > 0 ? std::sqrt(samples.square[group] / weight) : 0;
      up[g] = size;
      down[g] = 0.5f * std::min(rise, -fall) - size;
    } else {
      up[g] = isDown ? fall : rise;
      down[g] = isDown ? rise : fall;
    }
    bottom[g] = x0;
    top[g] = x1;
  }
  for (int i = 0; i < searchLanes; i += 2)
    for (int g = 0; g < 2; ++g)
      lines.scale[i + g] =
          up[g] * guess.up[i + g] + down[g] * guess.down[i + g];
  for (int i = 0; hasBase && i < searchLanes; ++i) {
    float s = lines.scale[i];
    // Of a line that falls, the first number stands for the greatest.
    float first = s < 0 ? top[i % 2] : bottom[i % 2],
          last = s < 0 ? bottom[i % 2] : top[i % 2];
    lines.base[i] =
        first - s * low + guess.place[i] * (last - first - s * span);
  }
}

static constexpr size_t batch = 16;

/// First guesses for all, then trials: what was just written in parts cannot be
/// read as a whole at once.
void GroupSearch::runSome(llvm::ArrayRef<FloatSamples> samples,
                          const float *least, const float *most,
                          FoundLine *found) const {
  const LineTrials &trials = LineTrials::get();
  size_t each = use == LaneUse::two ? 2 : 1;
  TriedLines lines[batch];
  LineResults results;
  for (size_t pass = 0; pass < guesses.size(); ++pass) {
    for (size_t i = 0; i < samples.size(); ++i)
      guess(samples[i], least + i * each, most + i * each, guesses[pass],
            lines[i]);
    for (size_t i = 0; i < samples.size(); ++i) {
      trials.improve(samples[i], tried, hasBase, signs.scale, signs.base, times,
                     lines[i], results);
      for (size_t g = 0; g < each; ++g) {
        FoundLine &of = found[i * each + g];
        int lane = results.best.lane[g];
        float error = results.errors[lane];
        if (pass == 0)
          of.error = std::numeric_limits<double>::infinity();
        if (error < of.error)
          of = {lines[i].scale[lane], hasBase ? lines[i].base[lane] : 0, error,
                hasBase ? results.sums.q[lane] : 0, results.sums.qq[lane]};
      }
    }
  }
}

/// Where all numbers have the same magnitude, each element has the one with its
/// sign, whatever the line: the best line is known at once.
void GroupSearch::runAlike(llvm::ArrayRef<FloatSamples> samples,
                           FoundLine *found) const {
  double number = tried.values[0];
  for (auto [i, of] : llvm::enumerate(samples)) {
    int64_t count = of.use == LaneUse::split ? 2 * of.count : of.count;
    double weight = of.weight[0], square = of.square[0],
           size = LineTrials::get().size(of.x, of.w, count),
           qq = weight * number * number,
           scale = qq > 0 ? signs.scale * number * size / qq : 0;
    found[i] = {scale, 0, std::max(square - scale * scale * qq, 0.0), 0, qq};
  }
}

void GroupSearch::run(llvm::ArrayRef<FloatSamples> samples, const float *least,
                      const float *most, FoundLine *found) const {
  size_t each = use == LaneUse::two ? 2 : 1;
  if (tried.isMagnitude && tried.count == 1 && use != LaneUse::two)
    return runAlike(samples, found);
  for (size_t i = 0; i < samples.size(); i += batch)
    runSome(samples.slice(i, std::min(batch, samples.size() - i)),
            least + i * each, most + i * each, found + i * each);
  for (size_t g = 0; g < samples.size() * each; ++g) {
    float square = samples[g / each].square[g % each];
    // More than zeros would have: no line is allowed.
    if (found[g].error <= 2 * square)
      continue;
    // All elements are the same, or 0.
    bool isBase = hasBase && (signs.base == 0 || signs.base * least[g] > 0);
    found[g] = FoundLine();
    found[g].base = isBase ? least[g] : 0;
    found[g].error = isBase ? 0 : square;
  }
}
