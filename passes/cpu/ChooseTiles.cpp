//===- ChooseTiles.cpp - Tiles as attributes of matmuls -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Scheme.h"
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
    const CpuProperties cpu = CpuAttr::of(getOperation());
    WalkResult walked = getOperation().walk([&](Operation *op) {
      if (failed(checkPacking(op)))
        return WalkResult::interrupt();
      if (auto matmul = dyn_cast<PackedMatmulOp>(op))
        return choose(matmul, cpu);
      if (auto matmul = dyn_cast<BlockMatmulOp>(op))
        return choose(matmul, cpu);
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }

  template <typename OpT> WalkResult choose(OpT op, const CpuProperties &cpu) {
    if (op.getTilesAttr())
      return WalkResult::advance();
    FailureOr<TileChoice> choice = chooseTiles(op, cpu);
    if (failed(choice))
      return WalkResult::interrupt();
    op.setTilesAttr(choice->tiles);
    if (printChoices)
      op.emitRemark() << "tiles for '"
                      << QuantScheme(op.getScheme().getScheme()).displayName()
                      << "': " << choice->tiles << ": " << choice->why;
    return WalkResult::advance();
  }
};
} // namespace
