//===- PackedOperand.cpp - What an integer kernel multiplies --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedOperand.h"

using namespace mlir;
using namespace rlx;

/// Prescaled weights leave no scale that could be a float.
static GroupScales groupScalesOf(PackedMatmulOp op, const PackedLayout &packed,
                                 PackedOperand::Codes codes,
                                 const VectorTarget &target) {
  bool floats = op.getTilesAttr().getMagicNumbers() && !target.deterministic &&
                MagicNumbers::fit(packed);
  bool hasFloats = codes == PackedOperand::Codes::reencoded ||
                   (codes == PackedOperand::Codes::asStored && floats);
  return hasFloats ? GroupScales::floats : GroupScales::ofScheme;
}

bool PackedOperand::prescalesManyRows(PackedMatmulOp op,
                                      const PackedLayout &packed) {
  return op.getTilesAttr().getMinMPrescaled() != 0 && !op.getReencoded() &&
         PrescaledWeights::of(packed, PackedFields(packed, op));
}

PackedOperand::PackedOperand(PackedMatmulOp op, const PackedLayout &packed,
                             Codes codes, const VectorTarget &target)
    : weight(op.getWeight()), codes(codes),
      groupScales(groupScalesOf(op, packed, codes, target)),
      storedLayout(codes == Codes::asStored && MagicNumbers::apply(PackedFields(
                                                   packed, op, groupScales))
                       ? packed.widened()
                       : packed),
      storedFields(storedLayout, op, groupScales),
      scaled(codes == Codes::prescaled
                 ? PrescaledWeights::of(packed, storedFields)
                 : std::nullopt),
      layout(isReencoded() ? storedLayout.reencoded()
             : scaled      ? scaled->layout(storedLayout)
                           : storedLayout),
      fields(isReencoded() ? PackedFields(layout)
             : scaled      ? PackedFields(layout, op, GroupScales::inCodes)
                           : storedFields),
      paired(op.getTilesAttr().getI16Pairs() && !target.deterministic &&
                     codes == Codes::asStored
                 ? I16Pairs::of(layout, fields, activationBytes(op),
                                layout.lanes == target.length ? target.i16Dot
                                                              : StringRef())
                 : std::nullopt) {}

StoredKBlock PackedOperand::kBlock(LoopBuilder &b, int64_t rows,
                                   ValueRange expert, Value tile, Value kBlock,
                                   bool isStream) const {
  return StoredKBlock(storedLayout,
                      isStream ? storedFields.streamed() : storedFields,
                      scaled ? &*scaled : nullptr, weight, expert,
                      kBlockBegin(b, storedLayout, rows, tile, kBlock));
}
