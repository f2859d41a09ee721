//===- PackedFields.h - Scales and offsets of packed weights ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the fields of a packed tile as vectors, a lane a row, and multiplies
// them to what a kernel needs: a group scale for each group, a block scale
// for each K block, and an offset that is added for each element.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDFIELDS_H
#define RLX_PASSES_CPU_PACKED_PACKEDFIELDS_H

#include "passes/cpu/kernels/RowAccess.h"
#include "passes/cpu/packed/PackedLayout.h"

namespace rlx {

/// What group scales are for a kernel.
enum class GroupScales {
  ofScheme,
  floats, ///< whatever the scheme has
  inCodes ///< none: codes are multiplied with them
          ///< (passes/cpu/packed/PrescaledWeights.cpp)
};

/// Bytes of an activation of that matmul: i8 has one, i16 two, i24 three.
int64_t activationBytes(PackedMatmulOp op);

/// The low halves of i32 lanes as i16 lanes, each twice: a lane is a row.
mlir::Value i16x2(LoopBuilder &b, mlir::Value lanes);

/// The least and the largest product of numbers of two ranges.
std::pair<double, double> rangeOfProducts(std::pair<double, double> one,
                                          std::pair<double, double> other);

class PackedFields {
public:
  PackedFields(const PackedLayout &layout, PackedMatmulOp op,
               GroupScales groupScales = GroupScales::ofScheme);
  /// Of codes that have no fields.
  explicit PackedFields(const PackedLayout &layout)
      : layout(layout), offsetNegative(false) {}

  /// Whether scales change from group to group.
  bool hasGroupScale() const { return !groupScaleFields.empty(); }
  /// Whether group scales are integers so small that a product with the sum of
  /// a K block's products with bytes fits i32.
  bool groupScaleIsInteger() const {
    return hasGroupScale() && !allFloats && !hasActivationGroups() &&
           sumsFit(/*largestActivation=*/1 << 7);
  }
  /// Whether scales of activations change from group to group.
  bool hasActivationGroups() const { return layout.scalesActivationsByGroup(); }
  /// Whether sums of groups become floats, which scales then multiply.
  bool groupSumsAreFloats() const {
    return hasActivationGroups() || (hasGroupScale() && !groupScaleIsInteger());
  }
  bool scalesAreFloats() const { return allFloats; }
  /// The least and the largest value of an integer group scale, which is a
  /// product of integer fields.
  std::pair<double, double> groupScaleRange() const;
  double largestGroupScale() const;
  /// Accumulators of a row of activations for a group, before the scale
  /// multiplies them: 1 for i8; for i16, which is two bytes, 1 if both fit one
  /// i32 and start from 0, else 2. The first bytes of i24 share one in the same
  /// way, wherever sums become floats; all three do if codes are small.
  int64_t groupSums(int64_t bytes) const {
    if (bytes == 3 && groupSumsAreFloats() && !allFloats)
      return wholeGroupFits() ? 1 : 2;
    bool fit = (hasGroupScale() || hasActivationGroups()) && !allFloats &&
               layout.codes.bias == 0 &&
               (!groupScaleIsInteger() || sumsFit(1 << 15));
    return fit ? std::max<int64_t>(bytes - 1, 1) : bytes;
  }
  /// Sums of i32 that these become: where they are floats next, the first bytes
  /// are put together.
  int64_t groupWords(int64_t bytes) const {
    bool together = bytes == 2 && groupSumsAreFloats();
    return together ? 1 : groupSums(bytes);
  }
  /// The same for a K block, behind group scales: 1 for sums of floats.
  int64_t kBlockSums(int64_t bytes) const {
    return groupSumsAreFloats() ? 1 : groupSums(bytes);
  }
  /// Whether values have an offset or a zero point that is added group by group
  /// or, where it is the same for all of them, once a K block.
  bool hasOffset() const { return zero || !offsets.empty(); }
  bool hasGroupOffset() const;
  bool hasZero() const { return bool(zero); }
  /// Whether a K block has a scale, and an offset, that are not 1.
  bool hasBlockScale() const {
    return (layout.codes.unit != 1 && !unitIsInGroups()) ||
           !blockScaleFields.empty();
  }
  bool hasBlockOffset() const { return hasOffset() && !hasGroupOffset(); }
  /// Whether dot products multiply the offset's inner factor with sums;
  /// `offset` is then the product of the outer factors.
  bool hasDotMinimum() const { return layout.dotMinimum.has_value(); }
  bool offsetIsNegative() const { return offsetNegative; }

  /// Of each group of the K step at byte `base`: i32 or f32 lanes; times the
  /// codes' unit where no block scale is there to take it.
  llvm::SmallVector<mlir::Value>
  groupScales(LoopBuilder &b, mlir::ValueRange expert, mlir::Value base);
  /// f32 lanes, times the codes' unit where group scales do not have it; null
  /// where it is 1.
  mlir::Value blockScale(LoopBuilder &b, mlir::ValueRange expert,
                         mlir::Value kBlockBase);
  /// -scale * zero +- offset of a group, f32 lanes.
  mlir::Value offset(LoopBuilder &b, mlir::ValueRange expert,
                     mlir::Value kBlockBase, mlir::Value kStepBase,
                     int64_t group);
  /// Stored vector `index` of the factor that dot products multiply.
  mlir::Value dotMinimum(LoopBuilder &b, mlir::ValueRange expert,
                         mlir::Value kBlockBase, int64_t index);
  /// Indices of byte `base + offset` of an expert's packed weight.
  llvm::SmallVector<mlir::Value> at(LoopBuilder &b, mlir::ValueRange expert,
                                    mlir::Value base, int64_t offset);
  /// `lanes` bytes from there on.
  mlir::Value load(LoopBuilder &b, mlir::ValueRange expert, mlir::Value base,
                   int64_t offset, int64_t lanes);
  /// The same fields of a weight that is read once and in order.
  PackedFields streamed() const {
    PackedFields fields = *this;
    fields.isStream = true;
    return fields;
  }

private:
  /// A field of the layout, or none.
  struct Reference {
    const PackedField *field = nullptr;
    bool inner = false;
    explicit operator bool() const { return field != nullptr; }
  };
  Reference find(FieldAttr field) const;
  bool sumsFit(double largestActivation) const;
  /// Whether a group's sum of products with 24 bits fits i32. On the way to it,
  /// what overflows comes back.
  bool wholeGroupFits() const {
    constexpr int64_t limit = 256;
    return layout.sumGroup * layout.codes.largest() <= limit;
  }
  bool unitIsInGroups() const {
    return allFloats && hasGroupScale() && blockScaleFields.empty();
  }
  mlir::Value unit(LoopBuilder &b);
  mlir::Value container(LoopBuilder &b, mlir::ValueRange expert,
                        mlir::Value base, const PackedField &field,
                        int64_t group);
  mlir::Value code(LoopBuilder &b, mlir::Value container,
                   const PackedField &field, int64_t group);
  mlir::Value number(LoopBuilder &b, mlir::ValueRange expert,
                     mlir::Value kBlockBase, mlir::Value kStepBase,
                     Reference field, int64_t group);

  const PackedLayout &layout;
  mlir::Value weight;
  llvm::SmallVector<Reference> groupScaleFields, blockScaleFields, offsets;
  Reference zero;
  bool offsetNegative, isStream = false, allFloats = false;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDFIELDS_H
