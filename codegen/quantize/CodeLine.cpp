//===- CodeLine.cpp - Codes as numbers on a line --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/CodeLine.h"

#include "codegen/quantize/RowExtremes.h"

#include <algorithm>
#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

/// Numbers up to which each is compared with, without branches.
static constexpr int64_t few = 16;
/// Below this, a scale is as good as 0: its inverse is too large.
static constexpr double leastScale = 1e-300;

CodeLine::CodeLine(const FieldNumbers &numbers)
    : field(numbers), loops(CodeLoops::get()) {
  count = numbers.isWide() ? int64_t(1) << 16 : numbers.sorted().size();
  for (double number : numbers.sorted())
    if (values.empty() || values.back() != number)
      values.push_back(number);
  if (!numbers.isInteger() && int64_t(values.size()) <= few)
    for (size_t i = 0; i + 1 < values.size(); ++i)
      middles.push_back((values[i] + values[i + 1]) / 2);
}

SampleSums quantize::sumsOf(Samples samples) {
  SampleSums sums;
  const double *x = samples.x, *w = samples.w;
  double sw = 0, sx = 0, sxx = 0;
#pragma omp simd reduction(+ : sw, sx, sxx)
  for (int64_t i = 0; i < samples.count; ++i) {
    sw += w[i];
    sx += w[i] * x[i];
    sxx += w[i] * x[i] * x[i];
  }
  RowExtremes<double> extremes(x, samples.count);
  sums.w = sw;
  sums.x = sx;
  sums.xx = sxx;
  sums.least = extremes.least;
  sums.most = extremes.most;
  return sums;
}

Sums CodeLine::assignAny(Samples samples, Line line, double *q) const {
  double inverse = 1 / line.scale;
  for (int64_t i = 0; i < samples.count; ++i)
    q[i] = field.number(field.nearest((samples.x[i] - line.base) * inverse));
  return loops.given(samples, line, q);
}

Sums CodeLine::assign(Samples samples, Line line, double *q) const {
  if (std::fabs(line.scale) < leastScale) {
    // Whatever the code, it does not show.
    std::fill_n(q, samples.count, field.number(field.nearest(0)));
    return loops.given(samples, line, q);
  }
  if (field.isInteger())
    return loops.integers(samples, line, field.lowest(), field.highest(), q);
  if (middles.empty())
    return assignAny(samples, line, q);
  return loops.few(samples, line, values.data(), middles.data(),
                   int64_t(values.size()), q);
}
