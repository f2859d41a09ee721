//===- InsertChecks.cpp - What only shows at run time is checked ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations on tensors are undefined where sizes and indices do not fit. This
// pass puts an rlx.check before each that types alone cannot vouch for. It runs
// on the program as it was written: whatever comes later may rely on what was
// checked here. A check of sizes costs some instructions a call; only indices
// and divisors inside of loops are checked there.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/checks/GatherLoops.h"
#include "passes/checks/SizeChecks.h"
#include "passes/support/Elementwise.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx {
#define GEN_PASS_DEF_INSERTCHECKSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
/// Whether `op` divides tensors of integers.
bool dividesTensors(Operation *op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
             arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op) &&
         isElementwiseOnTensors(op);
}

/// A crop is no padding to upstream's lowering.
LogicalResult checkPadding(tensor::PadOp pad) {
  for (ArrayRef<int64_t> sizes : {pad.getStaticLow(), pad.getStaticHigh()})
    for (auto [i, size] : llvm::enumerate(sizes))
      if (!ShapedType::isDynamic(size) && size < 0)
        return pad.emitOpError()
               << "expected padding of at least 0 in dimension " << i
               << ", but got " << size
               << "; tensor.extract_slice takes a part of a tensor";
  return success();
}

struct InsertChecksPass : rlx::impl::InsertChecksPassBase<InsertChecksPass> {
  void runOnOperation() override {
    SmallVector<Operation *> all;
    getOperation()->walk([&](Operation *op) { all.push_back(op); });
    for (Operation *op : all)
      if (auto pad = dyn_cast<tensor::PadOp>(op);
          pad && failed(checkPadding(pad)))
        return signalPassFailure();
    for (Operation *op : all)
      if (isElementwiseOnTensors(op)) {
        SizeChecks(op).insertElementwise();
        if (dividesTensors(op))
          divideEach(op);
      } else {
        SizeChecks(op).insert();
        // A check takes the place of an assertion.
        if (isa<cf::AssertOp>(op))
          op->erase();
        else
          replaceByElements(op);
      }
  }

  /// Divisors of elements are checked where they are divided by: a division of
  /// tensors becomes one inside of linalg.map.
  void divideEach(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    Value empty = tensor::EmptyOp::create(
        b, tensor::getMixedSizes(b, b.getLoc(), op->getOperand(0)),
        type.getElementType());
    if (empty.getType() != type)
      empty = tensor::CastOp::create(b, type, empty);
    auto map = linalg::MapOp::create(
        b, op->getOperands(), empty,
        [&](OpBuilder &inner, Location loc, ValueRange elements) {
          OperationState state(loc, op->getName(), elements.take_front(2),
                               type.getElementType());
          Operation *division = inner.create(state);
          linalg::YieldOp::create(inner, loc, division->getResults());
          SizeChecks(division).insert();
        });
    op->replaceAllUsesWith(map->getResults());
    op->erase();
  }
};
} // namespace
