//===- OutlineParallel.cpp - Parallel loop bodies become functions --------===//
//
// The host calls the body for ranges of indices, from several threads. Which
// threads, and how many indices a call, is the host's choice.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

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

  LogicalResult outline(func::FuncOp function, scf::ForallOp loop,
                        size_t number, SymbolTable &symbols) {
    if (loop.getRank() != 1 || loop.getNumResults() != 0)
      return loop.emitOpError(
          "expected a parallel loop over one index and buffers");
    Location loc = loop.getLoc();

    // Constants are cheaper to repeat than to pass.
    llvm::SetVector<Value> captures;
    getUsedValuesDefinedAbove(loop.getRegion(), captures);
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
    // The loop counts from its lower bound in steps; the range counts
    // iterations.
    AffineExpr i, lower, step;
    bindDims(&getContext(), i);
    bindSymbols(&getContext(), lower, step);
    auto bound = [&](OpFoldResult value) -> Value {
      if (auto given = dyn_cast<Value>(value))
        return mapping.lookupOrDefault(given);
      return arith::ConstantIndexOp::create(builder, loc,
                                            *getConstantIntValue(value));
    };
    Value induction = affine::AffineApplyOp::create(
        builder, loc, AffineMap::get(1, 2, i * step + lower),
        ValueRange{range.getInductionVar(), bound(loop.getMixedLowerBound()[0]),
                   bound(loop.getMixedStep()[0])});
    mapping.map(loop.getInductionVar(0), induction);
    for (Operation &op : loop.getBody()->without_terminator())
      builder.clone(op, mapping);

    builder.setInsertionPoint(loop);
    AffineExpr upper;
    bindSymbols(&getContext(), lower, step, upper);
    auto value = [&](OpFoldResult size) {
      return getValueOrCreateConstantIndexOp(builder, loc, size);
    };
    Value count = affine::AffineApplyOp::create(
        builder, loc, AffineMap::get(0, 3, (upper - lower).ceilDiv(step)),
        ValueRange{value(loop.getMixedLowerBound()[0]),
                   value(loop.getMixedStep()[0]),
                   value(loop.getMixedUpperBound()[0])});
    ParallelForOp::create(builder, loc, SymbolRefAttr::get(body), count,
                          captures.getArrayRef());
    loop.erase();
    return success();
  }
};
} // namespace
