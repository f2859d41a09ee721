//===- ApproximateMath.cpp - Functions of f32 as polynomials --------------===//
//
// Of MLIR's approximations, those that hold over all of f32: log is wrong on
// subnormals, sin and cos on large numbers. These stay calls of the C library.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Math/Transforms/Approximation.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rlx {
#define GEN_PASS_DEF_APPROXIMATEMATHPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct ApproximateMathPass
    : rlx::impl::ApproximateMathPassBase<ApproximateMathPass> {
  static bool isApproximated(StringRef name) {
    return llvm::is_contained({math::ExpOp::getOperationName(),
                               math::TanhOp::getOperationName(),
                               math::ErfOp::getOperationName()},
                              name);
  }

  void runOnOperation() override {
    SmallVector<Operation *> functions;
    getOperation().walk([&](Operation *op) {
      if (isApproximated(op->getName().getStringRef()))
        functions.push_back(op);
    });
    if (functions.empty())
      return;
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns, isApproximated);
    // What is f64 stays.
    (void)applyOpPatternsGreedily(functions, std::move(patterns));
  }
};
} // namespace
