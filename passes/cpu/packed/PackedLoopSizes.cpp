//===- PackedLoopSizes.cpp - How the loops of an integer kernel are cut ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedLoopSizes.h"

using namespace mlir;
using namespace rlx;

PackedLoopSizes::PackedLoopSizes(PackedMatmulOp op, const PackedLayout &packed,
                                 const PackedOperand &weight) {
  TilesAttr given = op.getTilesAttr();
  minMPanel = given.getMinMPanel();
  mrPanel = given.getMrPanel();
  nrPanel = given.getNrPanel();
  ahead = given.getPrefetchBytes();
  height = std::max(given.getMc(), mrPanel);
  together = llvm::alignTo(llvm::divideCeil(given.getNc(), weight.layout.lanes),
                           nrPanel);
  for (int64_t count : {given.getMr(), int64_t(4), int64_t(2), int64_t(1)})
    if (rows.empty() || count < rows.back())
      rows.push_back(count);
  // Kernels of several M each have one kind of codes, and either panels or not.
  // Experts have what rows they have: of theirs, only kernels that reencode
  // are as sure to have panels, with tiles that no other codes suit.
  constexpr int64_t always = 1;
  int64_t never = height + 1;
  if (op.getReencoded())
    minMPanel = weight.isReencoded() ? always : never;
  else if (!op.getIds() && given.getMinMPrescaled() == minMPanel &&
           PackedOperand::prescalesManyRows(op, packed))
    minMPanel = weight.isPrescaled() ? always : never;
  roundsRowsUp = nrPanel > 1 || minMPanel == always;
}
