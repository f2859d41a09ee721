//===- ContractionBody.cpp - What a contraction does with numbers ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/linalg/Contraction.h"

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

/// Whether an operation of a body can be applied to vectors.
static bool isOfSingleNumbers(Operation *op) {
  auto isNumber = [](Type type) { return type.isIntOrFloat(); };
  return op->getNumResults() == 1 && op->getNumRegions() == 0 &&
         (isa<arith::ConstantOp>(op) ||
          OpTrait::hasElementwiseMappableTraits(op)) &&
         isMemoryEffectFree(op) &&
         llvm::all_of(op->getOperandTypes(), isNumber) &&
         isNumber(op->getResult(0).getType());
}

/// Collects what `value` is computed by from `element`, and from numbers that
/// are the same for all.
static bool collectConversion(Value value, ContractionFactor &factor,
                              llvm::SmallPtrSetImpl<Operation *> &ops) {
  if (value == factor.element)
    return true;
  // From outside of the body: the same number for all products.
  if (value.getParentBlock() != factor.element.getOwner())
    return value.getType().isIntOrFloat();
  Operation *op = value.getDefiningOp();
  if (!op || !isOfSingleNumbers(op))
    return false;
  ops.insert(op);
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return collectConversion(operand, factor, ops);
  });
}

static bool readFactor(Value value, BlockArgument element,
                       ContractionFactor &factor) {
  factor.element = element;
  factor.result = value;
  llvm::SmallPtrSet<Operation *, 4> ops;
  if (!collectConversion(value, factor, ops))
    return false;
  for (Operation &op : *element.getOwner())
    if (ops.contains(&op))
      factor.conversion.push_back(&op);
  return true;
}

/// What the body adds to its last argument; null where it does not.
static Value addedTo(Block &body) {
  if (body.getNumArguments() != 3)
    return {};
  Operation *add = body.getTerminator()->getOperand(0).getDefiningOp();
  BlockArgument sum = body.getArgument(2);
  if (!isa_and_nonnull<arith::AddFOp, arith::AddIOp>(add) ||
      add->getBlock() != &body || !sum.hasOneUse() ||
      !llvm::is_contained(add->getOperands(), sum))
    return {};
  return add->getOperand(add->getOperand(0) == sum ? 1 : 0);
}

void rlx::gatherFactors(linalg::LinalgOp op) {
  Block &body = *op.getBlock();
  Value product = addedTo(body);
  auto isProduct = [&](Value value) {
    Operation *by = value.getDefiningOp();
    return isa_and_nonnull<arith::MulFOp, arith::MulIOp>(by) &&
           by->getBlock() == &body;
  };
  auto isNumber = [&](Value value) {
    Operation *by = value.getDefiningOp();
    return value.getParentBlock() != &body ||
           isa_and_nonnull<arith::ConstantOp>(by);
  };
  SmallVector<Operation *> multiplies;
  SmallVector<Value> numbers;
  Value rest = product;
  while (rest && isProduct(rest)) {
    Operation *multiply = rest.getDefiningOp();
    bool first = isNumber(multiply->getOperand(0));
    if (!first && !isNumber(multiply->getOperand(1)))
      break;
    numbers.push_back(multiply->getOperand(first ? 0 : 1));
    multiplies.push_back(multiply);
    rest = multiply->getOperand(first ? 1 : 0);
  }
  if (numbers.empty() || !isProduct(rest))
    return;
  // The innermost number first, as the body has it.
  OpBuilder builder(product.getDefiningOp());
  Operation *inner = rest.getDefiningOp();
  Value factor = inner->getOperand(0);
  for (size_t i = numbers.size(); i-- > 0;) {
    Operation *multiply = builder.clone(*multiplies[i]);
    multiply->setOperands({factor, numbers[i]});
    factor = multiply->getResult(0);
  }
  Operation *last = builder.clone(*inner);
  last->setOperand(0, factor);
  product.replaceAllUsesWith(last->getResult(0));
  multiplies.push_back(inner);
  for (Operation *old : multiplies)
    if (old->use_empty())
      old->erase();
}

bool rlx::readContractionBody(linalg::LinalgOp op, Contraction &found) {
  Block &body = *op.getBlock();
  Value product = addedTo(body);
  if (!product)
    return false;
  Operation *multiply = product.getDefiningOp();
  if (!isa_and_nonnull<arith::MulFOp, arith::MulIOp>(multiply))
    return false;
  found.type = product.getType();
  auto read = [&](unsigned first) {
    found.a.conversion.clear();
    found.b.conversion.clear();
    return readFactor(multiply->getOperand(first), body.getArgument(0),
                      found.a) &&
           readFactor(multiply->getOperand(1 - first), body.getArgument(1),
                      found.b);
  };
  return read(0) || read(1);
}

//===----------------------------------------------------------------------===//
// What follows it
//===----------------------------------------------------------------------===//

/// Whether vectors of its elements can be loaded, or it is a number.
static bool hasNumbers(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  constexpr unsigned byte = 8;
  return element.isIntOrFloat() &&
         (!isa<ShapedType>(value.getType()) ||
          element.getIntOrFloatBitWidth() % byte == 0);
}

std::optional<ContractionEpilogue>
Contraction::readEpilogue(linalg::LinalgOp op, linalg::LinalgOp epilogue) {
  if (!epilogue.hasPureBufferSemantics() || epilogue.getNumDpsInits() != 1 ||
      epilogue.getNumParallelLoops() != epilogue.getNumLoops() ||
      epilogue->getNumRegions() != 1)
    return std::nullopt;
  Block &body = *epilogue.getBlock();
  if (!llvm::all_of(body.without_terminator(),
                    [](Operation &inner) { return isOfSingleNumbers(&inner); }))
    return std::nullopt;
  ContractionEpilogue found{epilogue, {}, 0, {}, false};
  Value c = op.getDpsInits()[0];
  OpOperand *sums = nullptr;
  for (OpOperand &operand : epilogue->getOpOperands()) {
    if (body.getArgument(operand.getOperandNumber()).use_empty())
      continue;
    if (!hasNumbers(operand.get()) || (operand.get() == c && sums))
      return std::nullopt;
    if (operand.get() == c)
      sums = &operand;
  }
  OpOperand &result = epilogue.getDpsInitsMutable()[0];
  if (!sums || !hasNumbers(result.get()))
    return std::nullopt;
  // Its loops are dimensions of c, and these are loops of the contraction.
  AffineMap toC = epilogue.getMatchingIndexingMap(sums);
  AffineMap ofC = op.getMatchingIndexingMap(&op.getDpsInitsMutable()[0]);
  if (!toC.isPermutation() || !ofC.isProjectedPermutation() ||
      !epilogue.getMatchingIndexingMap(&result).isPermutation())
    return std::nullopt;
  AffineMap loops = inversePermutation(toC).compose(ofC);
  auto read = [&](OpOperand &operand) {
    ContractionOperand read;
    read.memref = operand.get();
    AffineMap map = epilogue.getMatchingIndexingMap(&operand);
    for (AffineExpr expr : map.compose(loops).getResults())
      read.dims.push_back(expr);
    return read;
  };
  for (OpOperand &operand : epilogue->getOpOperands()) {
    bool isRead = !body.getArgument(operand.getOperandNumber()).use_empty();
    if (isRead && &operand != sums &&
        !llvm::all_of(epilogue.getMatchingIndexingMap(&operand).getResults(),
                      [](AffineExpr expr) {
                        return isa<AffineDimExpr, AffineConstantExpr>(expr);
                      }))
      return std::nullopt;
    found.inputs.push_back(isRead && &operand != sums ? read(operand)
                                                      : ContractionOperand());
  }
  found.sums = sums->getOperandNumber();
  found.result = read(result);
  return found;
}
