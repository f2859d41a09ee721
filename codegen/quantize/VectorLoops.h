//===- VectorLoops.h - The inner loops for shared codes ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What VectorCodes.h spends its time in, compiled for several processors, which
// all give the same bits. Costs are in f32, w q (q - 2 t) for a number q and a
// quotient t: w (q - t)^2 but for what is the same for all numbers.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_VECTORLOOPS_H
#define RLX_CODEGEN_QUANTIZE_VECTORLOOPS_H

#include "llvm/ADT/ArrayRef.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace rlx::quantize {

/// The vectors of a table, cut in two: those of equal first halves follow each
/// other. A half is a number whose digits, in base `radix`, are its components,
/// the first one lowest.
struct VectorTable {
  unsigned radix = 2;            ///< Above all components.
  unsigned components[2]{};      ///< Of the halves; the second may have none.
  unsigned sizes[2]{};           ///< radix ^ components.
  std::vector<uint16_t> firstOf; ///< Of each first half; one more.
  std::vector<uint16_t> seconds, entries;
  /// Of halves: 0, or infinity if no vector has it; and more of these up to a
  /// multiple of eight and eight more, since sums are made in eights.
  std::vector<float> absent[2];
  /// The numbers that a search needs room for.
  size_t room() const {
    return absent[0].size() + absent[1].size() +
           std::max(absent[0].size(), absent[1].size());
  }

  /// `parts` of `width` bits, `count` of them, of each entry.
  static VectorTable make(llvm::ArrayRef<int64_t> entries, unsigned width,
                          unsigned count);
};

struct VectorLoops {
  /// Elements in a row of costs: a multiple of eight.
  static int64_t stride(int64_t count) { return (count + 7) / 8 * 8; }

  /// costs[code * stride + element].
  void (*costs)(const float *t, const float *w, int64_t stride,
                const float *numbers, int numNumbers, float *costs);
  /// parts[part * stride + element]: the least cost of codes whose bits from
  /// `shift` on are the part, and whose bits in `mask` are those in `known`.
  void (*parts)(const float *costs, const uint32_t *known, const uint32_t *mask,
                int64_t stride, int numCodes, unsigned shift, int numParts,
                float *parts);
  /// The entry of least cost: `costs[component * radix + part]`. `room` is for
  /// `table.room()` numbers.
  uint32_t (*best)(const VectorTable &table, const float *costs, float *room);

  /// Those that this processor can run, the fastest first.
  static llvm::ArrayRef<VectorLoops> all();
  static const VectorLoops &get() {
    static const VectorLoops &fastest = all().front();
    return fastest;
  }
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_VECTORLOOPS_H
