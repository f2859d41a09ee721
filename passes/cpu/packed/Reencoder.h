//===- Reencoder.h - Weights rounded to one scale a K block -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where a user asks for it, panels hold a K block of a weight row as 8-bit
// codes that have one scale. Products are then all that is left to do for a
// K step, whatever the scheme. With u the stored codes, s and t what the
// scheme's fields give for a group, and |value| <= largest in the K block,
//
//   value = (u - bias) * s + t,   q = round(value / unit),
//   unit = largest / 126
//
// in fixed point: 256 / unit times s and t are rounded to integers a and b, so
// that q is what the upper byte of u * a + (b - bias * a) + 128 holds; 16 bits
// are enough, because what overflows on the way comes back.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_REENCODER_H
#define RLX_PASSES_CPU_PACKED_REENCODER_H

#include "passes/cpu/packed/PackedFields.h"

namespace rlx {

class StoredKBlock;

class Reencoder {
public:
  /// `fields` give scales as floats. Both must outlive this.
  Reencoder(LoopBuilder &b, const PackedLayout &layout,
            const PackedFields &fields);
  void release(LoopBuilder &b);

  /// Writes all codes of a K block, as unsigned bytes that have a bias of 128,
  /// to the vectors of tile `tile` of `panel`, `[tiles, vectors, 4 * lanes]` of
  /// i8. Returns their scale.
  mlir::Value fill(LoopBuilder &b, StoredKBlock &stored, mlir::Value panel,
                   mlir::Value tile);

private:
  mlir::Value offset(LoopBuilder &b, StoredKBlock &stored, mlir::Value kStep,
                     int64_t group, mlir::Value outer);
  mlir::Value groupOf(LoopBuilder &b, mlir::Value kStep, int64_t group) const;
  mlir::VectorType f32s(LoopBuilder &b) const {
    return mlir::VectorType::get(layout.lanes, b.getF32Type());
  }

  const PackedLayout &layout;
  const PackedFields &fields;
  /// `[groups, lanes]` of f32; null where there are no offsets.
  mlir::Value scaleNumbers, offsetNumbers;
  mlir::Value dotFactors; ///< `[vectors, 4 * lanes]` of i8, or null
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_REENCODER_H
