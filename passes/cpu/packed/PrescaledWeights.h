//===- PrescaledWeights.h - Codes times their group scales ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where a group's scale is an integer and all products of it with a code fit a
// byte, codes become these products before activations are multiplied with
// them. That is exact, and leaves nothing to do for a group: sums of products
// go on through the whole K block. With u the stored codes and s the scale, the
// new codes are
//
//   (u - bias) * s - least  =  u * s + (-least - bias * s)
//
// which is at least 0 and at most 255, so that one product and one sum of 16
// bits make two of them: what the lower byte's terms carry over on the way, the
// last of them takes back.
//
// Each vector of codes costs an operation or two, each row of activations is
// spared some for each group: worth it from some rows on.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PRESCALEDWEIGHTS_H
#define RLX_PASSES_CPU_PACKED_PRESCALEDWEIGHTS_H

#include "passes/cpu/packed/PackedFields.h"

namespace rlx {

class PrescaledWeights {
public:
  /// Nothing where products do not fit a byte, or groups have no scales.
  /// `fields` are those of the scheme.
  static std::optional<PrescaledWeights> of(const PackedLayout &layout,
                                            const PackedFields &fields);

  /// The same layout with these codes.
  PackedLayout layout(const PackedLayout &stored) const;

  /// Operations for a vector of codes.
  int64_t operations() const { return hasShift() ? 2 : 1; }

  /// The new codes of a K step, from those stored and the scales of its groups,
  /// i32 lanes.
  llvm::SmallVector<mlir::Value>
  multiply(LoopBuilder &b, llvm::ArrayRef<mlir::Value> codes,
           llvm::ArrayRef<mlir::Value> scales) const;

private:
  bool hasShift() const { return bias != 0 || least != 0; }

  int64_t bias = 0; ///< of stored codes
  int64_t least = 0, most = 0;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PRESCALEDWEIGHTS_H
