//===- BodyColumns.cpp - The body of a loop at many points at once --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/BodyColumns.h"

#include "ir/Scheme.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace rlx;

BodyColumns::BodyColumns(Interpreter &interpreter, Block &body,
                         ArrayRef<Operation *> left)
    : interpreter(interpreter), body(body), left(left) {
  for (BlockArgument argument : body.getArguments())
    addColumn(argument);
  body.walk([&](linalg::IndexOp) { hasIndices = true; });
  for (Operation &op : body.without_terminator())
    if (!llvm::is_contained(left, &op) && isColumnar)
      isColumnar = prepare(op);
  if (isColumnar)
    return;
  // Point by point all results are needed.
  steps.clear();
  uniform.clear();
  for (Operation &op : body.without_terminator())
    if (!llvm::is_contained(left, &op))
      for (Value result : op.getResults())
        if (!columns.contains(result))
          addColumn(result);
}

Numbers *BodyColumns::addColumn(Value value) {
  return columns[value] = &storage.emplace_back();
}

/// Sorts an operation into what is the same everywhere and what is not. False
/// where it cannot be done on columns.
bool BodyColumns::prepare(Operation &op) {
  auto varies = [&](Value value) { return columns.contains(value); };
  if (op.getNumRegions())
    return false;
  if (isa<linalg::IndexOp>(op)) {
    steps.push_back({&op, nullptr, {}, {addColumn(op.getResult(0))}});
    return true;
  }
  if (llvm::none_of(op.getOperands(), varies)) {
    uniform.push_back(&op);
    return true;
  }
  for (Type type : op.getOperandTypes())
    if (isa<ShapedType>(type) && !isa<tensor::ExtractOp>(op))
      return false;
  for (Type type : op.getResultTypes())
    if (isa<ShapedType>(type) || !isKnownType(type))
      return false;
  if (auto extract = dyn_cast<tensor::ExtractOp>(op))
    if (varies(extract.getTensor()) ||
        QuantScheme::of(extract.getTensor().getType()))
      return false;
  Step step{&op, findElementwise(&op), {}, {}};
  if (!step.function && !isa<tensor::ExtractOp, affine::AffineApplyOp,
                             affine::AffineMinOp, affine::AffineMaxOp>(op))
    return false;
  for (Value result : op.getResults())
    step.results.push_back(addColumn(result));
  steps.push_back(std::move(step));
  return true;
}

/// A column of the body, or the number of a scalar of outside.
const Numbers *BodyColumns::columnOf(Value value) const {
  if (Numbers *column = columns.lookup(value))
    return column;
  return &interpreter.get(value).numbers();
}

ColumnView BodyColumns::value(Value value, int64_t count) const {
  return ColumnView(*columnOf(value), count);
}

LogicalResult BodyColumns::prepareUniform() {
  for (Operation *op : uniform)
    if (failed(interpreter.run(op)))
      return failure();
  // Their values stay where they are: nothing else is entered from here on.
  for (Step &step : steps)
    for (Value operand : step.op->getOperands())
      step.operands.push_back(
          isa<ShapedType>(operand.getType()) ? nullptr : columnOf(operand));
  isPrepared = true;
  return success();
}

LogicalResult BodyColumns::run(int64_t count) {
  if (!isColumnar)
    return runPoints(count);
  if (!isPrepared && failed(prepareUniform()))
    return failure();
  for (const Step &step : steps)
    if (failed(runStep(step, count)))
      return failure();
  return success();
}

LogicalResult BodyColumns::extract(const Step &step, int64_t count) {
  auto op = cast<tensor::ExtractOp>(step.op);
  Datum source = interpreter.get(op.getTensor());
  SmallVector<int64_t> positions(count);
  for (auto [i, size] : llvm::enumerate(source.shape())) {
    ColumnView index(*step.operands[i + 1], count);
    for (int64_t lane = 0; lane < count; ++lane) {
      int64_t at = index.signedValue(lane);
      if (failed(checkIndex(op, at, size, "index " + std::to_string(i))))
        return failure();
      positions[lane] = positions[lane] * size + at;
    }
  }
  source.gather(positions, *step.results.front());
  return success();
}

LogicalResult BodyColumns::runStep(const Step &step, int64_t count) {
  for (auto [numbers, result] : llvm::zip(step.results, step.op->getResults()))
    numbers->reset(result.getType(), count);
  if (auto index = dyn_cast<linalg::IndexOp>(step.op)) {
    for (int64_t i = 0; i < count; ++i)
      step.results[0]->bits[i] = uint64_t(indexColumns[index.getDim()][i]);
    return success();
  }
  if (isa<tensor::ExtractOp>(step.op))
    return extract(step, count);
  SmallVector<ColumnView> operands;
  for (const Numbers *operand : step.operands)
    operands.push_back(ColumnView(*operand, count));
  if (!step.function) {
    for (int64_t i = 0; i < count; ++i) {
      for (auto [value, column] : llvm::zip(step.op->getOperands(), operands))
        if (columns.contains(value))
          interpreter.set(
              value, Datum::index(value.getContext(), column.signedValue(i)));
      if (failed(interpreter.run(step.op)))
        return failure();
      step.results[0]->bits[i] =
          uint64_t(interpreter.getIndex(step.op->getResult(0)));
    }
    return success();
  }
  SmallVector<Numbers> results;
  for (Numbers *numbers : step.results)
    results.push_back(std::move(*numbers));
  LogicalResult done = step.function({step.op, operands, count, results});
  for (auto [numbers, result] : llvm::zip(step.results, results))
    *numbers = std::move(result);
  return done;
}

LogicalResult BodyColumns::runPoints(int64_t count) {
  auto scalarOf = [](Value value, const Numbers &column, int64_t i) {
    Numbers number;
    number.reset(value.getType(), 1);
    number.copy(0, column, i);
    return Datum(value.getType(), {}, std::move(number));
  };
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<int64_t> point;
    for (const std::vector<int64_t> &column : indexColumns)
      point.push_back(column.empty() ? 0 : column[i]);
    for (BlockArgument argument : body.getArguments()) {
      const Numbers &column = *columns.lookup(argument);
      if (column.type) // that of one that is not read has none
        interpreter.set(argument, scalarOf(argument, column, i));
    }
    ArrayRef<int64_t> outer = interpreter.loopIndices;
    interpreter.loopIndices = point;
    LogicalResult done = success();
    for (Operation &op : body.without_terminator())
      if (succeeded(done) && !llvm::is_contained(left, &op))
        done = interpreter.run(&op);
    interpreter.loopIndices = outer;
    if (failed(done))
      return failure();
    for (Operation &op : body.without_terminator()) {
      if (llvm::is_contained(left, &op))
        continue;
      for (Value result : op.getResults()) {
        if (isa<ShapedType>(result.getType()))
          continue;
        Numbers &column = *columns.lookup(result);
        if (i == 0)
          column.reset(result.getType(), count);
        // A value with a single use may have been given away.
        if (const Datum *known = interpreter.find(result))
          column.copy(i, known->numbers(), 0);
      }
    }
  }
  return success();
}
