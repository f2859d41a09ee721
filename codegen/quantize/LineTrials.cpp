//===- LineTrials.cpp - Sixteen lines at once -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/LineTrials.h"
#include "codegen/quantize/Processors.h"

#include <cstring>

using namespace rlx::quantize;

namespace {
using Lanes = float __attribute__((vector_size(sizeof(LineLanes))));
using IntLanes = int32_t __attribute__((vector_size(sizeof(LineLanes))));

RLX_INLINE Lanes lanesOf(const LineLanes &from) {
  Lanes lanes;
  std::memcpy(&lanes, &from, sizeof(lanes));
  return lanes;
}
RLX_INLINE void store(LineLanes &to, const Lanes &lanes) {
  std::memcpy(&to, &lanes, sizeof(lanes));
}
RLX_INLINE Lanes broadcast(float number) { return Lanes{} + number; }
RLX_INLINE Lanes magnitude(Lanes lanes) { return lanes < 0 ? -lanes : lanes; }

using Pairs = int64_t __attribute__((vector_size(sizeof(LineLanes))));
/// Two numbers, again and again.
RLX_INLINE Lanes broadcastPair(const float *numbers) {
  int64_t bits;
  std::memcpy(&bits, numbers, sizeof(bits));
  Pairs pairs = Pairs{} + bits;
  Lanes lanes;
  std::memcpy(&lanes, &pairs, sizeof(lanes));
  return lanes;
}
template <LaneUse use> RLX_INLINE Lanes spread(const float *x, int64_t i) {
  return use == LaneUse::one ? broadcast(x[i]) : broadcastPair(x + 2 * i);
}

/// What each of two neighbours has, added.
template <LaneUse use> RLX_INLINE Lanes joined(Lanes sums) {
  if (use != LaneUse::split)
    return sums;
  return sums + __builtin_shufflevector(sums, sums, 1, 0, 3, 2, 5, 4, 7, 6, 9,
                                        8, 11, 10, 13, 12, 15, 14);
}

/// Errors are not negative: as integers they have the same order, and the last
/// bits may hold the lane.
RLX_INLINE BestLanes leastLanes(Lanes errors, LaneUse use) {
  IntLanes keys;
  std::memcpy(&keys, &errors, sizeof(keys));
  // What is no number is no line, whatever its sign.
  IntLanes none = IntLanes{} + 0x7fffffff;
  keys = keys < IntLanes{} ? none : keys;
  keys = (keys & ~15) |
         IntLanes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  auto halve = [&](IntLanes other) __attribute__((always_inline)) {
    keys = keys < other ? keys : other;
  };
  halve(__builtin_shufflevector(keys, keys, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1,
                                2, 3, 4, 5, 6, 7));
  halve(__builtin_shufflevector(keys, keys, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14,
                                15, 8, 9, 10, 11));
  halve(__builtin_shufflevector(keys, keys, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8,
                                9, 14, 15, 12, 13));
  int even = keys[0], odd = keys[1];
  if (use != LaneUse::two)
    even = odd = even < odd ? even : odd;
  return {{even & 15, odd & 15}};
}

RLX_INLINE Lanes nearestInteger(Lanes t, float low, float high) {
  // Adding it leaves no bits behind the point.
  constexpr float magic = 0x1.8p23f;
  Lanes least = broadcast(low), most = broadcast(high);
  t = t < least ? least : t;
  t = t > most ? most : t;
  return (t + magic) - magic;
}

RLX_INLINE Lanes nearestOfFew(Lanes t, const float *values,
                              const float *middles, int count) {
  Lanes number = broadcast(values[0]);
  for (int j = 0; j + 1 < count; ++j)
    number = t > broadcast(middles[j]) ? broadcast(values[j + 1]) : number;
  return number;
}

struct Sums16 {
  Lanes rr, qr, qq, r, q;
};

/// `choose` gives the number for a quotient.
template <LaneUse use, bool weighted, bool hasBase, bool coarse,
          bool magnitudes, typename Choose>
RLX_INLINE Sums16 sumUp(const FloatSamples &samples, Lanes scale, Lanes base,
                        Choose choose) {
  if (magnitudes)
    scale = magnitude(scale);
  Lanes inverse = scale != 0 ? 1 / scale : Lanes{};
  Lanes rr = {}, qr = {}, qq = {}, sr = {}, sq = {};
  for (int64_t i = 0; i < samples.count; ++i) {
    Lanes x = spread<use>(samples.x, i);
    if (magnitudes)
      x = magnitude(x);
    Lanes w = weighted ? spread<use>(samples.w, i) : Lanes{};
    Lanes t = (hasBase ? x - base : x) * inverse;
    Lanes q = choose(t);
    Lanes wq = weighted ? q * w : q;
    if (coarse) { // qr stands for the sum of w q x.
      qr += wq * x;
      qq += wq * q;
      continue;
    }
    Lanes r = q - t;
    rr += weighted ? r * r * w : r * r;
    qr += wq * r;
    qq += wq * q;
    if (hasBase) {
      sr += weighted ? r * w : r;
      sq += wq;
    }
  }
  rr = joined<use>(rr);
  qr = joined<use>(qr);
  qq = joined<use>(qq);
  if (coarse) {
    Lanes qt = qr * inverse;
    rr = broadcastPair(samples.square) * inverse * inverse - 2 * qt + qq;
    qr = qq - qt;
  }
  return {rr, qr, qq, joined<use>(sr), joined<use>(sq)};
}

template <LaneUse use, bool weighted, typename Choose>
RLX_INLINE Sums16 sumUp(const FloatSamples &samples,
                        const TriedNumbers &numbers, Lanes scale, Lanes base,
                        bool hasBase, Choose choose) {
  if (hasBase)
    return sumUp<use, weighted, true, false, false>(samples, scale, base,
                                                    choose);
  if (!numbers.isCoarse)
    return sumUp<use, weighted, false, false, false>(samples, scale, base,
                                                     choose);
  if (numbers.isMagnitude)
    return sumUp<use, weighted, false, true, true>(samples, scale, base,
                                                   choose);
  return sumUp<use, weighted, false, true, false>(samples, scale, base, choose);
}

template <LaneUse use, bool weighted>
RLX_INLINE Sums16 sumUp(const FloatSamples &samples,
                        const TriedNumbers &numbers, Lanes scale, Lanes base,
                        bool hasBase) {
  if (numbers.isInteger)
    return sumUp<use, weighted>(
        samples, numbers, scale, base,
        hasBase, [&](Lanes t) __attribute__((always_inline)) {
          return nearestInteger(t, numbers.low, numbers.high);
        });
  return sumUp<use, weighted>(
      samples, numbers, scale, base,
      hasBase, [&](Lanes t) __attribute__((always_inline)) {
        return nearestOfFew(t, numbers.values, numbers.middles, numbers.count);
      });
}

template <LaneUse use>
RLX_INLINE Sums16 sumUp(const FloatSamples &samples,
                        const TriedNumbers &numbers, Lanes scale, Lanes base,
                        bool hasBase) {
  if (samples.w)
    return sumUp<use, true>(samples, numbers, scale, base, hasBase);
  return sumUp<use, false>(samples, numbers, scale, base, hasBase);
}

RLX_INLINE Sums16 sumUp(const FloatSamples &samples,
                        const TriedNumbers &numbers, Lanes scale, Lanes base,
                        bool hasBase) {
  if (samples.use == LaneUse::one)
    return sumUp<LaneUse::one>(samples, numbers, scale, base, hasBase);
  if (samples.use == LaneUse::two)
    return sumUp<LaneUse::two>(samples, numbers, scale, base, hasBase);
  return sumUp<LaneUse::split>(samples, numbers, scale, base, hasBase);
}

/// The results of halves, in all lanes.
template <typename Join> RLX_INLINE float reduced(Lanes lanes, Join join) {
  lanes =
      join(lanes, __builtin_shufflevector(lanes, lanes, 8, 9, 10, 11, 12, 13,
                                          14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  lanes = join(lanes, __builtin_shufflevector(lanes, lanes, 4, 5, 6, 7, 0, 1, 2,
                                              3, 12, 13, 14, 15, 8, 9, 10, 11));
  lanes = join(lanes, __builtin_shufflevector(lanes, lanes, 2, 3, 0, 1, 6, 7, 4,
                                              5, 10, 11, 8, 9, 14, 15, 12, 13));
  return join(lanes,
              __builtin_shufflevector(lanes, lanes, 1, 0, 3, 2, 5, 4, 7, 6, 9,
                                      8, 11, 10, 13, 12, 15, 14))[0];
}

RLX_INLINE float largestMagnitude(const float *x, int64_t count) {
  constexpr int64_t width = LineLanes::count;
  Lanes largest = {};
  int64_t i = 0;
  for (; i + width <= count; i += width) {
    Lanes values;
    std::memcpy(&values, x + i, sizeof(values));
    values = magnitude(values);
    largest = values > largest ? values : largest;
  }
  float most = reduced(
      largest, [](Lanes a, Lanes b)
                   __attribute__((always_inline)) { return a > b ? a : b; });
  for (; i < count; ++i) {
    float value = x[i] < 0 ? -x[i] : x[i];
    most = value > most ? value : most;
  }
  return most;
}

/// `change` of each number.
template <typename Change>
RLX_INLINE void changeAll(const float *x, float *to, int64_t count,
                          Change change) {
  constexpr int64_t width = LineLanes::count;
  int64_t i = 0;
  for (; i + width <= count; i += width) {
    Lanes values;
    std::memcpy(&values, x + i, sizeof(values));
    values = change(values);
    std::memcpy(to + i, &values, sizeof(values));
  }
  for (; i < count; ++i)
    to[i] = change(broadcast(x[i]))[0];
}

/// Gives `step` the numbers and their weights, 1 where `w` is null, as many at
/// a time as there are lanes. Returns where the rest begins.
template <typename Step>
RLX_INLINE int64_t forWholeLanes(const float *x, const float *w, int64_t count,
                                 Step step) {
  int64_t i = 0;
  for (; i + LineLanes::count <= count; i += LineLanes::count) {
    Lanes values, weights = broadcast(1);
    std::memcpy(&values, x + i, sizeof(values));
    if (w)
      std::memcpy(&weights, w + i, sizeof(weights));
    step(values, weights);
  }
  return i;
}

RLX_INLINE SampleRange measureSamples(const float *x, const float *w,
                                      int64_t count) {
  constexpr int64_t width = LineLanes::count;
  Lanes least = broadcast(x[0]), most = least, weight = {}, square = {};
  auto step = [&](Lanes values, Lanes weights) __attribute__((always_inline)) {
    least = values < least ? values : least;
    most = values > most ? values : most;
    weight += weights;
    square += weights * values * values;
  };
  int64_t i = forWholeLanes(x, w, count, step);
  if (i < count) {
    float values[width], weights[width];
    for (int64_t j = 0; j < width; ++j) {
      values[j] = i + j < count ? x[i + j] : x[0];
      weights[j] = i + j >= count ? 0 : w ? w[i + j] : 1;
    }
    Lanes restValues, restWeights;
    std::memcpy(&restValues, values, sizeof(values));
    std::memcpy(&restWeights, weights, sizeof(weights));
    step(restValues, restWeights);
  }
  auto lesser = [](Lanes a, Lanes b) __attribute__((always_inline)) {
    return a < b ? a : b;
  };
  auto greater = [](Lanes a, Lanes b) __attribute__((always_inline)) {
    return a > b ? a : b;
  };
  auto sum = [](Lanes a, Lanes b) __attribute__((always_inline)) {
    return a + b;
  };
  return {reduced(least, lesser), reduced(most, greater),
          w ? reduced(weight, sum) : float(count), reduced(square, sum)};
}

RLX_INLINE float sizeOf(const float *x, const float *w, int64_t count) {
  Lanes sum = {};
  int64_t i = forWholeLanes(
      x, w,
      count, [&](Lanes values, Lanes weights) __attribute__((always_inline)) {
        sum += magnitude(values) * weights;
      });
  float size = reduced(
      sum,
      [](Lanes a, Lanes b) __attribute__((always_inline)) { return a + b; });
  for (; i < count; ++i)
    size += (x[i] < 0 ? -x[i] : x[i]) * (w ? w[i] : 1);
  return size;
}

RLX_INLINE void storeResults(const FloatSamples &samples, const Sums16 &sums,
                             bool hasBase, Lanes error, LineResults &results) {
  // Rounding may leave less than nothing.
  error = error < Lanes{} ? Lanes{} : error;
  store(results.errors, error);
  store(results.sums.qr, sums.qr);
  store(results.sums.qq, sums.qq);
  if (hasBase) {
    store(results.sums.r, sums.r);
    store(results.sums.q, sums.q);
  }
  results.best = leastLanes(error, samples.use);
}

/// The errors of lines that are one number, their bases.
template <LaneUse use>
RLX_INLINE Lanes flatErrors(const FloatSamples &samples, Lanes base) {
  Lanes sum = {};
  for (int64_t i = 0; i < samples.count; ++i) {
    Lanes r = spread<use>(samples.x, i) - base;
    sum += samples.w ? r * r * spread<use>(samples.w, i) : r * r;
  }
  return joined<use>(sum);
}

/// The errors of lines of scale 0.
RLX_INLINE Lanes errorsWithoutScale(const FloatSamples &samples,
                                    const TriedLines &lines, bool hasBase) {
  bool isFlat = false;
  for (int i = 0; i < LineLanes::count; ++i)
    isFlat |= lines.scale[i] == 0 && lines.base[i] != 0;
  if (!hasBase || !isFlat)
    return broadcastPair(samples.square);
  Lanes base = lanesOf(lines.base);
  if (samples.use == LaneUse::one)
    return flatErrors<LaneUse::one>(samples, base);
  return samples.use == LaneUse::two
             ? flatErrors<LaneUse::two>(samples, base)
             : flatErrors<LaneUse::split>(samples, base);
}

RLX_INLINE void evaluateLines(const FloatSamples &samples,
                              const TriedNumbers &numbers,
                              const TriedLines &lines, bool hasBase,
                              LineResults &results) {
  Lanes scale = lanesOf(lines.scale);
  Sums16 sums = sumUp(samples, numbers, scale, lanesOf(lines.base), hasBase);
  Lanes error = scale != Lanes{} ? scale * scale * sums.rr
                                 : errorsWithoutScale(samples, lines, hasBase);
  storeResults(samples, sums, hasBase, error, results);
}

/// What is above 0 must not be. A product, since masks that are joined would
/// not stay in vectors.
RLX_INLINE Lanes forbidding(Lanes excess) {
  return (excess > Lanes{} ? excess : Lanes{}) * 1e35f;
}

/// The best lines for the numbers that sums belong to, and their errors, no
/// numbers where there are none: with
/// r = q - t, a change of scale and base by (a, b) makes the residual
/// s r + a q + b.
RLX_INLINE Lanes fitLines(const FloatSamples &samples, const Sums16 &sums,
                          bool hasBase, int scaleSign, int baseSign,
                          Lanes &scale, Lanes &base) {
  const Lanes forbidden = broadcast(1e20f);
  Lanes newScale, newBase = {}, error;
  if (!hasBase) {
    Lanes gain = sums.qr / sums.qq;
    newScale = scale - scale * gain;
    error = scale * scale * (sums.rr - sums.qr * gain);
  } else {
    Lanes r = sums.r, q = sums.q, qr = sums.qr, qq = sums.qq;
    Lanes xq = scale * (qq - qr) + base * q;
    Lanes onlyScale = xq / qq,
          onlyError = broadcastPair(samples.square) - xq * onlyScale;
    Lanes weight = broadcastPair(samples.weight);
    Lanes determinant = weight * qq - q * q, part = scale / determinant;
    Lanes a = part * (q * r - weight * qr), b = part * (q * qr - qq * r);
    newScale = scale + a;
    newBase = base + b;
    error = scale * scale * sums.rr + scale * (a * qr + b * r);
    Lanes cost = error + forbidding(-newBase * float(baseSign)) +
                 forbidding(1e-6f * weight * qq - determinant);
    newScale = cost < forbidden ? newScale : onlyScale;
    newBase = cost < forbidden ? newBase : Lanes{};
    error = cost < forbidden ? error : onlyError;
  }
  error += forbidding(-newScale * float(scaleSign));
  scale = newScale;
  base = newBase;
  return error;
}

RLX_INLINE void improveLines(const FloatSamples &samples,
                             const TriedNumbers &numbers, bool hasBase,
                             int scaleSign, int baseSign, int times,
                             TriedLines &lines, LineResults &results) {
  Lanes scale = lanesOf(lines.scale), base = lanesOf(lines.base), error = {};
  Sums16 sums = {};
  for (int i = 0; i < times; ++i) {
    sums = sumUp(samples, numbers, scale, base, hasBase);
    error = fitLines(samples, sums, hasBase, scaleSign, baseSign, scale, base);
  }
  store(lines.scale, scale);
  store(lines.base, base);
  storeResults(samples, sums, hasBase, error, results);
}
} // namespace

// The same functions for each processor.
#define RLX_TRIALS(NAME, TARGET)                                               \
  namespace NAME {                                                             \
  TARGET static float largest(const float *x, int64_t count) {                 \
    return largestMagnitude(x, count);                                         \
  }                                                                            \
  TARGET static void multiply(const float *x, float factor, float *to,         \
                              int64_t count) {                                 \
    changeAll(                                                                 \
        x, to, count, [&](Lanes values) __attribute__((always_inline)) {       \
          return values * factor;                                              \
        });                                                                    \
  }                                                                            \
  TARGET static void divide(const float *x, float divisor, float *to,          \
                            int64_t count) {                                   \
    changeAll(                                                                 \
        x, to, count, [&](Lanes values) __attribute__((always_inline)) {       \
          return values / divisor;                                             \
        });                                                                    \
  }                                                                            \
  TARGET static SampleRange measure(const float *x, const float *w,            \
                                    int64_t count) {                           \
    return measureSamples(x, w, count);                                        \
  }                                                                            \
  TARGET static float size(const float *x, const float *w, int64_t count) {    \
    return sizeOf(x, w, count);                                                \
  }                                                                            \
  TARGET static void evaluate(const FloatSamples &samples,                     \
                              const TriedNumbers &numbers,                     \
                              const TriedLines &lines, bool hasBase,           \
                              LineResults &results) {                          \
    evaluateLines(samples, numbers, lines, hasBase, results);                  \
  }                                                                            \
  TARGET static void improve(const FloatSamples &samples,                      \
                             const TriedNumbers &numbers, bool hasBase,        \
                             int scaleSign, int baseSign, int times,           \
                             TriedLines &lines, LineResults &results) {        \
    improveLines(samples, numbers, hasBase, scaleSign, baseSign, times, lines, \
                 results);                                                     \
  }                                                                            \
  static constexpr LineTrials loops = {largest, multiply, divide, measure,     \
                                       size,    evaluate, improve};            \
  }

RLX_FOR_PROCESSORS(RLX_TRIALS, trials)

llvm::ArrayRef<LineTrials> LineTrials::all() {
  static const auto supported =
      supportedLoops<LineTrials>(RLX_LOOPS_OF(trials));
  return supported;
}
