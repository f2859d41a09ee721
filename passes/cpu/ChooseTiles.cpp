//===- ChooseTiles.cpp - Tiles as attributes of matmuls -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/TileChoice.h"

namespace rlx {
#define GEN_PASS_DEF_CHOOSETILESPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct ChooseTilesPass : rlx::impl::ChooseTilesPassBase<ChooseTilesPass> {
  using ChooseTilesPassBase::ChooseTilesPassBase;

  void runOnOperation() override {
    if (failed(checkVectors(getOperation(), vectorLength, vectorRegisters)))
      return signalPassFailure();
    TileTarget target = TileTarget::of(vectorLength, vectorRegisters,
                                       instructions, twoVectorPorts);
    WalkResult walked = getOperation().walk([&](Operation *op) {
      if (failed(checkPacking(op)))
        return WalkResult::interrupt();
      if (auto matmul = dyn_cast<PackedMatmulOp>(op))
        return choose(matmul, target);
      if (auto matmul = dyn_cast<BlockMatmulOp>(op))
        return choose(matmul, target);
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }

  template <typename OpT> WalkResult choose(OpT op, const TileTarget &target) {
    if (op.getTilesAttr())
      return WalkResult::advance();
    TileChoice choice =
        chooseTiles(op, target, {i16Pairs, magicNumbers, prescaledWeights});
    TilesAttr chosen = choice.tiles;
    auto pick = [](int64_t given, int64_t value) {
      return given ? given : value;
    };
    constexpr bool isPacked = std::is_same_v<OpT, PackedMatmulOp>;
    auto tiles = TilesAttr::getChecked(
        [&] { return op.emitError(); }, &getContext(), pick(mr, chosen.getMr()),
        pick(minMPanel, chosen.getMinMPanel()),
        pick(mrPanel, chosen.getMrPanel()), pick(mc, chosen.getMc()),
        pick(nc, chosen.getNc()), pick(isPacked ? 0 : kc, chosen.getKc()),
        chosen.getI16Pairs(), pick(nrPanel, chosen.getNrPanel()),
        chosen.getMagicNumbers(),
        chosen.getMinMPrescaled() == chosen.getMinMPanel()
            ? pick(minMPanel, chosen.getMinMPanel())
            : chosen.getMinMPrescaled(),
        pick(prefetchBytes, chosen.getPrefetchBytes()));
    if (!tiles)
      return WalkResult::interrupt();
    op.setTilesAttr(tiles);
    if (printChoices)
      op.emitRemark() << "tiles for '"
                      << QuantScheme(op.getScheme().getScheme()).displayName()
                      << "': " << tiles << ": " << choice.why;
    return WalkResult::advance();
  }
};
} // namespace
