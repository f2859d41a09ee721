//===- DistinctResults.cpp - Each result has a buffer of its own ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bufferization would return one buffer for equal results, and for a result
// that holds nothing yet beside what is written to it. The caller gives one for
// each. So it would carry one buffer through a loop for several tensors that
// begin with the same empty one. Where operations write to one that common
// values were merged to, it would look at all pairs of them, which takes longer
// than everything else in a program of many layers, and copy what was filled.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
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

/// Gives an operation that writes to an empty or a filled tensor one of its
/// own.
static void separateDestinations(DestinationStyleOpInterface op) {
  if (isa<linalg::FillOp>(op))
    return; // Cloned with what it fills.
  OpBuilder b(op);
  for (OpOperand &init : op.getDpsInitsMutable()) {
    Operation *made = init.get().getDefiningOp();
    auto fill = dyn_cast_or_null<linalg::FillOp>(made);
    if (fill)
      made = fill.getOutputs().front().getDefiningOp();
    auto empty = dyn_cast_or_null<tensor::EmptyOp>(made);
    if (!empty || (init.get().hasOneUse() && empty->hasOneUse()))
      continue;
    Operation *own = b.clone(*empty);
    if (fill) {
      IRMapping mapping;
      mapping.map(empty.getResult(), own->getResult(0));
      own = b.clone(*fill, mapping);
    }
    init.set(own->getResult(0));
  }
}

namespace {
struct DistinctResultsPass
    : rlx::impl::DistinctResultsPassBase<DistinctResultsPass> {
  void runOnOperation() override {
    getOperation().walk(separateCarried);
    getOperation().walk(separateDestinations);
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
