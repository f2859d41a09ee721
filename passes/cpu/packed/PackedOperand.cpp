//===- PackedOperand.cpp - What an integer kernel multiplies --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedOperand.h"

using namespace mlir;
using namespace rlx;

/// Scaled codes leave no scale that could be a float.
static InnerScales innerScalesOf(PackedMatmulOp op, const PackedLayout &packed,
                                 PackedOperand::Codes codes,
                                 const VectorTarget &target) {
  bool floats = op.getTilesAttr().getFloatSums() && !target.deterministic &&
                FloatSums::fit(packed);
  bool hasFloats = codes == PackedOperand::Codes::requantized ||
                   (codes == PackedOperand::Codes::asStored && floats);
  return hasFloats ? InnerScales::floats : InnerScales::ofScheme;
}

bool PackedOperand::scalesManyRows(PackedMatmulOp op,
                                   const PackedLayout &packed) {
  return op.getTilesAttr().getScaledFrom() != 0 && !op.getRequantized() &&
         ScaledCodes::of(packed, PackedFields(packed, op));
}

PackedOperand::PackedOperand(PackedMatmulOp op, const PackedLayout &packed,
                             Codes codes, const VectorTarget &target)
    : weight(op.getWeight()), codes(codes),
      innerScales(innerScalesOf(op, packed, codes, target)),
      storedLayout(codes == Codes::asStored && FloatSums::apply(PackedFields(
                                                   packed, op, innerScales))
                       ? packed.widened()
                       : packed),
      storedFields(storedLayout, op, innerScales),
      scaled(codes == Codes::scaled ? ScaledCodes::of(packed, storedFields)
                                    : std::nullopt),
      layout(isRequantized() ? storedLayout.requantized()
             : scaled        ? scaled->layout(storedLayout)
                             : storedLayout),
      fields(isRequantized() ? PackedFields(layout)
             : scaled        ? PackedFields(layout, op, InnerScales::inCodes)
                             : storedFields),
      paired(op.getTilesAttr().getPairs() && !target.deterministic &&
                     codes == Codes::asStored
                 ? PairedGroups::of(layout, fields, activationBytes(op),
                                    layout.lanes == target.length
                                        ? target.wordDot
                                        : StringRef())
                 : std::nullopt) {}

StoredStretch PackedOperand::stretch(LoopBuilder &b, int64_t rows,
                                     ValueRange expert, Value tile,
                                     Value stretch, bool isStream) const {
  return StoredStretch(storedLayout,
                       isStream ? storedFields.streamed() : storedFields,
                       scaled ? &*scaled : nullptr, weight, expert,
                       stretchBegin(b, storedLayout, rows, tile, stretch));
}
