//===- ElementwiseToLinalg.cpp - arith and math on tensors become loops ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As upstream's pass of that name, but for a select of whole tensors by one
// condition: the tensors may differ in size, and the result has that of the one
// which is selected. It stays, and becomes a choice of buffers.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/support/Elementwise.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/DialectConversion.h"

namespace rlx {
#define GEN_PASS_DEF_ELEMENTWISETOLINALGPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct ElementwiseToLinalgPass
    : rlx::impl::ElementwiseToLinalgPassBase<ElementwiseToLinalgPass> {
  void runOnOperation() override {
    ConversionTarget target(getContext());
    target.markUnknownOpDynamicallyLegal(
        [](Operation *op) { return !isElementwiseOnTensors(op); });
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseToLinalgConversionPatterns(patterns);
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
