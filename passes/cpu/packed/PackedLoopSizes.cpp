//===- PackedLoopSizes.cpp - How the loops of an integer kernel are cut ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedLoopSizes.h"

using namespace mlir;
using namespace rlx;

PackedLoopSizes::PackedLoopSizes(PackedMatmulOp op, const PackedLayout &packed,
                                 const PackedOperand &weight) {
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
  // Kernels of several M each have one kind of codes, and either panels or not.
  // Experts have what rows they have: of theirs, only kernels that requantize
  // are as sure to have panels, with tiles that no other codes suit.
  constexpr int64_t always = 1;
  int64_t never = height + 1;
  if (op.getRequantized())
    panelFrom = weight.isRequantized() ? always : never;
  else if (!op.getIds() && given.getScaledFrom() == panelFrom &&
           PackedOperand::scalesManyRows(op, packed))
    panelFrom = weight.isScaled() ? always : never;
  roundsRowsUp = panelTiles > 1 || panelFrom == always;
}
