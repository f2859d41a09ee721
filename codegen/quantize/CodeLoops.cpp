//===- CodeLoops.cpp - The inner loops of searches, in vectors ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/CodeLoops.h"
#include "codegen/quantize/Processors.h"

#include <cstring>

using namespace rlx::quantize;

namespace {
constexpr int64_t lanes = 8;
using Vector = double __attribute__((vector_size(lanes * sizeof(double))));

/// Halves are added to halves: a chain of sums would take longer than the loop.
RLX_INLINE double sumOf(const Vector &vector) {
  double sums[lanes];
  std::memcpy(sums, &vector, sizeof(sums));
  for (int64_t half = lanes / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i)
      sums[i] += sums[i + half];
  return sums[0];
}

/// Each loop is this, with another way to choose the number for a quotient.
/// What is behind the last full vector is done in one with weights of 0.
template <typename Choose>
RLX_INLINE Sums loop(Samples samples, Line line, double *q, Choose choose) {
  Vector sq = {}, sqq = {}, sxq = {}, se = {};
  auto step = [&](Vector x, Vector w, const double *from)
      __attribute__((always_inline)) {
    Vector number = choose(x, from);
    Vector weighted = w * number, difference = line.scale * number + line.base;
    difference -= x;
    sq += weighted;
    sqq += weighted * number;
    sxq += weighted * x;
    se += w * difference * difference;
    return number;
  };
  int64_t i = 0;
  for (; i + lanes <= samples.count; i += lanes) {
    Vector x, w;
    std::memcpy(&x, samples.x + i, sizeof(x));
    std::memcpy(&w, samples.w + i, sizeof(w));
    Vector number = step(x, w, q + i);
    std::memcpy(q + i, &number, sizeof(number));
  }
  if (int64_t rest = samples.count - i) {
    double x[lanes] = {}, w[lanes] = {}, from[lanes] = {};
    std::memcpy(x, samples.x + i, rest * sizeof(double));
    std::memcpy(w, samples.w + i, rest * sizeof(double));
    std::memcpy(from, q + i, rest * sizeof(double));
    Vector vx, vw;
    std::memcpy(&vx, x, sizeof(vx));
    std::memcpy(&vw, w, sizeof(vw));
    Vector number = step(vx, vw, from);
    std::memcpy(q + i, &number, rest * sizeof(double));
  }
  return {sumOf(sq), sumOf(sqq), sumOf(sxq), sumOf(se)};
}

RLX_INLINE Sums loopIntegers(Samples samples, Line line, double low,
                             double high, double *q) {
  // Adding it leaves no bits behind the point.
  constexpr double magic = 0x1.8p52;
  double inverse = 1 / line.scale;
  Vector least = Vector{} + low, most = Vector{} + high;
  return loop(
      samples, line,
      q, [&](Vector x, const double *) __attribute__((always_inline)) {
        Vector t = (x - line.base) * inverse;
        t = t < least ? least : t;
        t = t > most ? most : t;
        return (t + magic) - magic;
      });
}

RLX_INLINE Sums loopFew(Samples samples, Line line, const double *values,
                        const double *middles, int64_t count, double *q) {
  double inverse = 1 / line.scale;
  return loop(
      samples, line,
      q, [&](Vector x, const double *) __attribute__((always_inline)) {
        Vector t = (x - line.base) * inverse, number = Vector{} + values[0];
        for (int64_t j = 0; j + 1 < count; ++j)
          number =
              t > Vector{} + middles[j] ? Vector{} + values[j + 1] : number;
        return number;
      });
}

RLX_INLINE Sums loopGiven(Samples samples, Line line, const double *q) {
  return loop(
      samples, line, const_cast<double *>(q),
      [&](Vector, const double *from) __attribute__((always_inline)) {
        Vector number;
        std::memcpy(&number, from, sizeof(number));
        return number;
      });
}
} // namespace

// The same three functions for each processor.
#define RLX_LOOPS(NAME, TARGET)                                                \
  namespace NAME {                                                             \
  TARGET static Sums integers(Samples samples, Line line, double low,          \
                              double high, double *q) {                        \
    return loopIntegers(samples, line, low, high, q);                          \
  }                                                                            \
  TARGET static Sums few(Samples samples, Line line, const double *values,     \
                         const double *middles, int64_t count, double *q) {    \
    return loopFew(samples, line, values, middles, count, q);                  \
  }                                                                            \
  TARGET static Sums given(Samples samples, Line line, const double *q) {      \
    return loopGiven(samples, line, q);                                        \
  }                                                                            \
  static constexpr CodeLoops loops = {integers, few, given};                   \
  }

RLX_FOR_PROCESSORS(RLX_LOOPS, codes)

llvm::ArrayRef<CodeLoops> CodeLoops::all() {
  static const auto supported = supportedLoops<CodeLoops>(RLX_LOOPS_OF(codes));
  return supported;
}
