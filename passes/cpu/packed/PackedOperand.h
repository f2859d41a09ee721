//===- PackedOperand.h - What an integer kernel multiplies ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A packed weight as it is stored, and as register tiles read it: the same, or
// with other codes, that are scaled or reencoded while they are decoded.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDOPERAND_H
#define RLX_PASSES_CPU_PACKED_PACKEDOPERAND_H

#include "passes/cpu/packed/PackedKBlock.h"

namespace rlx {

struct PackedOperand {
  enum class Codes {
    asStored,
    prescaled, ///< passes/cpu/packed/PrescaledWeights.h, where the scheme
               ///< allows it
    reencoded  ///< passes/cpu/packed/Reencoder.h
  };

  /// Of the weight of `op`, whose layout is `packed`.
  PackedOperand(PackedMatmulOp op, const PackedLayout &packed, Codes codes,
                const VectorTarget &target);
  PackedOperand(const PackedOperand &) = delete;
  PackedOperand &operator=(const PackedOperand &) = delete;

  /// Whether tiles ask for prescaled weights from some M on, and the scheme has
  /// them.
  static bool prescalesManyRows(PackedMatmulOp op, const PackedLayout &packed);

  bool isPrescaled() const { return scaled.has_value(); }
  /// All of many rows go through panels then.
  bool isReencoded() const { return codes == Codes::reencoded; }

  /// The K block of that expert's tile of a weight of `rows` rows.
  StoredKBlock kBlock(LoopBuilder &b, int64_t rows, mlir::ValueRange expert,
                      mlir::Value tile, mlir::Value kBlock,
                      bool isStream) const;

  mlir::Value weight;
  Codes codes;
  GroupScales groupScales; ///< of what is stored
  PackedLayout storedLayout;
  PackedFields storedFields;
  std::optional<PrescaledWeights> scaled;
  /// What register tiles read.
  PackedLayout layout;
  PackedFields fields;
  std::optional<I16Pairs> paired; ///< of panels
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDOPERAND_H
