//===- SharedActivations.cpp - Rounded once for several matmuls -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/SharedActivations.h"

#include "passes/support/Buffers.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace rlx;

/// Whether both may be the same memory: what is allocated is nothing else.
static bool mayBeSame(Value one, Value other) {
  Value a = viewedBuffer(one), b = viewedBuffer(other);
  auto isOwn = [](Value buffer) {
    return buffer.getDefiningOp<memref::AllocOp>() ||
           buffer.getDefiningOp<memref::AllocaOp>();
  };
  return a == b || !(isOwn(a) || isOwn(b));
}

/// Whether `op`, or one inside of it, may write to `x`.
static bool mayWrite(Operation *op, Value x) {
  WalkResult result = op->walk([&](Operation *inner) {
    if (auto effects = dyn_cast<MemoryEffectOpInterface>(inner)) {
      SmallVector<MemoryEffects::EffectInstance> all;
      effects.getEffects(all);
      bool writes = llvm::any_of(all, [&](auto &effect) {
        bool isHarmless = isa<MemoryEffects::Read, MemoryEffects::Allocate>(
            effect.getEffect());
        return !isHarmless &&
               (!effect.getValue() || mayBeSame(effect.getValue(), x));
      });
      return writes ? WalkResult::interrupt() : WalkResult::advance();
    }
    return inner->hasTrait<OpTrait::HasRecursiveMemoryEffects>() ||
                   inner->hasTrait<OpTrait::IsTerminator>()
               ? WalkResult::advance()
               : WalkResult::interrupt();
  });
  return result.wasInterrupted();
}

const QuantizedActivations *SharedActivations::find(PackedMatmulOp op,
                                                    ActivationForm form,
                                                    int64_t multiple) {
  for (Kept &kept : all) {
    if (kept.x != op.getX() || kept.scheme != op.getScheme() ||
        kept.layout != op.getLayout() || kept.multiple != multiple ||
        !(ActivationForm(kept.activations) == form) ||
        kept.ends.front()->getBlock() != op->getBlock() ||
        !kept.ends.back()->isBeforeInBlock(op))
      continue;
    bool isWritten = false;
    for (Operation *between = kept.ends.back()->getNextNode();
         between != op.getOperation() && !isWritten;
         between = between->getNextNode())
      isWritten = mayWrite(between, op.getX());
    if (!isWritten)
      return &kept.activations;
  }
  return nullptr;
}

void SharedActivations::release(LoopBuilder &b, PackedMatmulOp op,
                                int64_t multiple,
                                const QuantizedActivations &activations) {
  for (Kept &kept : all) {
    if (kept.activations.codes != activations.codes)
      continue;
    for (Operation *end : kept.ends)
      end->moveBefore(b.getInsertionBlock(), b.getInsertionPoint());
    if (mayBeSame(op.getInit(), op.getX()))
      kept.x = Value();
    return;
  }
  activations.release(b);
  Kept kept{op.getX(), op.getScheme(), op.getLayout(),
            multiple,  activations,    {}};
  // What was just emitted.
  for (Operation *end = b.getInsertionPoint()->getPrevNode();
       end && isa<memref::DeallocOp>(end); end = end->getPrevNode())
    kept.ends.insert(kept.ends.begin(), end);
  // Other buffers that happen to end here are not theirs.
  llvm::erase_if(kept.ends, [&](Operation *end) {
    return !llvm::is_contained(activations.buffers(), end->getOperand(0));
  });
  if (!kept.ends.empty() && !mayBeSame(op.getInit(), op.getX()))
    all.push_back(kept);
}
