//===- KeepUnwritten.cpp - What an operation does not write stays ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's passes take an output that the body of a linalg operation does not
// read for one that is overwritten as a whole, and give it a new buffer. An
// output of which only some elements are indexed, or none where a reduction has
// no iterations, keeps the others: the body reads it, then.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx {
#define GEN_PASS_DEF_KEEPUNWRITTENPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// Whether `op` writes each element of `init`: its indices are loops, each
/// another one, and all other loops are known to run.
static bool writesAll(linalg::GenericOp op, OpOperand &init) {
  llvm::SmallBitVector indexed(op.getNumLoops());
  for (AffineExpr expr : op.getMatchingIndexingMap(&init).getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || indexed.test(dim.getPosition()))
      return false;
    indexed.set(dim.getPosition());
  }
  for (auto [loop, size] : llvm::enumerate(op.getStaticLoopRanges()))
    if (!indexed.test(loop) && (ShapedType::isDynamic(size) || size == 0))
      return false;
  return true;
}

/// Whether the elements of `tensor` are not defined.
static bool isUndefined(Value tensor) {
  while (auto cast = tensor.getDefiningOp<tensor::CastOp>())
    tensor = cast.getSource();
  return tensor.getDefiningOp<tensor::EmptyOp>();
}

/// Chooses between what the body gives and what there is by a condition that
/// always holds, but that no folder knows: an index is not negative.
static void readOutput(linalg::GenericOp op, OpOperand &init) {
  Block &body = *op.getBlock();
  Operation *yield = body.getTerminator();
  OpOperand &given =
      yield->getOpOperand(init.getOperandNumber() - op.getNumDpsInputs());
  ImplicitLocOpBuilder b(op.getLoc(), yield);
  Value index = linalg::IndexOp::create(b, 0);
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value holds =
      arith::CmpIOp::create(b, arith::CmpIPredicate::sge, index, zero);
  given.set(arith::SelectOp::create(b, holds, given.get(),
                                    op.getMatchingBlockArgument(&init)));
}

namespace {
struct KeepUnwrittenPass : rlx::impl::KeepUnwrittenPassBase<KeepUnwrittenPass> {
  void runOnOperation() override {
    getOperation()->walk([](linalg::GenericOp op) {
      if (!op.hasPureTensorSemantics() || op.getNumLoops() == 0)
        return;
      for (OpOperand &init : op.getDpsInitsMutable())
        if (!op.payloadUsesValueFromOperand(&init) && !writesAll(op, init) &&
            !isUndefined(init.get()))
          readOutput(op, init);
    });
  }
};
} // namespace
