//===- ControlFlow.cpp - Calls, loops, choices, checks --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Interpreter.h"

#include "ir/Dialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IntegerSet.h"

using namespace mlir;
using namespace rlx;

namespace {
using Results = Interpreter::Results;

void setResults(Interpreter &interpreter, Operation *op,
                ArrayRef<Datum> results) {
  for (auto [result, datum] : llvm::zip(op->getResults(), results))
    interpreter.set(result, datum.reshaped(result.getType(), datum.shape()));
}

/// Runs a region once; what it yields are the operation's results.
LogicalResult runOnce(Interpreter &interpreter, Operation *op, Region &region) {
  FailureOr<Results> results = interpreter.run(region, {});
  if (failed(results))
    return failure();
  setResults(interpreter, op, *results);
  return success();
}

SmallVector<Datum> takeAll(Interpreter &interpreter,
                           MutableArrayRef<OpOperand> operands) {
  SmallVector<Datum> all;
  for (OpOperand &operand : operands)
    all.push_back(interpreter.take(operand));
  return all;
}

//===----------------------------------------------------------------------===//
// Calls and checks
//===----------------------------------------------------------------------===//

LogicalResult runCall(Interpreter &interpreter, func::CallOp op) {
  auto callee = interpreter.symbolTable().lookup<func::FuncOp>(op.getCallee());
  if (!callee)
    return op.emitOpError() << "cannot be verified: the program has no "
                               "function '"
                            << op.getCallee() << "'";
  SmallVector<Datum> arguments = interpreter.getAll(op.getOperands());
  FailureOr<Results> results = interpreter.call(op, callee, arguments);
  if (failed(results))
    return failure();
  setResults(interpreter, op, *results);
  return success();
}

LogicalResult runAssert(Interpreter &interpreter, cf::AssertOp op) {
  if (interpreter.getIndex(op.getArg()) != 0)
    return success();
  return op.emitOpError() << op.getMsg();
}

LogicalResult runCheck(Interpreter &interpreter, CheckOp op) {
  if (interpreter.getIndex(op.getCondition()) != 0)
    return success();
  std::string text;
  llvm::StringRef rest = op.getMessage();
  for (Value value : op.getValues()) {
    auto [before, after] = rest.split("{}");
    text += before.str() + std::to_string(interpreter.getIndex(value));
    rest = after;
  }
  return op.emitOpError() << text << rest;
}

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

/// A choice of whole values, which may have other sizes.
/// Whether `condition`, which depends on rounded numbers, may be the other.
bool isInDoubt(Interpreter &interpreter, Value condition) {
  return interpreter.get(condition).numbers().deviation(0) > 0;
}

/// The program may have taken the other way: of what is given nothing is known.
void doubtResults(Interpreter &interpreter, Operation *op) {
  for (Value result : op->getResults()) {
    Datum datum = interpreter.get(result);
    if (datum.isQuantized())
      continue;
    std::vector<double> &deviations = datum.writable().allDeviations();
    llvm::fill(deviations, unknownDeviation);
    interpreter.set(result, datum);
  }
}

LogicalResult runSelect(Interpreter &interpreter, arith::SelectOp op) {
  if (isa<RankedTensorType>(op.getCondition().getType()) ||
      !isa<ShapedType>(op.getType()))
    return runElementwise(interpreter, op);
  Datum chosen = interpreter.get(interpreter.getIndex(op.getCondition()) != 0
                                     ? op.getTrueValue()
                                     : op.getFalseValue());
  setResults(interpreter, op, {chosen});
  if (isInDoubt(interpreter, op.getCondition()))
    doubtResults(interpreter, op);
  return success();
}

LogicalResult runIf(Interpreter &interpreter, scf::IfOp op) {
  bool mayBeOther = isInDoubt(interpreter, op.getCondition());
  Region &region = interpreter.getIndex(op.getCondition()) != 0
                       ? op.getThenRegion()
                       : op.getElseRegion();
  if (!region.empty() && failed(runOnce(interpreter, op, region)))
    return failure();
  if (mayBeOther)
    doubtResults(interpreter, op);
  return success();
}

LogicalResult runIndexSwitch(Interpreter &interpreter, scf::IndexSwitchOp op) {
  int64_t number = interpreter.getIndex(op.getArg());
  for (auto [i, value] : llvm::enumerate(op.getCases()))
    if (value == number)
      return runOnce(interpreter, op, op.getCaseRegions()[i]);
  return runOnce(interpreter, op, op.getDefaultRegion());
}

LogicalResult runExecuteRegion(Interpreter &interpreter,
                               scf::ExecuteRegionOp op) {
  return runOnce(interpreter, op, op.getRegion());
}

LogicalResult runAffineIf(Interpreter &interpreter, affine::AffineIfOp op) {
  IntegerSet set = op.getIntegerSet();
  SmallVector<Attribute> operands;
  Builder b(op.getContext());
  for (Value operand : op.getOperands())
    operands.push_back(b.getIndexAttr(interpreter.getIndex(operand)));
  auto constraints = AffineMap::get(set.getNumDims(), set.getNumSymbols(),
                                    set.getConstraints(), op.getContext());
  SmallVector<int64_t> values;
  constraints.partialConstantFold(operands, &values);
  bool holds = true;
  for (auto [i, value] : llvm::enumerate(values))
    holds &= set.isEq(i) ? value == 0 : value >= 0;
  Region &region = holds ? op.getThenRegion() : op.getElseRegion();
  return region.empty() ? success() : runOnce(interpreter, op, region);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

LogicalResult checkStep(Operation *op, int64_t step) {
  if (step > 0)
    return success();
  return op->emitOpError() << "expected a step above 0, but got " << step;
}

/// A loop of one variable from `begin` to below `end`.
LogicalResult runCounted(Interpreter &interpreter, Operation *op, Region &body,
                         int64_t begin, int64_t end, int64_t step,
                         SmallVector<Datum> carried) {
  if (failed(checkStep(op, step)))
    return failure();
  Type type = body.getArgument(0).getType();
  for (int64_t i = begin; i < end; i += step) {
    SmallVector<Datum> arguments = {Datum::scalar(type, uint64_t(i))};
    arguments.append(std::make_move_iterator(carried.begin()),
                     std::make_move_iterator(carried.end()));
    carried.clear();
    FailureOr<Results> results = interpreter.run(body, std::move(arguments));
    if (failed(results))
      return failure();
    carried = std::move(*results);
    if (step > end - i)
      break; // i + step may not be a number.
  }
  setResults(interpreter, op, carried);
  return success();
}

LogicalResult runFor(Interpreter &interpreter, scf::ForOp op) {
  if (op.getUnsignedCmp())
    return op.emitOpError() << "cannot be verified: its bounds are unsigned";
  return runCounted(interpreter, op, op.getRegion(),
                    interpreter.getIndex(op.getLowerBound()),
                    interpreter.getIndex(op.getUpperBound()),
                    interpreter.getIndex(op.getStep()),
                    takeAll(interpreter, op.getInitArgsMutable()));
}

LogicalResult runAffineFor(Interpreter &interpreter, affine::AffineForOp op) {
  auto bound = [&](AffineMap map, ValueRange operands, bool isLower) {
    SmallVector<Attribute> constants;
    Builder b(op.getContext());
    for (Value operand : operands)
      constants.push_back(b.getIndexAttr(interpreter.getIndex(operand)));
    SmallVector<int64_t> values;
    map.partialConstantFold(constants, &values);
    return isLower ? *llvm::max_element(values) : *llvm::min_element(values);
  };
  return runCounted(
      interpreter, op, op.getRegion(),
      bound(op.getLowerBoundMap(), op.getLowerBoundOperands(), true),
      bound(op.getUpperBoundMap(), op.getUpperBoundOperands(), false),
      op.getStepAsInt(), takeAll(interpreter, op.getInitsMutable()));
}

LogicalResult runWhile(Interpreter &interpreter, scf::WhileOp op) {
  SmallVector<Datum> carried = takeAll(interpreter, op.getInitsMutable());
  while (true) {
    FailureOr<Results> before = interpreter.run(op.getBefore(), carried);
    if (failed(before))
      return failure();
    bool goesOn = before->front().asInteger() != 0;
    before->erase(before->begin());
    if (!goesOn) {
      setResults(interpreter, op, *before);
      return success();
    }
    FailureOr<Results> after = interpreter.run(op.getAfter(), *before);
    if (failed(after))
      return failure();
    carried = std::move(*after);
  }
}

/// Calls `visit` for all indices of a box of loops, the last one fastest.
LogicalResult
forEachIndex(Operation *op, ArrayRef<int64_t> begins, ArrayRef<int64_t> ends,
             ArrayRef<int64_t> steps,
             llvm::function_ref<LogicalResult(ArrayRef<int64_t>)> visit) {
  for (auto [begin, end, step] : llvm::zip(begins, ends, steps)) {
    if (failed(checkStep(op, step)))
      return failure();
    if (begin >= end)
      return success();
  }
  SmallVector<int64_t> index(begins);
  while (true) {
    if (failed(visit(index)))
      return failure();
    size_t i = index.size();
    while (i > 0 && (index[i - 1] += steps[i - 1]) >= ends[i - 1]) {
      index[i - 1] = begins[i - 1];
      --i;
    }
    if (i == 0)
      return success();
  }
}

SmallVector<Datum> indexData(MLIRContext *context, ArrayRef<int64_t> index) {
  return llvm::map_to_vector(
      index, [&](int64_t i) { return Datum::index(context, i); });
}

/// Threads see the outputs as they were; what each inserts is in the results.
LogicalResult runForall(Interpreter &interpreter, scf::ForallOp op) {
  SmallVector<int64_t> begins = interpreter.getIndices(op.getMixedLowerBound()),
                       ends = interpreter.getIndices(op.getMixedUpperBound()),
                       steps = interpreter.getIndices(op.getMixedStep());
  SmallVector<Datum> before = takeAll(interpreter, op.getOutputsMutable());
  SmallVector<Datum> after = before;
  auto body = [&](ArrayRef<int64_t> index) -> LogicalResult {
    SmallVector<Datum> arguments = indexData(op.getContext(), index);
    llvm::append_range(arguments, before);
    for (auto [argument, datum] :
         llvm::zip(op.getBody()->getArguments(), arguments))
      interpreter.set(argument, datum);
    if (failed(interpreter.runBody(*op.getBody())))
      return failure();
    auto outputs = op.getRegionIterArgs();
    for (Operation &insertion : op.getTerminator().getYieldingOps()) {
      auto insert = dyn_cast<tensor::ParallelInsertSliceOp>(insertion);
      if (!insert)
        return insertion.emitOpError()
               << "cannot be verified: the reference has no such operation";
      for (auto [output, datum] : llvm::zip(outputs, after))
        if (output == insert.getDest()) {
          // The handler finds the tensor in its destination.
          interpreter.set(output, std::move(datum));
          if (failed(interpreter.run(insert)))
            return failure();
          datum = interpreter.get(output);
          interpreter.set(output, Datum());
        }
    }
    return success();
  };
  if (failed(forEachIndex(op, begins, ends, steps, body)))
    return failure();
  setResults(interpreter, op, after);
  return success();
}

LogicalResult runParallel(Interpreter &interpreter, scf::ParallelOp op) {
  SmallVector<Datum> carried = takeAll(interpreter, op.getInitValsMutable());
  auto body = [&](ArrayRef<int64_t> index) -> LogicalResult {
    Operation *terminator = nullptr;
    FailureOr<Results> values = interpreter.run(
        op.getRegion(), indexData(op.getContext(), index), &terminator);
    if (failed(values))
      return failure();
    auto reduce = cast<scf::ReduceOp>(terminator);
    for (auto [i, region] : llvm::enumerate(reduce.getReductions())) {
      FailureOr<Results> sum =
          interpreter.run(region, {carried[i], (*values)[i]});
      if (failed(sum))
        return failure();
      carried[i] = sum->front();
    }
    return success();
  };
  if (failed(forEachIndex(op, interpreter.getIndices(op.getLowerBound()),
                          interpreter.getIndices(op.getUpperBound()),
                          interpreter.getIndices(op.getStep()), body)))
    return failure();
  setResults(interpreter, op, carried);
  return success();
}

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

/// affine.apply, affine.min, affine.max.
template <typename OpT>
LogicalResult runAffineMap(Interpreter &interpreter, OpT op) {
  SmallVector<Attribute> operands;
  Builder b(op.getContext());
  for (Value operand : op.getOperands())
    operands.push_back(b.getIndexAttr(interpreter.getIndex(operand)));
  SmallVector<int64_t> values;
  bool hasPoison = false;
  op.getAffineMap().partialConstantFold(operands, &values, &hasPoison);
  if (values.empty() || hasPoison)
    return op.emitOpError() << "expected a divisor above 0";
  int64_t value = std::is_same_v<OpT, affine::AffineMaxOp>
                      ? *llvm::max_element(values)
                      : *llvm::min_element(values);
  interpreter.set(op.getResult(), Datum::index(op.getContext(), value));
  return success();
}
} // namespace

void rlx::addControlFlow(HandlerTable &table) {
  table.add<func::CallOp, runCall>();
  table.add<cf::AssertOp, runAssert>();
  table.add<CheckOp, runCheck>();
  table.add<arith::SelectOp, runSelect>();
  table.add<scf::IfOp, runIf>();
  table.add<scf::IndexSwitchOp, runIndexSwitch>();
  table.add<scf::ExecuteRegionOp, runExecuteRegion>();
  table.add<scf::ForOp, runFor>();
  table.add<scf::WhileOp, runWhile>();
  table.add<scf::ForallOp, runForall>();
  table.add<scf::ParallelOp, runParallel>();
  table.add<affine::AffineForOp, runAffineFor>();
  table.add<affine::AffineIfOp, runAffineIf>();
  table.add<affine::AffineApplyOp, runAffineMap<affine::AffineApplyOp>>();
  table.add<affine::AffineMinOp, runAffineMap<affine::AffineMinOp>>();
  table.add<affine::AffineMaxOp, runAffineMap<affine::AffineMaxOp>>();
}
