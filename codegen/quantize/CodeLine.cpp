//===- CodeLine.cpp - Codes as numbers on a line --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/CodeLine.h"

#include <algorithm>
#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

/// Numbers up to which each is compared with, without branches.
static constexpr int64_t few = 16;
/// Below this, a scale is as good as 0: its inverse is too large.
static constexpr double leastScale = 1e-300;

CodeLine::CodeLine(const FieldNumbers &numbers) : field(numbers) {
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
  double sw = 0, sx = 0, sxx = 0, least = x[0], most = x[0];
#pragma omp simd reduction(+ : sw, sx, sxx) reduction(min : least)              \
    reduction(max : most)
  for (int64_t i = 0; i < samples.count; ++i) {
    sw += w[i];
    sx += w[i] * x[i];
    sxx += w[i] * x[i] * x[i];
    least = std::min(least, x[i]);
    most = std::max(most, x[i]);
  }
  sums.w = sw;
  sums.x = sx;
  sums.xx = sxx;
  sums.least = least;
  sums.most = most;
  return sums;
}

double CodeLine::error(Samples samples, Line line, const double *q) {
  const double *x = samples.x, *w = samples.w;
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < samples.count; ++i) {
    double difference = line.scale * q[i] + line.base - x[i];
    sum += w[i] * difference * difference;
  }
  return sum;
}

Sums CodeLine::assignIntegers(Samples samples, Line line, double *q) const {
  // Adding it leaves no bits behind the point.
  constexpr double magic = 0x1.8p52;
  const double *x = samples.x, *w = samples.w;
  double inverse = 1 / line.scale, low = field.lowest(), high = field.highest();
  double sq = 0, sqq = 0, sxq = 0;
#pragma omp simd reduction(+ : sq, sqq, sxq)
  for (int64_t i = 0; i < samples.count; ++i) {
    double t = (x[i] - line.base) * inverse;
    t = std::min(std::max(t, low), high);
    t = (t + magic) - magic;
    q[i] = t;
    sq += w[i] * t;
    sqq += w[i] * t * t;
    sxq += w[i] * x[i] * t;
  }
  return {sq, sqq, sxq};
}

Sums CodeLine::assignFew(Samples samples, Line line, double *q) const {
  const double *x = samples.x, *w = samples.w;
  double inverse = 1 / line.scale;
  double sq = 0, sqq = 0, sxq = 0;
  const double *value = values.data(), *middle = middles.data();
  int64_t steps = int64_t(middles.size());
#pragma omp simd reduction(+ : sq, sqq, sxq)
  for (int64_t i = 0; i < samples.count; ++i) {
    double t = (x[i] - line.base) * inverse, number = value[0];
    for (int64_t j = 0; j < steps; ++j)
      number = t > middle[j] ? value[j + 1] : number;
    q[i] = number;
    sq += w[i] * number;
    sqq += w[i] * number * number;
    sxq += w[i] * x[i] * number;
  }
  return {sq, sqq, sxq};
}

Sums CodeLine::assignAny(Samples samples, Line line, double *q) const {
  Sums sums;
  double inverse = 1 / line.scale;
  for (int64_t i = 0; i < samples.count; ++i) {
    double x = samples.x[i], w = samples.w[i], t = (x - line.base) * inverse;
    q[i] = field.number(field.nearest(t));
    sums.q += w * q[i];
    sums.qq += w * q[i] * q[i];
    sums.xq += w * x * q[i];
  }
  return sums;
}

Sums CodeLine::assign(Samples samples, Line line, double *q) const {
  if (std::fabs(line.scale) < leastScale) {
    // Whatever the code, it does not show.
    double number = field.number(field.nearest(0));
    SampleSums all = sumsOf(samples);
    std::fill_n(q, samples.count, number);
    return {all.w * number, all.w * number * number, all.x * number};
  }
  if (field.isInteger())
    return assignIntegers(samples, line, q);
  return middles.empty() ? assignAny(samples, line, q)
                         : assignFew(samples, line, q);
}
