//===- FuseElementwise.cpp - Elementwise operations become one ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's patterns with a rule of our own for what is fused, in place of
// upstream's pass: that moves producers into reductions and folds reshapes into
// loops, which leaves innermost loops too short for vectors.
//
//===----------------------------------------------------------------------===//

#include "passes/graph/FuseElementwise.h"
#include "passes/PassDetail.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rlx {
#define GEN_PASS_DEF_FUSEELEMENTWISEPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

LogicalResult rlx::fuseElementwise(func::FuncOp function) {
  auto shouldFuse = [](OpOperand *operand) {
    Operation *producer = operand->get().getDefiningOp();
    auto consumer = cast<linalg::LinalgOp>(operand->getOwner());
    // Devices bind few buffers to a kernel.
    constexpr unsigned mostOperands = 24;
    return producer && producer->hasOneUse() &&
           producer->getNumOperands() + consumer->getNumOperands() <=
               mostOperands &&
           consumer.getNumParallelLoops() == consumer.getNumLoops();
  };
  RewritePatternSet patterns(function.getContext());
  linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
  linalg::populateConstantFoldLinalgOperations(patterns, shouldFuse);
  // A size that is asked of a producer is a second use of it: ask what its
  // destination was made with.
  tensor::DimOp::getCanonicalizationPatterns(patterns, function.getContext());
  // A long chain takes more rounds than MLIR's default; what is not fused after
  // these is right all the same.
  GreedyRewriteConfig config;
  config.setMaxIterations(100);
  (void)applyPatternsGreedily(function, std::move(patterns), config);
  return success();
}

namespace {
struct FuseElementwisePass
    : rlx::impl::FuseElementwisePassBase<FuseElementwisePass> {
  void runOnOperation() override {
    if (failed(fuseElementwise(getOperation())))
      signalPassFailure();
  }
};
} // namespace
