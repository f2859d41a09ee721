//===- RowGroups.cpp - Operations of linalg that share their rows ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/linalg/RowGroups.h"

#include "passes/support/Buffers.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

namespace {
/// A number, a value, or the size of a dimension of a value.
struct SizeKey {
  int64_t number = ShapedType::kDynamic;
  Value value;
  int64_t dimension = -1;
  bool operator==(const SizeKey &other) const {
    return number == other.number && value == other.value &&
           dimension == other.dimension;
  }
};
} // namespace

static SizeKey sizeOf(Value buffer, int64_t dimension) {
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.isDynamicDim(dimension))
    return {type.getDimSize(dimension), Value(), -1};
  auto alloc = buffer.getDefiningOp<memref::AllocOp>();
  if (!alloc)
    return {ShapedType::kDynamic, buffer, dimension};
  Value size = alloc.getDynamicSizes()[type.getDynamicDimIndex(dimension)];
  if (auto dim = size.getDefiningOp<memref::DimOp>())
    if (std::optional<int64_t> index = dim.getConstantIndex())
      return sizeOf(dim.getSource(), *index);
  return {ShapedType::kDynamic, size, -1};
}

/// How many iterations a loop of `op` has.
static std::optional<SizeKey> sizeOfLoop(linalg::LinalgOp op, unsigned loop) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr);
          dim && dim.getPosition() == loop)
        return sizeOf(operand.get(), i);
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// What `buffer` is a view of; null where that is not known.
static Value rootOf(Value buffer) {
  buffer = viewedBuffer(buffer);
  Operation *op = buffer.getDefiningOp();
  if (op)
    return isa<memref::AllocOp, memref::GetGlobalOp>(op) ? buffer : Value();
  // Arguments of a function have memory of their own; those of loops may not.
  auto argument = cast<BlockArgument>(buffer);
  return isa<func::FuncOp>(argument.getOwner()->getParentOp()) ? buffer
                                                               : Value();
}

/// How many leading loops both maps take as the index of the same dimension.
static unsigned sharedLoops(AffineMap map, AffineMap other) {
  unsigned shared = 0;
  while (shared < map.getNumDims() && shared < other.getNumDims()) {
    bool isFound = false;
    for (auto [a, b] : llvm::zip(map.getResults(), other.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(a),
           second = dyn_cast<AffineDimExpr>(b);
      isFound |= dim && second && dim.getPosition() == shared &&
                 second.getPosition() == shared;
    }
    if (!isFound)
      break;
    ++shared;
  }
  return shared;
}

/// How many leading loops two operations, one after the other, may share for
/// the sake of what they read and write.
static unsigned sharedMemory(linalg::LinalgOp first, linalg::LinalgOp second) {
  unsigned shared = std::min(first.getNumLoops(), second.getNumLoops());
  for (OpOperand &a : first->getOpOperands())
    for (OpOperand &b : second->getOpOperands()) {
      if (!isa<MemRefType>(a.get().getType()) ||
          !isa<MemRefType>(b.get().getType()) ||
          (!first.isDpsInit(&a) && !second.isDpsInit(&b)))
        continue;
      Value root = rootOf(a.get()), other = rootOf(b.get());
      if (root && other && root != other)
        continue;
      if (a.get() != b.get())
        return 0;
      shared = std::min(shared, sharedLoops(first.getMatchingIndexingMap(&a),
                                            second.getMatchingIndexingMap(&b)));
    }
  return shared;
}

/// Whether the body reads memory by itself.
static bool readsElsewhere(linalg::LinalgOp op) {
  return op
      ->walk([&](Operation *inner) {
        return inner != op && !isMemoryEffectFree(inner)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

/// How many leading loops of a nest may be shared.
static unsigned mostShared(const LoopNest &nest) {
  unsigned most = 0, count = nest.types.size();
  while (most < count && nest.isParallel(most) && nest.order[most] == most)
    ++most;
  return nest.crossing ? 0 : most;
}

/// Adds `nest` where it has some loops in common with all others.
static bool tryAdd(RowGroup &group, LoopNest nest) {
  unsigned depth = mostShared(nest);
  if (!group.nests.empty()) {
    depth = std::min(depth, group.depth);
    linalg::LinalgOp first = group.nests.front().op;
    unsigned same = 0;
    while (same < depth) {
      std::optional<SizeKey> size = sizeOfLoop(nest.op, same),
                             other = sizeOfLoop(first, same);
      if (!size || !other || !(*size == *other))
        break;
      ++same;
    }
    depth = same;
    for (const LoopNest &before : group.nests)
      depth = std::min(depth, sharedMemory(before.op, nest.op));
  }
  if (depth == 0)
    return false;
  group.depth = depth;
  group.nests.push_back(std::move(nest));
  return true;
}

/// Whether a buffer is read and written by the group alone, by its rows.
static bool isTemporary(memref::AllocOp alloc, const RowGroup &group) {
  if (!alloc.getType().getLayout().isIdentity() ||
      !alloc.getSymbolOperands().empty())
    return false;
  for (OpOperand &use : alloc->getUses()) {
    if (isa<memref::DeallocOp>(use.getOwner()))
      continue;
    auto member = llvm::find_if(group.nests, [&](const LoopNest &nest) {
      return nest.op == use.getOwner();
    });
    if (member == group.nests.end())
      return false;
    linalg::LinalgOp op = member->op;
    AffineMap map = op.getMatchingIndexingMap(&use);
    for (unsigned i = 0; i < group.depth; ++i) {
      if (i >= map.getNumResults())
        return false;
      auto dim = dyn_cast<AffineDimExpr>(map.getResult(i));
      if (!dim || dim.getPosition() != i)
        return false;
    }
    for (AffineExpr expr : map.getResults().drop_front(group.depth))
      for (unsigned i = 0; i < group.depth; ++i)
        if (expr.isFunctionOfDim(i))
          return false;
  }
  return true;
}

/// Completes a group; false where its operations are better off alone.
static bool finish(RowGroup &group) {
  if (group.nests.size() < 2)
    return false;
  size_t most = 0;
  int64_t work = 0, rows = 1;
  bool isKnown = true;
  for (const LoopNest &nest : group.nests) {
    most = std::max(most, nest.types.size());
    std::optional<int64_t> own = nest.work();
    isKnown &= own.has_value();
    work = std::max(work, own.value_or(0));
  }
  // A loop is left that vectors are made of.
  group.depth = std::min<unsigned>(group.depth, most - 1);
  if (group.depth == 0)
    return false;
  for (unsigned i = 0; i < group.depth; ++i) {
    int64_t size = group.nests.front().sizes[i];
    isKnown &= !ShapedType::isDynamic(size);
    rows = isKnown ? rows * size : 1;
  }
  // Threads share rows out; few long ones are better cut in parts.
  constexpr int64_t few = 8, muchWork = 400000;
  if (isKnown && rows < few && work > muchWork)
    return false;
  llvm::SetVector<Operation *> buffers;
  for (const LoopNest &nest : group.nests)
    for (Value operand : nest.op->getOperands())
      if (auto alloc = operand.getDefiningOp<memref::AllocOp>())
        buffers.insert(alloc);
  for (Operation *alloc : buffers)
    if (isTemporary(cast<memref::AllocOp>(alloc), group))
      group.temporaries.push_back(cast<memref::AllocOp>(alloc));
  return true;
}

/// What may stand between the operations of a group, which are moved down to
/// the last one.
static bool mayStay(Operation *op) {
  return isa<memref::AllocOp>(op) ||
         (op->getNumRegions() == 0 && isMemoryEffectFree(op));
}

std::vector<RowGroup> rlx::findRowGroups(func::FuncOp function) {
  std::vector<RowGroup> groups;
  function.walk([&](Block *block) {
    if (isa<linalg::LinalgOp>(block->getParentOp()))
      return;
    RowGroup group;
    auto close = [&] {
      if (finish(group))
        groups.push_back(std::move(group));
      group = RowGroup();
    };
    for (Operation &inner : *block) {
      auto op = dyn_cast<linalg::LinalgOp>(inner);
      if (!op) {
        if (!mayStay(&inner))
          close();
        continue;
      }
      if (!op.hasPureBufferSemantics() || readsElsewhere(op)) {
        close();
        continue;
      }
      if (tryAdd(group, LoopNest(op)))
        continue;
      close();
      tryAdd(group, LoopNest(op));
    }
    close();
  });
  return groups;
}
