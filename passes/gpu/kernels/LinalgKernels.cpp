//===- LinalgKernels.cpp - Kernels for ordinary operations ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/LinalgKernels.h"

#include "passes/gpu/kernels/LinalgBody.h"
#include "passes/gpu/spirv/ExactKernels.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace rlx;

/// Whether an operand has a dimension that the loop runs over.
bool LinalgKernel::hasSize(unsigned loop) {
  AffineExpr dim = getAffineDimExpr(loop, op->getContext());
  return llvm::any_of(op->getOpOperands(), [&](OpOperand &operand) {
    return isa<MemRefType>(operand.get().getType()) &&
           llvm::is_contained(op.getMatchingIndexingMap(&operand).getResults(),
                              dim);
  });
}

/// The size of a loop, from any operand that it runs over.
OpFoldResult LinalgKernel::hostLoopSize(unsigned loop) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [dimension, expr] : llvm::enumerate(map.getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr);
          dim && dim.getPosition() == loop)
        return b.hostSize(operand.get(), dimension);
  }
  return {};
}

LogicalResult LinalgKernel::readOperands() {
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    if (!isa<MemRefType>(value.getType())) {
      if (failed(capture(op, value)))
        return failure();
      continue;
    }
    std::string name = op.isDpsInit(&operand)
                           ? "out"
                           : "in" + std::to_string(operand.getOperandNumber());
    FailureOr<ElementAccess> elements =
        ElementAccess::create(op, b, value, name);
    if (failed(elements))
      return failure();
    access.try_emplace(&operand, *elements);
  }
  return success();
}

static bool isScalarArithmetic(Operation *op) {
  return op && isPure(op) && op->getNumRegions() == 0 &&
         op->getNumResults() == 1 && !isa<memref::DimOp>(op) &&
         llvm::all_of(op->getOperandTypes(),
                      [](Type type) { return type.isIntOrIndexOrFloat(); });
}

bool rlx::isHostNumber(Value buffer) {
  auto argument = dyn_cast<BlockArgument>(buffer);
  auto type = dyn_cast<MemRefType>(buffer.getType());
  auto function =
      argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp())
               : nullptr;
  if (!function || !argument.getOwner()->isEntryBlock() || !type ||
      type.getRank() != 0)
    return false;
  Type element = type.getElementType();
  bool isWhole = element.isIndex() || (element.isSignlessInteger() &&
                                       element.getIntOrFloatBitWidth() >= 8);
  return isWhole &&
         llvm::none_of(
             ArrayRef<StringRef>{"rlx.state", "rlx.weight", "bufferize.result"},
             [&](StringRef name) {
               return function.getArgAttr(argument.getArgNumber(), name);
             });
}

/// Whether a number depends on elements of buffers, which only the device has.
static bool readsElements(Value value) {
  Operation *op = value.getDefiningOp();
  auto load = dyn_cast_or_null<memref::LoadOp>(op);
  if (load && isHostNumber(load.getMemRef()))
    return false;
  return isa_and_nonnull<memref::LoadOp>(op) ||
         (isScalarArithmetic(op) &&
          llvm::any_of(op->getOperands(), readsElements));
}

static Value baseOf(Value memref) {
  for (;;) {
    Operation *op = memref.getDefiningOp();
    if (auto metadata = dyn_cast_or_null<memref::ExtractStridedMetadataOp>(op))
      memref = metadata.getSource();
    else if (auto view = dyn_cast_or_null<ViewLikeOpInterface>(op))
      memref = view.getViewSource();
    else
      return memref;
  }
}

/// Whether a kernel does more with a buffer of its own than read it.
static bool mayWrite(gpu::GPUFuncOp kernel, unsigned buffer) {
  return llvm::any_of(kernel.getArgument(buffer).getUsers(),
                      [](Operation *user) {
                        return !isa<memref::LoadOp, vector::LoadOp>(user);
                      });
}

/// Whether what `load` read may have been written before `user`.
static bool mayHaveChanged(memref::LoadOp load, Operation *user,
                           gpu::GPUModuleOp kernels) {
  Value base = baseOf(load.getMemRef());
  for (Operation *op = load->getNextNode(); op && op != user;
       op = op->getNextNode()) {
    auto dispatch = dyn_cast<DispatchOp>(op);
    if (!dispatch)
      continue;
    auto kernel = kernels.lookupSymbol<gpu::GPUFuncOp>(
        dispatch.getKernel().getLeafReference());
    for (auto [i, buffer] : llvm::enumerate(dispatch.getBuffers()))
      if (baseOf(buffer) == base && (!kernel || mayWrite(kernel, i)))
        return true;
  }
  return false;
}

/// A number of the host's that `user` takes: a size is passed, what is computed
/// from elements is computed again.
LogicalResult LinalgKernel::capture(Operation *user, Value value) {
  if (captured.contains(value))
    return success();
  if (value.getType().isIndex() && !readsElements(value) &&
      !value.getDefiningOp<arith::ConstantOp>()) {
    captured.map(value, b.scalar(value, "size"));
    return success();
  }
  Operation *source = value.getDefiningOp();
  auto load = dyn_cast_or_null<memref::LoadOp>(source);
  bool isKnown = load ? !mayHaveChanged(load, op, kernels.module)
                      : isScalarArithmetic(source);
  if (!isKnown)
    return user->emitOpError()
           << "takes a number that is computed on the host, which cannot run "
              "on a device; run the program on the CPU";
  SmallVector<Value> at;
  for (Value operand : source->getOperands()) {
    if (isa<MemRefType>(operand.getType()))
      continue;
    if (failed(capture(user, operand)))
      return failure();
    at.push_back(captured.lookup(operand));
  }
  if (!load)
    return cloneComputed(b, source, captured);
  FailureOr<ElementAccess> elements =
      ElementAccess::create(op, b, load.getMemRef(), "number");
  if (failed(elements))
    return failure();
  captured.map(value, elements->load(b, clampedTo(load, at)));
  return success();
}

/// What the body uses from outside: constants, sizes, and buffers that it
/// loads from.
LogicalResult LinalgKernel::captureValues() {
  // Sizes of what lies outside are the host's, as those that it passes.
  auto isInside = [&](Value value) {
    return value.getParentBlock() == op.getBlock();
  };
  for (auto size :
       llvm::make_early_inc_range(op.getBlock()->getOps<memref::DimOp>()))
    if (llvm::none_of(size->getOperands(), isInside))
      size->moveBefore(op);
  WalkResult result = op.getBlock()->walk([&](Operation *inner) {
    if (isa<CheckOp>(inner))
      return WalkResult::advance();
    for (Value value : inner->getOperands()) {
      if (value.getParentBlock() == op.getBlock() || captured.contains(value) ||
          capturedBuffers.contains(value))
        continue;
      if (isa<MemRefType>(value.getType()) && isa<memref::LoadOp>(inner)) {
        FailureOr<ElementAccess> elements =
            ElementAccess::create(op, b, value, "table");
        if (failed(elements))
          return WalkResult::interrupt();
        capturedBuffers.try_emplace(value, *elements);
      } else if (failed(capture(inner, value))) {
        return WalkResult::interrupt();
      }
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

SmallVector<Value> LinalgKernel::mapped(OpOperand &operand) {
  SmallVector<Value> at;
  for (AffineExpr expr : op.getMatchingIndexingMap(&operand).getResults())
    at.push_back(b.apply(expr, indices));
  return at;
}

Value LinalgKernel::loadOperand(OpOperand &operand) {
  auto found = access.find(&operand);
  if (found == access.end())
    return captured.lookup(operand.get());
  return found->second.load(b, mapped(operand));
}

/// Indices that the program computes: those outside are moved to the last
/// element, since no kernel can end the run.
SmallVector<Value> LinalgKernel::clampedTo(memref::LoadOp load,
                                           ValueRange indices) {
  SmallVector<Value> at;
  for (auto [dimension, index] : llvm::enumerate(indices)) {
    Value size = b.sizeOf(load.getMemRef(), dimension, "table_size");
    Value last =
        b.createOrFold<arith::SubIOp>(b.max(size, b.index(1)), b.index(1));
    // As unsigned numbers, negative ones are the largest.
    at.push_back(b.createOrFold<arith::MinUIOp>(index, last));
  }
  return at;
}

/// A copy of `inner` that a device gets through: where dividing is undefined,
/// some devices end the process.
LogicalResult LinalgKernel::cloneSafely(Operation *inner, IRMapping &mapping) {
  bool isSigned = isa<arith::DivSIOp, arith::RemSIOp, arith::FloorDivSIOp,
                      arith::CeilDivSIOp>(inner);
  if (!isSigned &&
      !isa<arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp>(inner))
    return cloneComputed(b, inner, mapping);
  Value divisor = mapping.lookup(inner->getOperand(1));
  APInt known;
  if (matchPattern(divisor, m_ConstantInt(&known)) && !known.isZero() &&
      !(isSigned && known.isAllOnes()))
    return cloneComputed(b, inner, mapping);
  Type type = divisor.getType();
  auto number = [&](const APInt &value) -> Value {
    return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
  };
  auto equals = [&](Value value, const APInt &other) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, value,
                                 number(other));
  };
  // An index has fewer bits on some devices; its least value is not reached.
  unsigned bits = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  Value isUndefined = equals(divisor, APInt::getZero(bits));
  if (isSigned && !type.isIndex()) {
    Value overflows = b.both(equals(divisor, APInt::getAllOnes(bits)),
                             equals(mapping.lookup(inner->getOperand(0)),
                                    APInt::getSignedMinValue(bits)));
    isUndefined = arith::OrIOp::create(b, isUndefined, overflows);
  }
  IRMapping safe = mapping;
  safe.map(inner->getOperand(1),
           b.choose(isUndefined, number(APInt(bits, 1)), divisor));
  if (failed(cloneComputed(b, inner, safe)))
    return failure();
  mapping.map(inner->getResult(0), safe.lookup(inner->getResult(0)));
  return success();
}

/// The body's results for the current indices.
FailureOr<SmallVector<Value>> LinalgKernel::emitBody(ValueRange outputs) {
  IRMapping mapping = captured;
  Block *block = op.getBlock();
  for (OpOperand *input : op.getDpsInputOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(input);
    if (!argument.use_empty())
      mapping.map(argument, loadOperand(*input));
  }
  for (auto [argument, value] :
       llvm::zip_equal(op.getRegionOutputArgs(), outputs))
    if (value)
      mapping.map(argument, value);
  for (Operation &inner : block->without_terminator()) {
    if (auto position = dyn_cast<linalg::IndexOp>(inner)) {
      mapping.map(position.getResult(), indices[position.getDim()]);
    } else if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      SmallVector<Value> at;
      for (Value index : load.getIndices())
        at.push_back(mapping.lookupOrDefault(index));
      const ElementAccess &table =
          capturedBuffers.find(load.getMemRef())->second;
      mapping.map(load.getResult(), table.load(b, clampedTo(load, at)));
    } else if (isa<CheckOp>(inner)) {
      // No kernel can end the run. What the check guards is made safe.
    } else if (inner.getNumRegions() != 0) {
      return inner.emitOpError()
             << "cannot run on a device inside " << op->getName()
             << "; run the program on the CPU";
    } else if (failed(cloneSafely(&inner, mapping))) {
      return failure();
    }
  }
  SmallVector<Value> results;
  for (Value value : block->getTerminator()->getOperands())
    results.push_back(mapping.lookup(value));
  return results;
}

SmallVector<Value> LinalgKernel::loadOutputs() {
  // What reductions carry has a value from the beginning, be it read or not: it
  // is the result where there are no iterations.
  SmallVector<Value> values;
  for (OpOperand &init : op.getDpsInitsMutable())
    values.push_back(!reductions.empty() ||
                             op.payloadUsesValueFromOperand(&init)
                         ? loadOperand(init)
                         : Value());
  return values;
}

void LinalgKernel::storeOutputs(ValueRange values) {
  for (auto [init, value] : llvm::zip_equal(op.getDpsInitsMutable(), values))
    access.find(&init)->second.store(b, value, mapped(init));
}

/// The indices of the parallel loops for point `point` of them all.
void LinalgKernel::setParallelIndices(Value point) {
  Value rest = point;
  for (unsigned i = parallel.size(); i-- > 0;) {
    unsigned loop = parallel[i];
    if (i == 0) {
      indices[loop] = rest;
      return;
    }
    Value size = b.scalar(hostLoopSize(loop), "size" + std::to_string(loop));
    indices[loop] = b.createOrFold<arith::RemUIOp>(rest, size);
    rest = b.createOrFold<arith::DivUIOp>(rest, size);
  }
}

LogicalResult LinalgKernel::emit() {
  b.mark(exactAttributeName);
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray()))
    (kind == utils::IteratorType::parallel ? parallel : reductions)
        .push_back(loop);
  indices.resize(op.getNumLoops());
  if (!op.hasPureBufferSemantics())
    return op->emitOpError("expected operands that are buffers; bufferize "
                           "first");
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (!hasSize(loop))
      return op->emitOpError()
             << "runs over a loop, number " << loop
             << ", that no operand has as a dimension, which cannot run on a "
                "device; run the program on the CPU";
  if (failed(readOperands()) || failed(captureValues()))
    return failure();
  points = b.getIndexAttr(1);
  for (unsigned loop : parallel)
    points = b.hostMul(points, hostLoopSize(loop));
  if (matchSharedReduction())
    return emitShared();
  if (failed(checkIterations()))
    return failure();
  constexpr int64_t workgroup = 64;
  LogicalResult result = success();
  b.forEach(points, workgroup, [&](Value point) {
    setParallelIndices(point);
    FailureOr<SmallVector<Value>> values = emitReductions(0, loadOutputs());
    if (failed(values))
      result = failure();
    else
      storeOutputs(*values);
  });
  return result;
}

LogicalResult rlx::emitLinalgKernel(linalg::LinalgOp op,
                                    KernelModule &kernels) {
  return LinalgKernel(op, kernels).emit();
}

LogicalResult rlx::emitStoreKernel(memref::StoreOp op, KernelModule &kernels) {
  // The element as a buffer of its own that is filled.
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value element = op.getMemRef();
  MemRefType type = op.getMemRefType();
  if (int64_t rank = type.getRank()) {
    SmallVector<OpFoldResult> at = getAsOpFoldResult(op.getIndices()),
                              ones(rank, b.getIndexAttr(1));
    auto scalar =
        memref::SubViewOp::inferRankReducedResultType({}, type, at, ones, ones);
    element = memref::SubViewOp::create(b, cast<MemRefType>(scalar), element,
                                        at, ones, ones);
  }
  auto fill = linalg::FillOp::create(b, op.getValue(), element);
  LogicalResult result =
      emitLinalgKernel(cast<linalg::LinalgOp>(fill.getOperation()), kernels);
  fill.erase();
  return result;
}

LogicalResult rlx::emitCopyKernel(memref::CopyOp op, KernelModule &kernels) {
  KernelBuilder b(op, kernels, "copy");
  FailureOr<ElementAccess> from =
      ElementAccess::create(op, b, op.getSource(), "from");
  FailureOr<ElementAccess> to =
      ElementAccess::create(op, b, op.getTarget(), "to");
  if (failed(from) || failed(to))
    return failure();
  OpFoldResult count = b.hostElements(op.getSource());
  b.forEach(count, /*workgroup=*/64, [&](Value point) {
    SmallVector<Value> indices = b.delinearize(point, op.getSource());
    to->store(b, from->load(b, indices), indices);
  });
  return success();
}
