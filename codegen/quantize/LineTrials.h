//===- LineTrials.h - Sixteen lines at once ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For the elements of a group, the sums from which the errors and the best
// lines follow, of sixteen scales and bases at once: a lane is a line, so that
// nothing has to be added across lanes. In f32; what is added up are residuals,
// not squares of values, so that errors are exact to a few parts in a million.
// Compiled for several processors, which all give the same bits.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_LINETRIALS_H
#define RLX_CODEGEN_QUANTIZE_LINETRIALS_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <limits>

namespace rlx::quantize {

/// How lanes are used.
enum class LaneUse {
  one,  ///< Each is a line of one group.
  two,  ///< Even ones are lines of one group, odd ones of another.
  split ///< Two neighbours are the same line, for half of a group each.
};

/// Elements that share scale and base: values and weights in the error, or null
/// where all weights are 1. Unless it is `one`, two streams, element after
/// element. `weight`, `square`: the sum of weights, and that of w x^2, of each
/// group.
struct FloatSamples {
  const float *x = nullptr, *w = nullptr;
  int64_t count = 0; ///< Of each stream.
  LaneUse use = LaneUse::one;
  float weight[2] = {}, square[2] = {};
};

/// A number for each line.
struct alignas(64) LineLanes {
  static constexpr int count = 16;
  float v[count];
  float &operator[](int i) { return v[i]; }
  float operator[](int i) const { return v[i]; }
};

/// value(q) = scale * q + base.
struct TriedLines {
  LineLanes scale, base;
};

/// Sums over elements of w times products of q, the number that is nearest to
/// t = (x - base) / scale, and r = q - t. `r` and `q` only where lines have
/// bases.
struct TrialSums {
  LineLanes qr, qq, r, q;
};

/// The best lane of each group; twice the same if there is one.
struct BestLanes {
  int lane[2];
};

/// The numbers that a code may be.
struct TriedNumbers {
  bool isInteger = true;
  float low = 0, high = 0;
  /// Of few numbers, each `values[j + 1]` above `middles[j]`.
  const float *values = nullptr, *middles = nullptr;
  int count = 0;
  /// Of magnitudes: the negative of each is a number as well.
  bool isMagnitude = false;
  /// Whether errors are so large that differences of squares show them.
  bool isCoarse = false;
};

/// What is known of lines.
struct LineResults {
  TrialSums sums;
  LineLanes errors;
  BestLanes best; ///< Lanes of the least errors, to a few bits less.
};

/// What does not depend on lines.
struct SampleRange {
  float least = 0, most = 0, weight = 0, square = 0;
};

struct LineTrials {
  /// The largest magnitude.
  float (*largest)(const float *x, int64_t count);
  /// Numbers times a factor, and over a divisor.
  void (*multiply)(const float *x, float factor, float *to, int64_t count);
  void (*divide)(const float *x, float divisor, float *to, int64_t count);
  /// Of a group; `w` may be null.
  SampleRange (*measure)(const float *x, const float *w, int64_t count);
  /// The sum of weighted magnitudes; `w` may be null.
  float (*size)(const float *x, const float *w, int64_t count);
  /// Errors of lines as they are, and sums.
  void (*evaluate)(const FloatSamples &, const TriedNumbers &,
                   const TriedLines &, bool hasBase, LineResults &);
  /// So many times, lines become the best ones for the numbers that they lead
  /// to. Results are those of the last time: sums, and the errors that the new
  /// lines have for these numbers: huge or no number where there is no such
  /// line. A base of the wrong sign becomes 0; `scaleSign`, `baseSign`: 1, -1,
  /// or 0 for both.
  void (*improve)(const FloatSamples &, const TriedNumbers &, bool hasBase,
                  int scaleSign, int baseSign, int times, TriedLines &,
                  LineResults &);

  /// Those that this processor can run, the fastest first.
  static llvm::ArrayRef<LineTrials> all();
  static const LineTrials &get() {
    static const LineTrials &fastest = all().front();
    return fastest;
  }
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_LINETRIALS_H
