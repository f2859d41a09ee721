//===- Measure.h - How long something takes ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_MEASURE_H
#define RLX_TOOLS_MEASURE_H

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace rlx {

/// Times of several runs, in milliseconds.
struct Measurement {
  double median = 0, least = 0, most = 0;
  size_t runs = 0;
};

/// What there is to say about times of at least one run.
inline Measurement summarize(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.front(), times.back(), times.size()};
}

/// Runs `work` until `seconds` have passed, at least `atLeast` times, after one
/// run that is not counted.
template <typename Work>
Measurement measure(Work &&work, double seconds = 0.5, size_t atLeast = 5) {
  using Clock = std::chrono::steady_clock;
  work();
  std::vector<double> times;
  Clock::time_point begin = Clock::now();
  while (times.size() < atLeast ||
         std::chrono::duration<double>(Clock::now() - begin).count() <
             seconds) {
    Clock::time_point start = Clock::now();
    work();
    times.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - start)
            .count());
  }
  return summarize(std::move(times));
}

} // namespace rlx

#endif // RLX_TOOLS_MEASURE_H
