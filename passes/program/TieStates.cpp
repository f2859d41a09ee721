//===- TieStates.cpp - States are written where they are ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Behind bufferization, a state's new value mostly is in the state's own
// buffer, and the result that names it says nothing new. Where it is not, it is
// copied there when nothing reads the old value any more.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/program/ProgramPasses.h"
#include "passes/support/Buffers.h"

namespace rlx {
#define GEN_PASS_DEF_TIESTATESPASS
#include "passes/program/ProgramPasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// A copy of `memref` in a buffer of its own.
static Value copyOf(OpBuilder &b, Location loc, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      sizes.push_back(memref::DimOp::create(b, loc, memref, i));
  Value copy = memref::AllocOp::create(
      b, loc, MemRefType::get(type.getShape(), type.getElementType()), sizes);
  memref::CopyOp::create(b, loc, memref, copy);
  return copy;
}

namespace {
/// What is returned and where it belongs.
struct Tie {
  Value state;
  unsigned result;
};

struct TieStatesPass : rlx::impl::TieStatesPassBase<TieStatesPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && failed(tie(function)))
        return signalPassFailure();
  }

  LogicalResult tie(func::FuncOp function) {
    SmallVector<Tie> ties;
    llvm::BitVector tied(function.getNumResults());
    for (unsigned i = 0; i < function.getNumResults(); ++i) {
      auto name = function.getResultAttrOfType<StringAttr>(i, "rlx.state");
      if (!name)
        continue;
      for (BlockArgument argument : function.getArguments())
        if (function.getArgAttr(argument.getArgNumber(), "rlx.state") == name)
          ties.push_back({argument, i});
      tied.set(i);
    }
    if (ties.empty())
      return success();
    function.walk([&](func::ReturnOp end) {
      write(end, ties, tied);
      end->eraseOperands(tied);
    });
    return function.eraseResults(tied);
  }

  static void write(func::ReturnOp end, ArrayRef<Tie> ties,
                    const llvm::BitVector &tied) {
    OpBuilder b(end);
    Location loc = end.getLoc();
    // Whatever is not known to be memory of its own may be that of a state.
    auto mayBeState = [&](Value memref) {
      Value root = viewedBuffer(memref);
      auto argument = dyn_cast<BlockArgument>(root);
      if (argument && argument.getOwner()->isEntryBlock() &&
          isa<func::FuncOp>(argument.getOwner()->getParentOp()))
        return llvm::any_of(ties,
                            [&](const Tie &tie) { return tie.state == root; });
      return !root.getDefiningOp<memref::AllocOp>() &&
             !root.getDefiningOp<memref::GetGlobalOp>();
    };
    SmallVector<std::pair<Value, Value>> copies;
    for (const Tie &tie : ties) {
      Value value = end.getOperand(tie.result);
      // The whole of a buffer under another type is all of it still.
      Value whole = value;
      while (auto cast = whole.getDefiningOp<memref::CastOp>())
        whole = cast.getSource();
      if (whole != tie.state)
        copies.emplace_back(value, tie.state);
    }
    if (copies.empty())
      return;
    for (OpOperand &operand : end->getOpOperands())
      if (!tied.test(operand.getOperandNumber()) &&
          isa<MemRefType>(operand.get().getType()) &&
          mayBeState(operand.get())) {
        Value copy = copyOf(b, loc, operand.get());
        if (copy.getType() != operand.get().getType())
          copy = memref::CastOp::create(b, loc, operand.get().getType(), copy);
        operand.set(copy);
      }
    for (auto &[value, state] : copies)
      if (mayBeState(value))
        value = copyOf(b, loc, value);
    for (auto [value, state] : copies)
      memref::CopyOp::create(b, loc, value, state);
  }
};
} // namespace
