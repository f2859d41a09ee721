//===- I16Pairs.h - Two groups a lane ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A group's sum of products with i8 activations has to be multiplied with its
// scale, which costs as much as four products. Where the target multiplies
// pairs of 16-bit integers, panels pair groups instead: the sums of two groups
// and their two scales are a word of 32 bits each, and one dot product
// multiplies both and adds them up. So it does with offsets and the sums of
// activations.
//
// That rounds, less than activations of i8 are rounded: sums of products lose
// the bits that 16 cannot hold, up in even groups and down in odd ones, so that
// nothing is added on average and zero stays zero; scales that are no integers
// and offsets become integers of a K block's largest, each row for itself. One
// that is infinite gives NaN.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_I16PAIRS_H
#define RLX_PASSES_CPU_PACKED_I16PAIRS_H

#include "passes/cpu/packed/PackedFields.h"

#include <cmath>

namespace rlx {

class I16Pairs {
public:
  /// Nothing where scales do not change from group to group, groups are odd or
  /// the target has no such products. `i16Dot` is the intrinsic that adds
  /// products of pairs of i16 to i32 lanes, or empty.
  static std::optional<I16Pairs> of(const PackedLayout &layout,
                                    const PackedFields &fields,
                                    int64_t activationBytes,
                                    llvm::StringRef i16Dot);

  bool roundsScales() const { return largestScale != 0; }
  bool hasOffsets() const { return pairsOffsets; }

  /// What is to be added to the sum of products of group `group` before its
  /// last bits are dropped.
  int64_t rounding(int64_t group) const {
    return shift > 0 ? (int64_t(1) << (shift - 1)) - group % 2 : 0;
  }
  /// The sums of products of an even group and the one after it as words.
  mlir::Value words(LoopBuilder &b, mlir::Value even, mlir::Value odd) const;
  /// What sums of products are, divided by those in words.
  double unit() const { return std::ldexp(1.0, int(shift)); }
  /// sum + the products of pairs, i32 lanes.
  mlir::Value addProducts(LoopBuilder &b, mlir::Value words,
                          mlir::Value factors, mlir::Value sum) const;

  /// Numbers that become integers: all vectors `[group, lanes]` of f32 of
  /// `numbers` divided by a number for each lane, in pairs in `words`, vectors
  /// `[group / 2, lanes]` of i32 that begin with `at`. Returns what each lane
  /// was divided by, null where scales are integers as they are.
  mlir::Value storeScales(LoopBuilder &b, mlir::Value numbers,
                          mlir::Value largest, mlir::Value words,
                          mlir::Value at) const {
    return store(b, numbers, largest, double(largestScale), words, at);
  }
  mlir::Value storeOffsets(LoopBuilder &b, mlir::Value numbers,
                           mlir::Value largest, mlir::Value words,
                           mlir::Value at) const {
    return store(b, numbers, largest, largestI16, words, at);
  }

private:
  static constexpr double largestI16 = 32767;
  mlir::Value store(LoopBuilder &b, mlir::Value numbers, mlir::Value largest,
                    double largestInteger, mlir::Value words,
                    mlir::Value at) const;

  llvm::StringRef i16Dot;
  int64_t shift = 0; ///< bits that sums of products lose; or gain, if negative
  int64_t largestScale = 0; ///< that scales become; 0 where they are integers
  bool pairsOffsets = false;
  int64_t groups = 0; ///< of a K block
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_I16PAIRS_H
