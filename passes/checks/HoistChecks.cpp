//===- HoistChecks.cpp - Checks of arguments come first -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What can be told from a function's arguments is checked before anything is
// computed or written. Checks of what only the function computes stay.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

namespace rlx {
#define GEN_PASS_DEF_HOISTCHECKSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct HoistChecksPass : rlx::impl::HoistChecksPassBase<HoistChecksPass> {
  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    eraseRepeated(getOperation().front());
    hoist(getOperation().front());
  }

  /// A condition that was checked holds from then on.
  static void eraseRepeated(Block &block) {
    llvm::DenseSet<Value> known;
    for (auto check : llvm::make_early_inc_range(block.getOps<CheckOp>()))
      if (!known.insert(check.getCondition()).second)
        check.erase();
  }

  static void hoist(Block &entry) {
    // What is in front already is not moved again.
    Operation *end = &entry.front();
    llvm::DenseSet<Operation *> before;
    SmallVector<CheckOp> checks(entry.getOps<CheckOp>());
    for (CheckOp check : checks) {
      llvm::SetVector<Operation *> slice;
      bool known = llvm::all_of(check->getOperands(), [&](Value operand) {
        return collect(operand, entry, before, slice);
      });
      if (!known)
        continue;
      slice.insert(check);
      for (Operation *op : slice) {
        if (op == end)
          end = end->getNextNode();
        else
          op->moveBefore(end);
        before.insert(op);
      }
    }
  }

  /// Adds what computes `value` to `slice`, definitions first; false where that
  /// is not arithmetic on the arguments and their sizes.
  static bool collect(Value value, Block &entry,
                      const llvm::DenseSet<Operation *> &before,
                      llvm::SetVector<Operation *> &slice) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return cast<BlockArgument>(value).getOwner() == &entry;
    if (before.contains(op) || slice.contains(op))
      return true;
    if (op->getBlock() != &entry || op->getNumRegions() != 0 || !isPure(op) ||
        isa<RankedTensorType>(value.getType()))
      return false;
    for (Value operand : op->getOperands())
      if (!collect(operand, entry, before, slice))
        return false;
    slice.insert(op);
    return true;
  }
};
} // namespace
