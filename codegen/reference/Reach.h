//===- Reach.h - Where rounded arguments may take a function ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A slope tells how far a result is off only where the function is a line over
// all that its argument may be. tanh far from 0 is flat, and yet its result
// changes its sign where the argument may change it. The functions here look at
// arguments that are some deviations away, and divide what they find by how
// many: a result that is no further off than allowed of an argument that is no
// further off than allowed passes.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_REACH_H
#define RLX_CODEGEN_REFERENCE_REACH_H

#include <cmath>
#include <limits>

namespace rlx {

/// How many deviations an argument is looked at from where it is: up to as many
/// as one element may be off (allowedOfElement).
constexpr double reachSteps[] = {1, 2, 4, 8};
/// A result that is no number, or is infinite, so near makes it unknown.
/// Further off it is passed over.
constexpr double nearReach = 4;

/// Whether an argument x that may be off by `deviation` is within what a slope
/// describes. Functions bend over distances of x or of 1.
inline bool isNarrow(double x, double deviation) {
  constexpr double narrow = 1e-7;
  return !(deviation > narrow * std::fmin(1, std::fabs(x)));
}

/// The larger of `deviation` and |there - value| / steps, where `there` is the
/// result for arguments that are `steps` deviations off. Infinite where nothing
/// is known of the result.
inline double reachOf(double deviation, double value, double there,
                      double steps) {
  double distance = std::fabs(there - value);
  if (std::isfinite(distance))
    return std::fmax(deviation, distance / steps);
  bool isSame = there == value || (std::isnan(there) && std::isnan(value));
  if (isSame || steps > nearReach)
    return deviation;
  return std::numeric_limits<double>::infinity();
}

/// The deviation of value = f(x), which is `deviation` by its slope.
template <typename Function>
double reachOfUnary(Function f, double x, double ofX, double value,
                    double deviation) {
  if (isNarrow(x, ofX) || !std::isfinite(ofX))
    return deviation;
  for (double steps : reachSteps)
    for (double by : {-steps * ofX, steps * ofX})
      deviation = reachOf(deviation, value, f(x + by), steps);
  return deviation;
}

/// The same of value = f(x, y), with arguments that deviate apart from each
/// other. Both are that far off together only within nearReach.
template <typename Function>
double reachOfBinary(Function f, double x, double ofX, double y, double ofY,
                     double value, double deviation) {
  if ((isNarrow(x, ofX) && isNarrow(y, ofY)) || !std::isfinite(ofX) ||
      !std::isfinite(ofY))
    return deviation;
  for (double steps : reachSteps)
    for (double by : {-steps, steps}) {
      deviation = reachOf(deviation, value, f(x + by * ofX, y), steps);
      deviation = reachOf(deviation, value, f(x, y + by * ofY), steps);
      if (steps > nearReach)
        continue;
      for (double other : {-steps, steps})
        deviation =
            reachOf(deviation, value, f(x + by * ofX, y + other * ofY), steps);
    }
  return deviation;
}

/// How much of the difference of both answers a comparison of numbers that are
/// `distance` from each other, and may be off by `deviation`, adds to the
/// deviation of what is chosen by it: 1 where it may well be the other answer,
/// 0 where it cannot be.
inline double doubtOf(double distance, double deviation) {
  double steps = std::fabs(distance) / deviation;
  if (!(deviation > 0) || steps > reachSteps[3])
    return 0;
  return std::isnan(steps) || steps < 1 ? 1 : 1 / steps;
}

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_REACH_H
