// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The least and the largest of some numbers, without NaN.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace rlx::quantize {

template <typename T> struct RowExtremes {
  T least, most;

  /// `count` of `x`, at least one.
  RowExtremes(const T *x, int64_t count) : least(x[0]), most(x[0]) {
    assert(count > 0);
    // A compiler may not reorder comparisons of floats, so the lanes are
    // written here.
    constexpr int64_t lanes = 8;
    T low[lanes], high[lanes];
    std::fill_n(low, lanes, least);
    std::fill_n(high, lanes, most);
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes)
      for (int64_t lane = 0; lane < lanes; ++lane) {
        low[lane] = std::min(low[lane], x[i + lane]);
        high[lane] = std::max(high[lane], x[i + lane]);
      }
    for (; i < count; ++i) {
      low[0] = std::min(low[0], x[i]);
      high[0] = std::max(high[0], x[i]);
    }
    least = *std::min_element(low, low + lanes);
    most = *std::max_element(high, high + lanes);
  }

  T magnitude() const { return std::max(most, -least); }
};

} // namespace rlx::quantize
