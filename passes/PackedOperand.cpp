//===- PackedOperand.cpp - What an integer kernel multiplies --------------===//

#include "passes/PackedOperand.h"

using namespace mlir;
using namespace rlx;

/// Scaled codes leave no scale that could be a float.
static InnerScales innerScalesOf(PackedMatmulOp op, PackedOperand::Codes codes,
                                 const VectorTarget &target) {
  bool floats = op.getTilesAttr().getFloatSums() && !target.deterministic;
  bool hasFloats = codes == PackedOperand::Codes::requantized ||
                   (codes == PackedOperand::Codes::asStored && floats);
  return hasFloats ? InnerScales::floats : InnerScales::ofScheme;
}

PackedOperand::PackedOperand(PackedMatmulOp op, const PackedLayout &packed,
                             Codes codes, const VectorTarget &target)
    : weight(op.getWeight()), codes(codes),
      innerScales(innerScalesOf(op, codes, target)),
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
                 ? PairedGroups::of(layout, fields,
                                    op.getActivations().isInteger(8) ? 1 : 2,
                                    target.wordDot)
                 : std::nullopt) {}

StoredStretch PackedOperand::stretch(LoopBuilder &b, int64_t rows,
                                     ValueRange expert, Value tile,
                                     Value stretch, bool isStream) const {
  return StoredStretch(storedLayout,
                       isStream ? storedFields.streamed() : storedFields,
                       scaled ? &*scaled : nullptr, weight, expert,
                       stretchBegin(b, storedLayout, rows, tile, stretch));
}

PackedTiles::PackedTiles(PackedMatmulOp op, const PackedOperand &weight) {
  TilesAttr given = op.getTilesAttr();
  panelFrom = given.getPanelFrom();
  panelRows = given.getPanelRows();
  panelTiles = given.getPanelTiles();
  ahead = given.getAhead();
  height = std::max(given.getHeight(), panelRows);
  together = llvm::alignTo(
      llvm::divideCeil(given.getColumns(), weight.layout.lanes), panelTiles);
  for (int64_t count : {given.getRows(), int64_t(4), int64_t(2), int64_t(1)})
    if (rows.empty() || count < rows.back())
      rows.push_back(count);
  // Kernels of several M each have one kind of codes, and either panels or not,
  // but for experts, which have what rows they have.
  constexpr int64_t always = 1;
  int64_t never = height + 1;
  if (op.getRequantized())
    panelFrom = weight.isRequantized() ? always : never;
  else if (!op.getIds() && given.getScaledFrom() == panelFrom)
    panelFrom = weight.isScaled() ? always : never;
  roundsRowsUp = panelTiles > 1 || panelFrom == always;
}
