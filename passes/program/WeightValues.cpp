//===- WeightValues.cpp - What follows from weights alone -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/program/WeightValues.h"
#include "passes/PassDetail.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace rlx;

bool WeightValues::isWeight(Value value) const {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getOwner() == &function.front() &&
         function.getArgAttr(argument.getArgNumber(), "rlx.weight");
}

/// Whether `op` is the same memory seen otherwise.
static bool isView(Operation *op) {
  return isa<tensor::CastOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp,
             tensor::ExtractSliceOp>(op);
}

bool WeightValues::isComputed(Value value) const {
  Operation *op = value.getDefiningOp();
  while (op && isView(op)) {
    value = op->getOperand(0);
    op = value.getDefiningOp();
  }
  return op;
}

/// Whether `op` gives the same whenever it is computed, and may be.
static bool isFunction(Operation *op) {
  return isa_and_nonnull<arith::ArithDialect, linalg::LinalgDialect,
                         math::MathDialect, tensor::TensorDialect>(
             op->getDialect()) &&
         isMemoryEffectFree(op) && isSpeculatable(op);
}

/// What an operation takes: operands, and what its regions read from outside.
static llvm::SetVector<Value> inputsOf(Operation *op) {
  llvm::SetVector<Value> values;
  values.insert_range(op->getOperands());
  getUsedValuesDefinedAbove(op->getRegions(), values);
  return values;
}

/// Bytes of a tensor; nothing where they are not known or not whole.
static std::optional<int64_t> bytesOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || tensor.getEncoding() ||
      !tensor.getElementType().isIntOrFloat())
    return std::nullopt;
  unsigned bits = tensor.getElementTypeBitWidth();
  if (bits % 8 != 0)
    return std::nullopt;
  return tensor.getNumElements() * int64_t(bits / 8);
}

/// Whether `value` is numbers that stand in the program, or will be written.
bool WeightValues::isConstant(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op || !isFunction(op))
    return false;
  return llvm::all_of(inputsOf(op),
                      [&](Value input) { return isConstant(input); });
}

bool WeightValues::contains(Value value) {
  if (isWeight(value))
    return bytesOf(value.getType()).has_value();
  auto [found, isNew] = known.try_emplace(value, false);
  if (!isNew)
    return found->second;
  bool result = compute(value);
  known[value] = result;
  return result;
}

bool WeightValues::compute(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumResults() != 1)
    return false;
  std::optional<int64_t> bytes = bytesOf(value.getType());
  if (!bytes || !(isa<PackWeightOp>(op) || isFunction(op)))
    return false;
  // On buffers, the packed weight is one that somebody else may write.
  int64_t read = 0;
  for (Value input : inputsOf(op)) {
    if (contains(input))
      read += *bytesOf(input.getType());
    else if (!isConstant(input))
      return false;
  }
  // Padding may be more than what is small.
  constexpr int64_t fewBytes = 1 << 16;
  return read > 0 && (isa<PackWeightOp>(op) || isView(op) ||
                      *bytes <= std::max(fewBytes, read + read / 2));
}

WeightValues::Origin WeightValues::originOf(Value value) const {
  Origin origin;
  auto visit = [&](auto &&self, Value at) -> void {
    Operation *op = at.getDefiningOp();
    if (!op) {
      origin.weights.insert(at);
      return;
    }
    if (origin.operations.contains(op))
      return;
    for (Value input : inputsOf(op))
      self(self, input);
    origin.operations.insert(op);
  };
  visit(visit, value);
  return origin;
}
