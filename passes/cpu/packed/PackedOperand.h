//===- PackedOperand.h - What an integer kernel multiplies ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A packed weight as it is stored, and as register tiles read it: the same, or
// with other codes, that are scaled or requantized while they are decoded.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDOPERAND_H
#define RLX_PASSES_CPU_PACKED_PACKEDOPERAND_H

#include "passes/cpu/packed/PackedStretch.h"

namespace rlx {

struct PackedOperand {
  enum class Codes {
    asStored,
    scaled,     ///< passes/cpu/packed/ScaledCodes.h, where the scheme allows it
    requantized ///< passes/cpu/packed/Requantizer.h
  };

  /// Of the weight of `op`, whose layout is `packed`.
  PackedOperand(PackedMatmulOp op, const PackedLayout &packed, Codes codes,
                const VectorTarget &target);
  PackedOperand(const PackedOperand &) = delete;
  PackedOperand &operator=(const PackedOperand &) = delete;

  /// Whether tiles ask for scaled codes from some M on, and the scheme has
  /// them.
  static bool scalesManyRows(PackedMatmulOp op, const PackedLayout &packed);

  bool isScaled() const { return scaled.has_value(); }
  /// All of many rows go through panels then.
  bool isRequantized() const { return codes == Codes::requantized; }

  /// The stretch of that expert's tile of a weight of `rows` rows.
  StoredStretch stretch(LoopBuilder &b, int64_t rows, mlir::ValueRange expert,
                        mlir::Value tile, mlir::Value stretch,
                        bool isStream) const;

  mlir::Value weight;
  Codes codes;
  InnerScales innerScales; ///< of what is stored
  PackedLayout storedLayout;
  PackedFields storedFields;
  std::optional<ScaledCodes> scaled;
  /// What register tiles read.
  PackedLayout layout;
  PackedFields fields;
  std::optional<PairedGroups> paired; ///< of panels
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDOPERAND_H
