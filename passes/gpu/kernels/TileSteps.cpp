//===- TileSteps.cpp - Tiles of both sides, step by step ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/TileSteps.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace rlx;

void rlx::forItems(KernelBuilder &b, Value thread, int64_t count,
                   int64_t workgroup,
                   llvm::function_ref<void(Value item, Value isThere)> body) {
  for (int64_t first = 0; first < count; first += workgroup) {
    Value item = b.add(thread, first), isThere;
    if (first + workgroup > count) {
      isThere = b.less(item, b.index(count));
      item = b.min(item, b.index(count - 1));
    }
    body(item, isThere);
  }
}

StepMemory TileSteps::allocate(int64_t count, Type element) {
  return {b.sharedMemory({buffers * count}, element), count};
}

Value TileSteps::first(const StepMemory &memory, Value step) {
  if (buffers == 1)
    return b.index(0);
  return b.mul(b.rem(step, buffers), memory.count);
}

void TileSteps::store(Value step) {
  for (const Staged &one : staged) {
    OpBuilder::InsertionGuard guard(b);
    if (one.isThere)
      b.setInsertionPointToStart(
          scf::IfOp::create(b, one.isThere, /*withElse=*/false).thenBlock());
    b.storeAt(one.value, one.memory.memory,
              b.add(first(one.memory, step), one.position));
  }
  staged.clear();
}

/// The operations behind `before` that no load of a buffer needs: what loads
/// give is not waited for until there is something else to do.
static SmallVector<Operation *> withoutLoads(Operation *before) {
  SmallVector<Operation *> all, late;
  for (Operation *op = before->getNextNode(); op; op = op->getNextNode())
    all.push_back(op);
  DenseSet<Operation *> early;
  for (Operation *op : llvm::reverse(all)) {
    auto load = dyn_cast<memref::LoadOp>(op);
    bool isOfBuffer = load && !load.getMemRefType().getMemorySpace();
    if (isOfBuffer || llvm::any_of(op->getUsers(), [&](Operation *user) {
          return early.contains(user);
        }))
      early.insert(op);
  }
  for (Operation *op : all)
    if (!early.contains(op))
      late.push_back(op);
  return late;
}

SmallVector<Value> TileSteps::emit(
    int64_t steps, ValueRange initial,
    llvm::function_ref<void(Value step)> load,
    llvm::function_ref<SmallVector<Value>(Value, ValueRange)> multiply) {
  load(b.index(0));
  store(b.index(0));
  b.barrier();
  auto emitStep = [&](Value step, ValueRange carried) {
    // The last step loads itself again, so that all of a step is one K block of
    // code, in which a driver can move loads, too.
    Value next = b.add(step, 1);
    Operation *before = next.getDefiningOp();
    load(b.min(next, b.index(steps - 1)));
    SmallVector<Operation *> decoding = withoutLoads(before);
    SmallVector<Value> sums = multiply(step, carried);
    for (Operation *op : decoding)
      op->moveBefore(b.getInsertionBlock(), b.getInsertionPoint());
    if (buffers == 1)
      b.barrier();
    store(next);
    b.barrier();
    return sums;
  };
  return b.loop(b.index(0), b.index(steps), 1, initial, emitStep);
}
