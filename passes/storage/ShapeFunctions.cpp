//===- ShapeFunctions.cpp - How large dynamic results will be -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A copy of the function returns the sizes of the results instead of the
// results. Clean-up afterwards leaves arithmetic on the arguments' sizes; what
// it cannot remove is computed, so the answer is right in any case.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"

namespace rlx {
#define GEN_PASS_DEF_SHAPEFUNCTIONSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// A tensor that has the sizes of `tensor`, as it is written into, by one
/// operation after the other or by loops.
static Value beforeWriting(Value tensor) {
  while (auto result = dyn_cast<OpResult>(tensor)) {
    Operation *op = result.getOwner();
    if (auto written = dyn_cast<DestinationStyleOpInterface>(op)) {
      tensor = written.getTiedOpOperand(result)->get();
      continue;
    }
    if (auto parallel = dyn_cast<scf::ForallOp>(op)) {
      tensor = parallel.getOutputs()[result.getResultNumber()];
      continue;
    }
    auto loop = dyn_cast<scf::ForOp>(op);
    unsigned number = result.getResultNumber();
    if (!loop || beforeWriting(loop.getYieldedValues()[number]) !=
                     loop.getRegionIterArg(number))
      break;
    tensor = loop.getInitArgs()[number];
  }
  return tensor;
}

namespace {
struct ShapeFunctionsPass
    : rlx::impl::ShapeFunctionsPassBase<ShapeFunctionsPass> {
  void runOnOperation() override {
    for (auto function :
         llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      bool dynamic = false;
      for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
        auto tensor = dyn_cast<RankedTensorType>(type);
        dynamic |= tensor && !tensor.hasStaticShape() && !isState(function, i);
      }
      if (!dynamic || function.isPrivate() || function.isExternal())
        continue;
      if (!function.getBody().hasOneBlock()) {
        function.emitOpError("expected structured control flow in a function "
                             "with results of dynamic size, but got several "
                             "blocks; use scf, or --lift-cf-to-scf");
        return signalPassFailure();
      }
      if (isa<func::ReturnOp>(function.front().getTerminator()) &&
          failed(addShapeFunction(function)))
        return signalPassFailure();
    }
  }

  /// Whether a result is a state, whose sizes the caller knows.
  static bool isState(func::FuncOp function, unsigned result) {
    return function.getResultAttr(result, "rlx.state") != nullptr;
  }

  /// Whether `value` is arithmetic on sizes, and on arguments and elements of
  /// them.
  static bool isCheap(Value value, Block &entry) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return cast<BlockArgument>(value).getOwner() == &entry;
    if (isa<tensor::DimOp>(op))
      return true;
    return isa_and_nonnull<arith::ArithDialect, affine::AffineDialect,
                           tensor::TensorDialect>(op->getDialect()) &&
           !isa<RankedTensorType>(value.getType()) &&
           llvm::all_of(op->getOperands(),
                        [&](Value operand) { return isCheap(operand, entry); });
  }

  /// The function itself checks what has to be computed for it.
  static void eraseCostlyChecks(func::FuncOp function) {
    Block &entry = function.front();
    SmallVector<CheckOp> checks;
    function.walk([&](CheckOp check) { checks.push_back(check); });
    for (CheckOp check : checks)
      if (check->getBlock() != &entry ||
          !llvm::all_of(check->getOperands(),
                        [&](Value operand) { return isCheap(operand, entry); }))
        check.erase();
  }

  LogicalResult addShapeFunction(func::FuncOp function) {
    std::string name = (function.getName() + ".shapes").str();
    if (Operation *other = getOperation().lookupSymbol(name))
      return other->emitError()
             << "expected no function of the name '" << name
             << "', which tells the sizes of the results of '"
             << function.getName() << "'; give it another one";
    OpBuilder builder(function);
    builder.setInsertionPointAfter(function);
    auto clone = cast<func::FuncOp>(builder.clone(*function));
    clone.setName(name);
    clone->removeAttr(clone.getResAttrsAttrName());
    clone->removeAttr("rlx.memory");
    // It changes no state.
    for (unsigned i = 0; i < clone.getNumArguments(); ++i)
      if (clone.removeArgAttr(i, "rlx.state"))
        clone.setArgAttr(i, "bufferization.writable",
                         builder.getBoolAttr(false));
    eraseCostlyChecks(clone);
    auto end = cast<func::ReturnOp>(clone.front().getTerminator());
    builder.setInsertionPoint(end);
    Location loc = end.getLoc();
    SmallVector<Value> sizes;
    for (auto [number, result] : llvm::enumerate(end.getOperands())) {
      if (isState(function, number))
        continue;
      auto tensor = dyn_cast<RankedTensorType>(result.getType());
      for (int64_t i = 0; tensor && i < tensor.getRank(); ++i) {
        Value size =
            tensor::DimOp::create(builder, loc, beforeWriting(result), i);
        sizes.push_back(arith::IndexCastOp::create(builder, loc,
                                                   builder.getI64Type(), size));
      }
    }
    Value all = tensor::FromElementsOp::create(builder, loc, sizes);
    func::ReturnOp::create(builder, loc, all);
    end.erase();
    clone.setType(
        builder.getFunctionType(clone.getArgumentTypes(), all.getType()));
    return success();
  }
};
} // namespace
