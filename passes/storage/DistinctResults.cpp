//===- DistinctResults.cpp - Each result has a buffer of its own ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bufferization would return one buffer for equal results. The caller gives one
// for each.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace rlx {
#define GEN_PASS_DEF_DISTINCTRESULTSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct DistinctResultsPass
    : rlx::impl::DistinctResultsPassBase<DistinctResultsPass> {
  void runOnOperation() override {
    getOperation().walk([](func::ReturnOp op) {
      llvm::SmallPtrSet<void *, 8> seen;
      OpBuilder b(op);
      for (OpOperand &operand : op->getOpOperands()) {
        auto type = dyn_cast<RankedTensorType>(operand.get().getType());
        if (!type || seen.insert(operand.get().getAsOpaquePointer()).second)
          continue;
        operand.set(bufferization::AllocTensorOp::create(
            b, op.getLoc(), type, /*dynamicSizes=*/ValueRange(),
            /*copy=*/operand.get()));
      }
    });
  }
};
} // namespace
