//===- WeightsToArguments.cpp - rlx.weight becomes an argument ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights are bound by the runtime, so compiled code takes them as arguments.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "llvm/ADT/MapVector.h"

namespace rlx {
#define GEN_PASS_DEF_WEIGHTSTOARGUMENTSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct WeightsToArgumentsPass
    : rlx::impl::WeightsToArgumentsPassBase<WeightsToArgumentsPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(moveWeights(function)))
        return signalPassFailure();
    WalkResult walked = getOperation().walk([](WeightOp weight) {
      weight.emitOpError("is in no function of the program, expected it in a "
                         "func.func at the top level");
      return WalkResult::interrupt();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }

  LogicalResult moveWeights(func::FuncOp function) {
    llvm::MapVector<StringRef, SmallVector<WeightOp>> weights;
    function.walk(
        [&](WeightOp weight) { weights[weight.getName()].push_back(weight); });
    if (weights.empty())
      return success();
    if (function.isPrivate())
      return weights.front().second.front().emitOpError()
             << "is in the private function '" << function.getName()
             << "', expected weights in functions that the runtime calls; "
                "inline the "
                "function first";
    // Its callers do not know of what it takes in addition.
    if (!SymbolTable::symbolKnownUseEmpty(function, getOperation()))
      return weights.front().second.front().emitOpError()
             << "is in the function '" << function.getName()
             << "', which another one calls, expected weights in functions "
                "that the runtime calls; inline the function first";
    for (auto &[name, uses] : weights) {
      for (WeightOp use : uses)
        if (use.getType() != uses.front().getType())
          return use.emitOpError()
                 << "'" << name << "' is of type " << use.getType()
                 << ", but another use of it has " << uses.front().getType();
      NamedAttribute attribute("rlx.weight",
                               StringAttr::get(&getContext(), name));
      SmallVector<NamedAttribute> attributes = {attribute};
      if (Attribute value = uses.front()->getDiscardableAttr("rlx.value"))
        attributes.emplace_back("rlx.value", value);
      unsigned index = function.getNumArguments();
      if (failed(function.insertArgument(
              index, uses.front().getType(),
              DictionaryAttr::get(&getContext(), attributes),
              uses.front().getLoc())))
        return failure();
      for (WeightOp use : uses) {
        use.getResult().replaceAllUsesWith(function.getArgument(index));
        use.erase();
      }
    }
    return success();
  }
};
} // namespace
