//===- DistinctResults.cpp - Each result has a buffer of its own ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bufferization would return one buffer for equal results, and for a result
// that holds nothing yet beside what is written to it. The caller gives one for
// each. So it would carry one buffer through a loop for several tensors that
// begin with the same empty one.
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

/// Whether nothing was written to `tensor`, so that others may be written to
/// its buffer.
static bool isUnwritten(Value tensor) {
  for (Operation *op = tensor.getDefiningOp(); op;
       op = op->getOperand(0).getDefiningOp()) {
    if (isa<tensor::EmptyOp>(op))
      return true;
    if (!isa<tensor::CastOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp,
             tensor::ExtractSliceOp>(op))
      return false;
  }
  return false;
}

/// Gives what a loop carries, and begins with nothing, memory of its own.
static void separateCarried(LoopLikeOpInterface loop) {
  OpBuilder b(loop);
  Location loc = loop.getLoc();
  for (OpOperand &init : loop.getInitsMutable()) {
    Value value = init.get();
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || type.getEncoding() || value.hasOneUse() || !isUnwritten(value))
      continue;
    SmallVector<Value> sizes;
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (type.isDynamicDim(i))
        sizes.push_back(tensor::DimOp::create(b, loc, value, i));
    init.set(bufferization::AllocTensorOp::create(b, loc, type, sizes));
  }
}

namespace {
struct DistinctResultsPass
    : rlx::impl::DistinctResultsPassBase<DistinctResultsPass> {
  void runOnOperation() override {
    getOperation().walk(separateCarried);
    getOperation().walk([](func::ReturnOp op) {
      llvm::SmallPtrSet<void *, 8> seen;
      OpBuilder b(op);
      for (OpOperand &operand : op->getOpOperands()) {
        auto type = dyn_cast<RankedTensorType>(operand.get().getType());
        bool isFirst =
            type && seen.insert(operand.get().getAsOpaquePointer()).second;
        if (!type || (isFirst && !isUnwritten(operand.get())))
          continue;
        operand.set(bufferization::AllocTensorOp::create(
            b, op.getLoc(), type, /*dynamicSizes=*/ValueRange(),
            /*copy=*/operand.get()));
      }
    });
  }
};
} // namespace
