//===- FuseContractions.cpp - Elementwise operations behind contractions --===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// On buffers, where what may be moved follows from who writes what. Loops for
// the pair are made by ContractionsToLoops.cpp.
//
//===----------------------------------------------------------------------===//

#include "ir/CpuProperties.h"
#include "passes/cpu/linalg/Contraction.h"
#include "passes/program/ProgramPasses.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"

namespace rlx {
#define GEN_PASS_DEF_FUSECONTRACTIONSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Who writes what
//===----------------------------------------------------------------------===//

static Value wholeBuffer(Value buffer) {
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
    buffer = view.getViewSource();
  return buffer;
}

/// Whether two buffers may have memory in common. Results are memory of their
/// own, as the caller promises.
static bool mayOverlap(Value a, Value b) {
  a = wholeBuffer(a);
  b = wholeBuffer(b);
  if (a == b)
    return true;
  auto isArgument = [](Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && isa<func::FuncOp>(argument.getOwner()->getParentOp());
  };
  auto isResult = [&](Value value) {
    return isArgument(value) &&
           cast<func::FuncOp>(
               cast<BlockArgument>(value).getOwner()->getParentOp())
                   .getArgAttr(cast<BlockArgument>(value).getArgNumber(),
                               "bufferize.result") != nullptr;
  };
  auto isOwn = [&](Value value) {
    return value.getDefiningOp<memref::AllocOp>() != nullptr;
  };
  auto isGlobal = [&](Value value) {
    return value.getDefiningOp<memref::GetGlobalOp>() != nullptr;
  };
  auto isSeparate = [&](Value x, Value y) {
    return (isOwn(x) && (isOwn(y) || isArgument(y) || isGlobal(y))) ||
           (isResult(x) && (isArgument(y) || isGlobal(y)));
  };
  return !isSeparate(a, b) && !isSeparate(b, a);
}

static bool overlapsAny(Value buffer, ArrayRef<Value> others) {
  return llvm::any_of(others,
                      [&](Value other) { return mayOverlap(buffer, other); });
}

/// Whether `op` may write one of `read`, or read or write one of `written`.
static bool isInTheWay(Operation *op, ArrayRef<Value> read,
                       ArrayRef<Value> written) {
  std::optional<SmallVector<MemoryEffects::EffectInstance>> effects =
      getEffectsRecursively(op);
  if (!effects)
    return true;
  return llvm::any_of(*effects, [&](MemoryEffects::EffectInstance &effect) {
    if (isa<MemoryEffects::Allocate>(effect.getEffect()))
      return false;
    Value buffer = effect.getValue();
    if (!buffer || !isa<MemRefType>(buffer.getType()))
      return true;
    return overlapsAny(buffer, written) ||
           (!isa<MemoryEffects::Read>(effect.getEffect()) &&
            overlapsAny(buffer, read));
  });
}

/// Whether what `value` is computed by can stand before `place`, in whose block
/// it is; `moved` are the operations that have to move, in their order.
static bool canMoveBefore(Value value, Operation *place,
                          llvm::SetVector<Operation *> &moved) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != place->getBlock() ||
      op->isBeforeInBlock(place) || moved.contains(op))
    return true;
  if (op == place || op->getNumRegions() != 0 ||
      !(isa<memref::AllocOp>(op) || isMemoryEffectFree(op)))
    return false;
  if (!llvm::all_of(op->getOperands(), [&](Value operand) {
        return canMoveBefore(operand, place, moved);
      }))
    return false;
  moved.insert(op);
  return true;
}

static bool moveBefore(ValueRange values, Operation *place) {
  llvm::SetVector<Operation *> moved;
  for (Value value : values)
    if (!canMoveBefore(value, place, moved))
      return false;
  for (Operation *op : moved)
    op->moveBefore(place);
  return true;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct FuseContractionsPass
    : rlx::impl::FuseContractionsPassBase<FuseContractionsPass> {
  using FuseContractionsPassBase::FuseContractionsPassBase;

  void runOnOperation() override {
    constexpr int64_t f32Bits = 32;
    int64_t lanes = CpuAttr::of(getOperation()).vectorBits / f32Bits;
    SmallVector<linalg::LinalgOp> contractions;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (Contraction::isOne(op, lanes))
        contractions.push_back(op);
    });
    for (linalg::LinalgOp op : contractions)
      tryFuse(op);
  }

  void tryFuse(linalg::LinalgOp op);
  StringRef obstacle(linalg::LinalgOp op, linalg::LinalgOp reader);
};
} // namespace

/// The buffers that `reader` reads beside `sums`.
static SmallVector<Value> otherInputs(linalg::LinalgOp reader, Value sums) {
  SmallVector<Value> inputs;
  for (OpOperand &operand : reader->getOpOperands())
    if (isa<MemRefType>(operand.get().getType()) && operand.get() != sums &&
        !reader.getBlock()->getArgument(operand.getOperandNumber()).use_empty())
      inputs.push_back(operand.get());
  return inputs;
}

/// The operation behind `op` that reads first what it writes; null where that
/// is none of linalg in the same block.
static linalg::LinalgOp firstReader(linalg::LinalgOp op) {
  Operation *first = nullptr;
  for (Operation *user : op.getDpsInits()[0].getUsers()) {
    Operation *own = op->getBlock()->findAncestorOpInBlock(*user);
    if (own && op->isBeforeInBlock(own) &&
        (!first || own->isBeforeInBlock(first)))
      first = own;
  }
  return dyn_cast_or_null<linalg::LinalgOp>(first);
}

/// Why `reader` cannot be put behind `op`; empty where it was.
StringRef FuseContractionsPass::obstacle(linalg::LinalgOp op,
                                         linalg::LinalgOp reader) {
  if (!Contraction::readEpilogue(op, reader))
    return "it is not elementwise, or permutes the sums or an input";
  Value sums = op.getDpsInits()[0], result = reader.getDpsInits()[0];
  SmallVector<Value> inputs = otherInputs(reader, sums);
  if (overlapsAny(sums, inputs) || (result != sums && mayOverlap(result, sums)))
    return "it reads or writes the sums under another name";
  // What the contraction still reads when the first results are written.
  for (Value factor : op.getDpsInputs())
    if (mayOverlap(result, factor))
      return "it writes what the contraction reads";
  SmallVector<Value> read = inputs;
  read.push_back(sums);
  for (Operation *between = op->getNextNode(); between != reader;
       between = between->getNextNode())
    if (isInTheWay(between, read, result))
      return "an operation between the two writes what it reads";
  if (!moveBefore(reader->getOperands(), op))
    return "it takes what is computed behind the contraction";
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(reader->getRegions(), captured);
  if (!moveBefore(captured.getArrayRef(), op))
    return "it takes what is computed behind the contraction";
  reader->moveAfter(op);
  return "";
}

/// What `op` and what stands before it in its block alone write, and `reader`
/// alone reads.
struct OwnSums {
  memref::AllocOp alloc;
  Operation *first; ///< that writes
  SmallVector<Operation *> frees;
};
static std::optional<OwnSums> findOwnSums(linalg::LinalgOp op,
                                          linalg::LinalgOp reader) {
  Value sums = op.getDpsInits()[0];
  OwnSums own{sums.getDefiningOp<memref::AllocOp>(), op, {}};
  if (!own.alloc)
    return std::nullopt;
  for (Operation *user : sums.getUsers()) {
    if (isa<memref::DeallocOp>(user)) {
      own.frees.push_back(user);
      continue;
    }
    if (user == reader || user == op)
      continue;
    auto writer = dyn_cast<linalg::LinalgOp>(user);
    if (!writer || writer->getBlock() != op->getBlock() ||
        !writer->isBeforeInBlock(op) ||
        !llvm::is_contained(writer.getDpsInits(), sums))
      return std::nullopt;
    if (writer->isBeforeInBlock(own.first))
      own.first = writer;
  }
  return own;
}

/// Whether `reader` puts what it makes of a sum where the sum is.
static bool keepsPlaces(linalg::LinalgOp reader, Value sums) {
  OpOperand &result = reader.getDpsInitsMutable()[0];
  return llvm::all_of(reader->getOpOperands(), [&](OpOperand &operand) {
    return operand.get() != sums || reader.getMatchingIndexingMap(&operand) ==
                                        reader.getMatchingIndexingMap(&result);
  });
}

/// Has `op` write where `reader` does, if nothing else is there before.
static void writeInPlace(linalg::LinalgOp op, linalg::LinalgOp reader,
                         const OwnSums &own) {
  Value sums = op.getDpsInits()[0], result = reader.getDpsInits()[0];
  if (sums.getType() != result.getType() || !keepsPlaces(reader, sums) ||
      overlapsAny(result, otherInputs(reader, sums)))
    return;
  for (Operation *between = own.first; between != op;
       between = between->getNextNode())
    if (isInTheWay(between, {}, result))
      return;
  if (!moveBefore(result, own.first))
    return;
  for (Operation *free : own.frees)
    free->erase();
  sums.replaceAllUsesWith(result);
  sums.getDefiningOp()->erase();
}

void FuseContractionsPass::tryFuse(linalg::LinalgOp op) {
  linalg::LinalgOp reader = firstReader(op);
  if (!reader || reader.getNumParallelLoops() != reader.getNumLoops() ||
      !isa<linalg::GenericOp>(reader))
    return;
  StringRef why = obstacle(op, reader);
  if (!why.empty()) {
    if (printChoices)
      reader.emitRemark() << "not fused with the contraction before it: "
                          << why;
    return;
  }
  // In place, they become results.
  bool ownsSums = op.getDpsInits()[0] == reader.getDpsInits()[0];
  if (auto own = ownsSums ? std::nullopt : findOwnSums(op, reader)) {
    ownsSums = true;
    writeInPlace(op, reader, *own);
  }
  if (printChoices)
    reader.emitRemark() << "fused: it is applied to the contraction's sums";
  OpBuilder builder(op);
  auto region = scf::ExecuteRegionOp::create(builder, op.getLoc(), TypeRange());
  region->setAttr(fusedContraction, builder.getBoolAttr(ownsSums));
  Block &block = region.getRegion().emplaceBlock();
  builder.setInsertionPointToEnd(&block);
  auto end = scf::YieldOp::create(builder, op.getLoc());
  op->moveBefore(end);
  reader->moveBefore(end);
}
