//===- HoistPacking.cpp - What follows from weights is computed once ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing, and whatever else depends on weights alone, becomes a function that
// the runtime calls when weights are bound.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/program/WeightValues.h"

namespace rlx {
#define GEN_PASS_DEF_HOISTPACKINGPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct HoistPackingPass : rlx::impl::HoistPackingPassBase<HoistPackingPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      if (!function.isPrivate() && !function.isExternal() &&
          failed(hoist(function, symbols)))
        return signalPassFailure();
  }

  LogicalResult hoist(func::FuncOp function, SymbolTable &symbols) {
    WeightValues values(function);
    auto isComputedOnce = [&](Operation *op) {
      return op->getNumResults() == 1 && values.contains(op->getResult(0));
    };
    SmallVector<Value> roots;
    function.walk([&](Operation *op) {
      // On buffers, the packed weight is one that somebody else may write.
      auto packing = dyn_cast<PackWeightOp>(op);
      if (packing && packing->getNumResults() == 1 &&
          packing.getInit().getDefiningOp<tensor::EmptyOp>() &&
          !isComputedOnce(op))
        remark(packing, values);
      if (isComputedOnce(op) && values.isComputed(op->getResult(0)) &&
          !llvm::all_of(op->getUsers(), isComputedOnce))
        roots.push_back(op->getResult(0));
    });
    // All of them, before what one computes becomes an argument of another.
    SmallVector<func::FuncOp> packers;
    for (auto [index, root] : llvm::enumerate(roots))
      packers.push_back(
          createPacker(function, root, values.originOf(root), index, symbols));
    for (auto [root, packer] : llvm::zip_equal(roots, packers)) {
      NamedAttribute packed("rlx.packed",
                            StringAttr::get(&getContext(), packer.getName()));
      NamedAttribute readOnly("bufferization.writable",
                              BoolAttr::get(&getContext(), false));
      unsigned argument = function.getNumArguments();
      if (failed(function.insertArgument(
              argument, root.getType(),
              DictionaryAttr::get(&getContext(), {packed, readOnly}),
              root.getLoc())))
        return failure();
      root.replaceAllUsesWith(function.getArgument(argument));
    }
    eraseUnused(roots);
    llvm::BitVector unused(function.getNumArguments());
    for (BlockArgument argument : function.getArguments())
      if (argument.use_empty() &&
          function.getArgAttr(argument.getArgNumber(), "rlx.weight"))
        unused.set(argument.getArgNumber());
    return function.eraseArguments(unused);
  }

  /// Erases what gives `roots`, which have no uses, and what only they use. One
  /// may be used by another.
  static void eraseUnused(ArrayRef<Value> roots) {
    llvm::SetVector<Operation *> left;
    for (Value root : roots)
      left.insert(root.getDefiningOp());
    while (!left.empty()) {
      Operation *op = left.pop_back_val();
      bool isRoot = llvm::any_of(op->getResults(), [&](Value v) {
        return llvm::is_contained(roots, v);
      });
      if (!(isRoot ? op->use_empty() : isOpTriviallyDead(op)))
        continue;
      SmallVector<Value> operands(op->getOperands());
      op->erase();
      for (Value operand : operands)
        if (Operation *other = operand.getDefiningOp())
          left.insert(other);
    }
  }

  /// Says why `op` is not done once.
  static void remark(PackWeightOp op, WeightValues &values) {
    bool isWeight = !values.contains(op.getWeight());
    auto inputs = op.getDpsInputs();
    Value other = *llvm::find_if(
        inputs, [&](Value value) { return !values.contains(value); });
    op.emitRemark() << (isWeight ? "the weight is " : "what scales it is ")
                    << (isa<BlockArgument>(other)
                            ? "an argument without rlx.weight"
                            : "computed by the program")
                    << " and is packed in each call";
  }

  func::FuncOp createPacker(func::FuncOp function, Value root,
                            const WeightValues::Origin &origin, size_t index,
                            SymbolTable &symbols) {
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfter(function);
    auto type = builder.getFunctionType(
        ValueRange(origin.weights.getArrayRef()).getTypes(), root.getType());
    std::string name = (function.getName() + ".pack" + Twine(index)).str();
    auto packer = func::FuncOp::create(builder, root.getLoc(), name, type);
    symbols.insert(packer); // Renames it where there is such a function.
    Block *entry = packer.addEntryBlock();
    builder.setInsertionPointToStart(entry);
    IRMapping mapping;
    for (auto [number, value] : llvm::enumerate(origin.weights)) {
      mapping.map(value, entry->getArgument(number));
      unsigned source = cast<BlockArgument>(value).getArgNumber();
      packer.setArgAttrs(number, function.getArgAttrDict(source));
    }
    for (Operation *op : origin.operations)
      builder.clone(*op, mapping);
    func::ReturnOp::create(builder, root.getLoc(), mapping.lookup(root));
    return packer;
  }
};
} // namespace
