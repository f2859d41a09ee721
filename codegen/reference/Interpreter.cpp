//===- Interpreter.cpp - Evaluates a program as it was written ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Interpreter.h"

#include "codegen/reference/Elementwise.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace rlx;

/// Calls in calls; each takes some of this program's stack.
static constexpr unsigned deepestCall = 200;

LogicalResult rlx::checkIndex(Operation *op, int64_t index, int64_t size,
                              llvm::StringRef what) {
  if (index >= 0 && index < size)
    return success();
  return op->emitOpError() << "expected " << what << " to be 0 to " << size - 1
                           << ", but got " << index;
}

LogicalResult rlx::checkShape(Operation *op, ArrayRef<int64_t> shape, Type type,
                              llvm::StringRef what) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return success();
  bool fits = tensor.getRank() == int64_t(shape.size());
  for (size_t i = 0; fits && i < shape.size(); ++i)
    fits = shape[i] >= 0 &&
           (tensor.isDynamicDim(i) || tensor.getDimSize(i) == shape[i]);
  if (fits)
    return success();
  return op->emitOpError() << "expected " << what << " to be of " << type
                           << ", but got sizes " << describeShape(shape);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

const Datum &Interpreter::get(Value value) const {
  return values->find(value)->second;
}

const Datum *Interpreter::find(Value value) const {
  auto found = values->find(value);
  return found == values->end() || !found->second ? nullptr : &found->second;
}

void Interpreter::set(Value value, Datum datum) {
  values->insert_or_assign(value, std::move(datum));
}

Datum Interpreter::take(OpOperand &operand) {
  Value value = operand.get();
  // In a loop, a value of outside is asked for again.
  bool isLast = value.hasOneUse() &&
                value.getParentBlock() == operand.getOwner()->getBlock();
  if (!isLast)
    return get(value);
  Datum datum = std::move(values->find(value)->second);
  values->erase(value);
  return datum;
}

int64_t Interpreter::getIndex(OpFoldResult value) const {
  if (auto constant = dyn_cast<Attribute>(value))
    return cast<IntegerAttr>(constant).getInt();
  return getIndex(cast<Value>(value));
}

SmallVector<int64_t> Interpreter::getIndices(ArrayRef<OpFoldResult> all) const {
  return llvm::map_to_vector(
      all, [&](OpFoldResult value) { return getIndex(value); });
}

SmallVector<int64_t> Interpreter::getIndices(ValueRange all) const {
  return llvm::map_to_vector(all, [&](Value value) { return getIndex(value); });
}

SmallVector<Datum> Interpreter::getAll(ValueRange all) const {
  return llvm::map_to_vector(all, [&](Value value) { return get(value); });
}

FailureOr<Datum> Interpreter::weight(Operation *op, llvm::StringRef name,
                                     RankedTensorType type) {
  llvm::Expected<Datum> datum =
      Datum::stored(type, weights(name), "weight '" + name.str() + "'");
  if (datum)
    return std::move(*datum);
  return op->emitOpError() << llvm::toString(datum.takeError());
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

static const HandlerTable &handlers() {
  static const HandlerTable table = [] {
    HandlerTable all;
    addControlFlow(all);
    addTensorOps(all);
    addTensorViews(all);
    addLinalgOps(all);
    addTmTensorOps(all);
    addCacheOps(all);
    addTransformerOps(all);
    addWeightOps(all);
    return all;
  }();
  return table;
}

LogicalResult Interpreter::checkResults(Operation *op) {
  for (OpResult result : op->getResults()) {
    Type type = result.getType();
    auto shaped = dyn_cast<ShapedType>(type);
    if (isa<RankedTensorType>(type) ? isKnownType(shaped.getElementType())
                                    : !shaped && isKnownType(type))
      continue;
    return op->emitOpError()
           << "cannot be verified: the reference has no values of " << type;
  }
  return success();
}

/// The numbers of a constant or of a global, and the name that they may be
/// bound by; null where it has none.
static std::pair<Attribute, StringRef> constantOf(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue());
    return {constant.getValue(),
            resource ? resource.getRawHandle().getKey() : StringRef()};
  }
  auto name = op->getAttrOfType<SymbolRefAttr>("global");
  auto global = SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(
      op, name.getRootReference());
  if (!global)
    return {};
  return {global.getValue().value_or(Attribute()), global.getSymName()};
}

LogicalResult Interpreter::run(Operation *op) {
  if (failed(checkResults(op)))
    return failure();
  if (isa<arith::ConstantOp, ml_program::GlobalLoadOp,
          ml_program::GlobalLoadConstOp>(op)) {
    // Large ones are read once, also in a loop.
    Datum &known = constants[op];
    Value result = op->getResult(0);
    auto type = dyn_cast<RankedTensorType>(result.getType());
    auto [value, name] = constantOf(op);
    // What a file has takes the place of what the program has.
    if (!known && type && !name.empty() && weights(name).data &&
        weights(name).shape == type.getShape().vec()) {
      FailureOr<Datum> bound = weight(op, name, type);
      if (failed(bound))
        return failure();
      known = std::move(*bound);
    }
    if (!known && value)
      known = Datum::constant(value);
    if (!known)
      return op->emitOpError()
             << "cannot be verified: its value has no numbers that are known";
    set(result, known);
    return success();
  }
  if (Handler handler = handlers().find(op))
    return handler(*this, op);
  if (findElementwise(op))
    return runElementwise(*this, op);
  if (isa<linalg::LinalgOp>(op))
    return runStructured(*this, op);
  return op->emitOpError()
         << "cannot be verified: the reference has no such operation";
}

LogicalResult Interpreter::runBody(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(run(&op)))
      return failure();
  return success();
}

FailureOr<Interpreter::Results> Interpreter::run(Region &region,
                                                 ArrayRef<Datum> arguments,
                                                 Operation **terminator) {
  Block *block = &region.front();
  Results passed(arguments);
  while (true) {
    for (auto [argument, datum] : llvm::zip(block->getArguments(), passed))
      set(argument, std::move(datum));
    if (failed(runBody(*block)))
      return failure();
    Operation *last = block->getTerminator();
    auto branch = dyn_cast<BranchOpInterface>(last);
    if (!branch) {
      if (terminator)
        *terminator = last;
      Results results;
      for (OpOperand &operand : last->getOpOperands())
        results.push_back(take(operand));
      return results;
    }
    unsigned taken = 0;
    if (auto two = dyn_cast<cf::CondBranchOp>(last)) {
      taken = getIndex(two.getCondition()) != 0 ? 0 : 1;
    } else if (auto many = dyn_cast<cf::SwitchOp>(last)) {
      uint64_t flag = get(many.getFlag()).numbers().bits[0];
      if (DenseIntElementsAttr cases = many.getCaseValuesAttr())
        for (auto [i, value] : llvm::enumerate(cases.getValues<APInt>()))
          if (value.getZExtValue() == flag)
            taken = i + 1;
    } else if (!isa<cf::BranchOp>(last)) {
      return last->emitOpError()
             << "cannot be verified: the reference has no such operation";
    }
    passed = getAll(branch.getSuccessorOperands(taken).getForwardedOperands());
    block = last->getSuccessor(taken);
  }
}

FailureOr<Interpreter::Results> Interpreter::call(Operation *caller,
                                                  func::FuncOp function,
                                                  ArrayRef<Datum> arguments) {
  if (function.isExternal())
    return caller->emitOpError()
           << "cannot be verified: '" << function.getName() << "' has no body";
  if (depth == deepestCall)
    return caller->emitOpError() << "cannot be verified: expected at most "
                                 << deepestCall << " calls inside each other";
  llvm::DenseMap<Value, Datum> frame, *outer = values;
  values = &frame;
  ++depth;
  FailureOr<Results> results = run(function.getBody(), arguments);
  --depth;
  values = outer;
  return results;
}

LogicalResult rlx::runElementwise(Interpreter &interpreter, Operation *op) {
  SmallVector<ColumnView> operands;
  std::vector<int64_t> shape;
  bool isTensor = false;
  SmallVector<Datum> data = interpreter.getAll(op->getOperands());
  for (auto [i, datum] : llvm::enumerate(data)) {
    if (datum.isQuantized())
      return op->emitOpError()
             << "cannot be verified: operand " << i << " is quantized";
    if (!datum.isTensor())
      continue;
    if (isTensor && datum.shape() != shape)
      return op->emitOpError()
             << "expected operand " << i << " to have sizes "
             << describeShape(shape) << " as those before it have, but got "
             << describeShape(datum.shape());
    shape = datum.shape();
    isTensor = true;
  }
  int64_t count = countOf(shape);
  for (const Datum &datum : data)
    operands.push_back(ColumnView(datum.numbers(), count));
  SmallVector<Numbers> results(op->getNumResults());
  for (auto [numbers, result] : llvm::zip(results, op->getResults())) {
    if (failed(checkShape(op, shape, result.getType(), "the result")))
      return failure();
    numbers.reset(getElementTypeOrSelf(result.getType()), count);
  }
  if (failed(findElementwise(op)({op, operands, count, results})))
    return failure();
  for (auto [numbers, result] : llvm::zip(results, op->getResults()))
    interpreter.set(result, Datum(result.getType(), shape, std::move(numbers)));
  return success();
}
