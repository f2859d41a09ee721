//===- BlocksToLoops.cpp - Block operations become loops
//-------------------===//

#include "passes/BlockLoops.h"
#include "passes/TileChoice.h"

namespace rlx {
#define GEN_PASS_DEF_BLOCKSTOLOOPSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct BlocksToLoopsPass : rlx::impl::BlocksToLoopsPassBase<BlocksToLoopsPass> {
  using BlocksToLoopsPassBase::BlocksToLoopsPassBase;

  StringRef bf16Dot() {
    SmallVector<StringRef> names;
    StringRef(instructions).split(names, ',', -1, /*KeepEmpty=*/false);
    if (vectorLength == 16 && llvm::is_contained(names, "avx512bf16"))
      return "llvm.x86.avx512bf16.dpbf16ps.512";
    if (vectorLength == 4 && llvm::is_contained(names, "bf16"))
      return "llvm.aarch64.neon.bfdot.v4f32.v8bf16";
    return "";
  }

  void runOnOperation() override {
    VectorTarget target{vectorLength, vectorRegisters, deterministic,
                        bf16Dot()};
    SmallVector<Operation *> blocks;
    getOperation().walk([&](Operation *op) {
      if (isa<BlockMatmulOp, BlockDequantizeOp, BlockQuantizeOp, PackWeightOp,
              PackedMatmulOp>(op))
        blocks.push_back(op);
    });
    TileTarget tileTarget =
        TileTarget::of(vectorLength, vectorRegisters, instructions);
    auto completeTiles = [&](auto matmul) {
      if (!matmul.getTilesAttr())
        matmul.setTilesAttr(chooseTiles(matmul, tileTarget).tiles);
    };
    for (Operation *op : blocks) {
      if (op->getNumResults() != 0) {
        op->emitOpError("expected operands that are buffers; bufferize first");
        return signalPassFailure();
      }
      LogicalResult result = success();
      if (auto matmul = dyn_cast<BlockMatmulOp>(op)) {
        completeTiles(matmul);
        result = emitMatmulLoops(matmul, target);
      } else if (auto packed = dyn_cast<PackedMatmulOp>(op)) {
        completeTiles(packed);
        result = emitPackedMatmulLoops(packed);
      } else if (auto dequantize = dyn_cast<BlockDequantizeOp>(op)) {
        result = emitDequantizeLoops(dequantize, target);
      } else if (auto pack = dyn_cast<PackWeightOp>(op)) {
        result = emitPackLoops(pack);
      } else {
        result = emitQuantizeLoops(cast<BlockQuantizeOp>(op), target);
      }
      if (failed(result))
        return signalPassFailure();
      op->erase();
    }
  }
};
} // namespace
