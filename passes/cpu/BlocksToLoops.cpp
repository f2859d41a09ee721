//===- BlocksToLoops.cpp - Block operations become loops ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/TileChoice.h"
#include "passes/cpu/attention/AttentionLoops.h"
#include "passes/cpu/kernels/LoopKernels.h"
#include "passes/cpu/kernels/RowAccess.h"
#include "passes/cpu/packed/PackedLoops.h"
#include "passes/cpu/packed/SharedActivations.h"
#include "passes/rules/RulePlan.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace rlx {
#define GEN_PASS_DEF_BLOCKSTOLOOPSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct BlocksToLoopsPass : rlx::impl::BlocksToLoopsPassBase<BlocksToLoopsPass> {
  using BlocksToLoopsPassBase::BlocksToLoopsPassBase;

  void runOnOperation() override {
    const CpuProperties cpu = CpuAttr::of(getOperation());
    SmallVector<Operation *> blocks;
    getOperation().walk([&](Operation *op) {
      if (isa<BlockMatmulOp, BlockDequantizeOp, BlockQuantizeOp,
              BlockFakeQuantizeOp, BlockAttentionOp, PackWeightOp,
              PackedMatmulOp>(op))
        blocks.push_back(op);
    });
    for (Operation *op : blocks)
      if (failed(checkPacking(op)))
        return signalPassFailure();
    auto completeTiles = [&](auto matmul) -> LogicalResult {
      if (matmul.getTilesAttr())
        return success();
      FailureOr<TileChoice> choice = chooseTiles(matmul, cpu);
      if (failed(choice))
        return failure();
      matmul.setTilesAttr(choice->tiles);
      return success();
    };
    SharedActivations shared;
    for (Operation *op : blocks) {
      if (op->getNumResults() != 0) {
        op->emitOpError("expected operands that are buffers; bufferize first");
        return signalPassFailure();
      }
      for (OpOperand &operand : op->getOpOperands())
        if (!isContiguousFor(operand)) {
          op->emitOpError()
              << "expected operand " << operand.getOperandNumber()
              << " to be contiguous in its last dimension, but got "
              << operand.get().getType()
              << "; --rlx-copy-strided-operands copies it";
          return signalPassFailure();
        }
      LogicalResult result = success();
      if (auto matmul = dyn_cast<BlockMatmulOp>(op)) {
        result = completeTiles(matmul);
        if (succeeded(result))
          result = emitMatmulLoops(matmul, cpu);
      } else if (auto packed = dyn_cast<PackedMatmulOp>(op)) {
        result = completeTiles(packed);
        if (succeeded(result))
          result = emitPackedMatmulLoops(packed, cpu, shared);
      } else if (auto dequantize = dyn_cast<BlockDequantizeOp>(op)) {
        result = emitDequantizeLoops(dequantize, cpu);
      } else if (auto attention = dyn_cast<BlockAttentionOp>(op)) {
        result = emitAttentionLoops(attention, cpu);
      } else if (auto pack = dyn_cast<PackWeightOp>(op)) {
        result = emitPackLoops(pack);
      } else if (auto fake = dyn_cast<BlockFakeQuantizeOp>(op)) {
        std::optional<RulePlan> plan = rulePlanOf(fake);
        if (!plan)
          continue; // The host's quantizer will be called.
        emitRuleLoops(fake, *plan);
      } else {
        auto quantize = cast<BlockQuantizeOp>(op);
        std::optional<RulePlan> plan;
        if (!quantize.choosesScales())
          result = emitQuantizeLoops(quantize, cpu);
        else if ((plan = rulePlanOf(quantize)))
          emitRuleLoops(quantize, *plan);
        else
          continue;
      }
      if (failed(result))
        return signalPassFailure();
      op->erase();
    }
  }
};
} // namespace
