//===- StripQuant.cpp - Quantized tensors become plain ones ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/support/QuantizedOperand.h"

#include "ir/QuantMap.h"
#include "ir/ViewOps.h"

#include "llvm/ADT/SetVector.h"

namespace rlx {
#define GEN_PASS_DEF_STRIPQUANTPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// `type` without schemes, where it is a tensor that has one.
static Type plain(Type type) {
  return QuantScheme::of(type) ? cast<RankedTensorType>(type).dropEncoding()
                               : type;
}

namespace {
struct StripQuantPass : rlx::impl::StripQuantPassBase<StripQuantPass> {
  void runOnOperation() override {
    WalkResult found = getOperation().walk([](EncodedViewOp op) {
      op.emitOpError("sees bytes of the program as a quantized tensor, which "
                     "have no plain form; expected it to be made after "
                     "encodings are taken away");
      return WalkResult::interrupt();
    });
    if (found.wasInterrupted())
      return signalPassFailure();
    llvm::SetVector<Operation *> sideWeights;
    auto noteSides = [&](ArrayRef<Value> sides) {
      for (Value side : sides)
        if (auto weight = side.getDefiningOp<WeightOp>())
          sideWeights.insert(weight);
    };
    SmallVector<Operation *> conversions;
    getOperation().walk([&](Operation *op) {
      if (isa<DequantizeOp, QuantizeOp>(op))
        conversions.push_back(op);
      if (quantizedOperand(op)) {
        noteSides(sidesOf(op).given());
        setSides(op, {});
      } else if (auto quantize = dyn_cast<QuantizeOp>(op)) {
        noteSides(SideValues::of(quantize).given());
      }
    });
    // The map without entries takes the encoding of every value.
    if (failed(QuantMap().apply(getOperation())))
      return signalPassFailure();
    getOperation().walk([](FunctionOpInterface function) {
      if (!function.isExternal() ||
          !isa<FunctionType>(function.getFunctionType()))
        return;
      auto arguments = llvm::map_to_vector(function.getArgumentTypes(), plain);
      auto results = llvm::map_to_vector(function.getResultTypes(), plain);
      function.setType(function.cloneTypeWith(arguments, results));
    });
    for (Operation *op : conversions) {
      for (Value side : op->getResults().drop_front())
        if (!side.use_empty()) {
          op->emitOpError("expected scales and zero points that it gives to be "
                          "used by operations on its codes alone");
          return signalPassFailure();
        }
      OpBuilder builder(op);
      Value result = op->getResult(0);
      result.replaceAllUsesWith(convertElements(
          builder, op->getLoc(), op->getOperand(0),
          cast<RankedTensorType>(result.getType()).getElementType()));
      op->erase();
    }
    for (Operation *weight : sideWeights)
      if (weight->use_empty())
        weight->erase();
  }
};
} // namespace
