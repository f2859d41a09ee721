//===- OutlineParallel.cpp - Parallel loop bodies become functions --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The host calls the body for ranges of indices, from several threads. Which
// threads, and how many indices a call, is the host's choice.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

namespace rlx {
#define GEN_PASS_DEF_OUTLINEPARALLELPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct OutlineParallelPass
    : rlx::impl::OutlineParallelPassBase<OutlineParallelPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function :
         llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      SmallVector<scf::ForallOp> loops;
      function.walk<WalkOrder::PreOrder>([&](scf::ForallOp loop) {
        loops.push_back(loop);
        return WalkResult::skip();
      });
      for (auto [index, loop] : llvm::enumerate(loops))
        if (failed(outline(function, loop, index, symbols)))
          return signalPassFailure();
    }
  }

  /// How many iterations each index of `loop` has, 0 at least where there are
  /// several; `value` gives bounds where `builder` is.
  SmallVector<Value>
  iterationCounts(OpBuilder &builder, scf::ForallOp loop,
                  llvm::function_ref<Value(OpFoldResult)> value) {
    AffineExpr lower, step, upper;
    bindSymbols(&getContext(), lower, step, upper);
    Location loc = loop.getLoc();
    SmallVector<Value> counts;
    for (int64_t i = 0; i < loop.getRank(); ++i) {
      counts.push_back(affine::AffineApplyOp::create(
          builder, loc, AffineMap::get(0, 3, (upper - lower).ceilDiv(step)),
          ValueRange{value(loop.getMixedLowerBound()[i]),
                     value(loop.getMixedStep()[i]),
                     value(loop.getMixedUpperBound()[i])}));
      if (loop.getRank() > 1)
        counts.back() = arith::MaxSIOp::create(
            builder, loc, counts.back(),
            arith::ConstantIndexOp::create(builder, loc, 0));
    }
    return counts;
  }

  LogicalResult outline(func::FuncOp function, scf::ForallOp loop,
                        size_t number, SymbolTable &symbols) {
    if (loop.getNumResults() != 0)
      return loop.emitOpError("expected a parallel loop over buffers");
    Location loc = loop.getLoc();

    // Constants are cheaper to repeat than to pass.
    llvm::SetVector<Value> captures;
    getUsedValuesDefinedAbove(loop.getRegion(), captures);
    auto capture = [&](ValueRange bounds) {
      captures.insert(bounds.begin(), bounds.end());
    };
    capture(loop.getDynamicLowerBound());
    capture(loop.getDynamicStep());
    if (loop.getRank() > 1)
      capture(loop.getDynamicUpperBound());
    SmallVector<Value> constants;
    captures.remove_if([&](Value value) {
      bool constant = value.getDefiningOp() &&
                      value.getDefiningOp()->hasTrait<OpTrait::ConstantLike>();
      if (constant)
        constants.push_back(value);
      return constant;
    });

    OpBuilder builder(function);
    builder.setInsertionPointAfter(function);
    Type index = builder.getIndexType();
    SmallVector<Type> types = {index, index};
    for (Value value : captures)
      types.push_back(value.getType());
    std::string name = (function.getName() + ".parallel" + Twine(number)).str();
    auto body = func::FuncOp::create(builder, loc, name,
                                     builder.getFunctionType(types, {}));
    symbols.insert(body); // Renames it where there is such a function.
    body.setPrivate();
    body->setAttr("llvm.linkage", LLVM::LinkageAttr::get(
                                      &getContext(), LLVM::Linkage::Internal));
    Block *entry = body.addEntryBlock();
    builder.setInsertionPointToStart(entry);
    IRMapping mapping;
    for (Value constant : constants)
      builder.clone(*constant.getDefiningOp(), mapping);
    mapping.map(captures.getArrayRef(), entry->getArguments().drop_front(2));
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    auto range = scf::ForOp::create(builder, loc, entry->getArgument(0),
                                    entry->getArgument(1), one);
    func::ReturnOp::create(builder, loc);
    builder.setInsertionPointToStart(range.getBody());
    auto inside = [&](OpFoldResult value) -> Value {
      if (auto given = dyn_cast<Value>(value))
        return mapping.lookupOrDefault(given);
      return arith::ConstantIndexOp::create(builder, loc,
                                            *getConstantIntValue(value));
    };
    // The range counts iterations, of all indices; the loop counts each from
    // its lower bound in steps.
    SmallVector<Value> iterations = {range.getInductionVar()};
    if (loop.getRank() > 1)
      iterations = affine::AffineDelinearizeIndexOp::create(
                       builder, loc, range.getInductionVar(),
                       iterationCounts(builder, loop, inside),
                       /*hasOuterBound=*/true)
                       .getResults();
    AffineExpr i, lower, step;
    bindDims(&getContext(), i);
    bindSymbols(&getContext(), lower, step);
    for (auto [number, iteration] : llvm::enumerate(iterations))
      mapping.map(
          loop.getInductionVar(number),
          affine::AffineApplyOp::create(
              builder, loc, AffineMap::get(1, 2, i * step + lower),
              ValueRange{iteration, inside(loop.getMixedLowerBound()[number]),
                         inside(loop.getMixedStep()[number])})
              .getResult());
    for (Operation &op : loop.getBody()->without_terminator())
      builder.clone(op, mapping);

    builder.setInsertionPoint(loop);
    auto outside = [&](OpFoldResult value) {
      return getValueOrCreateConstantIndexOp(builder, loc, value);
    };
    Value count;
    for (Value each : iterationCounts(builder, loop, outside))
      count = count ? Value(arith::MulIOp::create(builder, loc, count, each))
                    : each;
    ParallelForOp::create(builder, loc, SymbolRefAttr::get(body), count,
                          captures.getArrayRef());
    loop.erase();
    return success();
  }
};
} // namespace
