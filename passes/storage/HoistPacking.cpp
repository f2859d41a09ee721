//===- HoistPacking.cpp - Packing of weights happens once -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing that depends on weights alone becomes a function that the runtime
// calls when weights are bound.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

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
    SmallVector<PackWeightOp> packings;
    function.walk([&](PackWeightOp op) {
      // On buffers, the packed weight is one that somebody else may write.
      if (op->getNumResults() != 1 ||
          !op.getInit().getDefiningOp<tensor::EmptyOp>())
        return;
      if (llvm::all_of(op.getDpsInputs(),
                       [&](Value value) { return isBound(value, function); }))
        packings.push_back(op);
      else
        remark(op, function);
    });
    for (auto [index, op] : llvm::enumerate(packings)) {
      func::FuncOp packer = createPacker(function, op, index, symbols);
      NamedAttribute packed("rlx.packed",
                            StringAttr::get(&getContext(), packer.getName()));
      NamedAttribute readOnly("bufferization.writable",
                              BoolAttr::get(&getContext(), false));
      unsigned argument = function.getNumArguments();
      if (failed(function.insertArgument(
              argument, op.getResult(0).getType(),
              DictionaryAttr::get(&getContext(), {packed, readOnly}),
              op.getLoc())))
        return failure();
      op.getResult(0).replaceAllUsesWith(function.getArgument(argument));
      op.erase();
    }
    llvm::BitVector unused(function.getNumArguments());
    for (BlockArgument argument : function.getArguments())
      if (argument.use_empty() &&
          function.getArgAttr(argument.getArgNumber(), "rlx.weight"))
        unused.set(argument.getArgNumber());
    return function.eraseArguments(unused);
  }

  /// Whether `value` is a weight that is bound once.
  static bool isBound(Value value, func::FuncOp function) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getOwner() == &function.front() &&
           function.getArgAttr(argument.getArgNumber(), "rlx.weight");
  }

  /// Says why `op` is not done once.
  static void remark(PackWeightOp op, func::FuncOp function) {
    bool isWeight = !isBound(op.getWeight(), function);
    auto inputs = op.getDpsInputs();
    Value other = *llvm::find_if(
        inputs, [&](Value value) { return !isBound(value, function); });
    op.emitRemark() << (isWeight ? "the weight is " : "what scales it is ")
                    << (isa<BlockArgument>(other)
                            ? "an argument without rlx.weight"
                            : "computed by the program")
                    << " and is packed in each call";
  }

  func::FuncOp createPacker(func::FuncOp function, PackWeightOp op,
                            size_t index, SymbolTable &symbols) {
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfter(function);
    SmallVector<Value> inputs = op.getDpsInputs();
    auto type = builder.getFunctionType(ValueRange(inputs).getTypes(),
                                        op.getResultTypes());
    std::string name = (function.getName() + ".pack" + Twine(index)).str();
    auto packer = func::FuncOp::create(builder, op.getLoc(), name, type);
    symbols.insert(packer); // Renames it where there is such a function.
    Block *entry = packer.addEntryBlock();
    builder.setInsertionPointToStart(entry);
    IRMapping mapping;
    for (auto [number, value] : llvm::enumerate(inputs)) {
      mapping.map(value, entry->getArgument(number));
      unsigned source = cast<BlockArgument>(value).getArgNumber();
      packer.setArgAttrs(number, function.getArgAttrDict(source));
    }
    builder.clone(*op.getInit().getDefiningOp(), mapping);
    Operation *clone = builder.clone(*op, mapping);
    func::ReturnOp::create(builder, op.getLoc(), clone->getResults());
    return packer;
  }
};
} // namespace
