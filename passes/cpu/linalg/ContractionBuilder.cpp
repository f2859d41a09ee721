//===- ContractionBuilder.cpp - Numbers of a contraction ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/linalg/ContractionBuilder.h"

#include "passes/cpu/linalg/LoopNest.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

ContractionBuilder::ContractionBuilder(LoopBuilder &b,
                                       const Contraction &contraction,
                                       const ContractionPlan &plan)
    : b(b), contraction(contraction), plan(plan), point(contraction.numLoops),
      sizes(contraction.numLoops), one(b.index(1)) {
  Value zero = b.index(0);
  for (unsigned loop = 0; loop < contraction.numLoops; ++loop) {
    point[loop] = zero;
    int64_t known = contraction.size(loop);
    if (!ShapedType::isDynamic(known)) {
      sizes[loop] = b.index(known);
      continue;
    }
    for (const ContractionOperand *operand :
         {static_cast<const ContractionOperand *>(&contraction.a),
          static_cast<const ContractionOperand *>(&contraction.b),
          &contraction.c})
      if (std::optional<unsigned> i = operand->dimensionOf(loop)) {
        sizes[loop] = b.size(operand->memref, *i);
        break;
      }
  }
}

bool ContractionBuilder::isMultiple(Loop loop, int64_t count) const {
  int64_t known = contraction.size(loop);
  return !ShapedType::isDynamic(known) && known % count == 0;
}

SmallVector<Value>
ContractionBuilder::at(const ContractionOperand &operand) const {
  return llvm::map_to_vector(operand.dims, [&](AffineExpr expr) {
    return applyToLoops(b, expr, point);
  });
}

Value ContractionBuilder::load(const ContractionOperand &operand) {
  return memref::LoadOp::create(b, operand.memref, at(operand));
}

Value ContractionBuilder::loadVector(const ContractionOperand &operand,
                                     int64_t count) {
  return b.loadVector(operand.memref, at(operand), count);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// `type`, or a vector of it with as many lanes as `value` has.
static Type likeValue(Value value, Type type) {
  auto vector = dyn_cast<VectorType>(value.getType());
  return vector ? Type(VectorType::get(vector.getShape(), type)) : type;
}

/// `result` of operations of single numbers, of as many as `like` has: of
/// `values`, and of numbers that are the same for all.
Value ContractionBuilder::applyBody(ArrayRef<Operation *> body,
                                    IRMapping &values, Value like,
                                    Value result) {
  auto operand = [&](Value value) -> Value {
    if (Value known = values.lookupOrNull(value))
      return known;
    Type type = likeValue(like, value.getType());
    Value spread = value;
    if (type != value.getType())
      spread = vector::BroadcastOp::create(b, type, value);
    values.map(value, spread);
    return spread;
  };
  for (Operation *op : body) {
    Type type = likeValue(like, op->getResult(0).getType());
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      TypedAttr number = constant.getValue();
      if (auto vector = dyn_cast<VectorType>(type))
        number = DenseElementsAttr::get(vector, Attribute(number));
      values.map(constant.getResult(), arith::ConstantOp::create(b, number));
      continue;
    }
    SmallVector<Value> operands =
        llvm::map_to_vector(op->getOperands(), operand);
    OperationState state(op->getLoc(), op->getName(), operands, type,
                         op->getDiscardableAttrDictionary().getValue());
    state.propertiesAttr = op->getPropertiesAsAttribute();
    values.map(op->getResult(0), b.create(state)->getResult(0));
  }
  return operand(result);
}

/// What the body makes of elements of a factor.
Value ContractionBuilder::convert(const ContractionFactor &factor,
                                  Value elements) {
  IRMapping values;
  values.map(factor.element, elements);
  return applyBody(factor.conversion, values, elements, factor.result);
}

Value ContractionBuilder::applyEpilogue(Value elements, Value mask) {
  const ContractionEpilogue &epilogue = *contraction.epilogue;
  Block &body = *linalg::LinalgOp(epilogue.op).getBlock();
  auto vector = dyn_cast<VectorType>(elements.getType());
  IRMapping values;
  for (auto [argument, input] :
       llvm::zip(body.getArguments(), epilogue.inputs)) {
    if (argument.getArgNumber() == epilogue.sums)
      values.map(argument, elements);
    if (!input.memref)
      continue;
    bool isNumber = !isa<MemRefType>(input.memref.getType());
    bool isAlong = contraction.n && input.has(*contraction.n);
    Value read;
    if (isNumber)
      read = input.memref;
    else if (!vector || !isAlong)
      read = load(input);
    else if (!mask)
      read = loadVector(input, vector.getNumElements());
    else
      read = vector::MaskedLoadOp::create(
          b, likeValue(elements, input.type().getElementType()), input.memref,
          at(input), mask,
          zero(likeValue(elements, input.type().getElementType())));
    if (Type type = likeValue(elements, read.getType());
        type != read.getType() && !isa<VectorType>(read.getType()))
      read = vector::BroadcastOp::create(b, type, read);
    values.map(argument, read);
  }
  SmallVector<Operation *> operations;
  for (Operation &op : body.without_terminator())
    operations.push_back(&op);
  return applyBody(operations, values, elements,
                   body.getTerminator()->getOperand(0));
}

/// `value` as numbers of a type that is as wide or wider.
static Value widen(LoopBuilder &b, Value value, Type type) {
  Type from = getElementTypeOrSelf(value);
  if (from == type)
    return value;
  Type to = likeValue(value, type);
  if (isa<FloatType>(type))
    return arith::ExtFOp::create(b, to, value);
  return arith::ExtSIOp::create(b, to, value);
}

Value ContractionBuilder::toSum(const ContractionFactor &factor,
                                Value elements) {
  return widen(b, convert(factor, elements), plan.sum);
}

Value ContractionBuilder::toPacked(const ContractionFactor &factor,
                                   Value elements) {
  if (plan.wordK == 1)
    return toSum(factor, elements);
  // A conversion, if there is one, extends.
  if (plan.hasShiftedA && &factor == &contraction.a) {
    constexpr int64_t shift = -128;
    Type type = elements.getType();
    TypedAttr sign = b.getIntegerAttr(getElementTypeOrSelf(type), shift);
    if (auto vector = dyn_cast<VectorType>(type))
      sign = DenseElementsAttr::get(vector, Attribute(sign));
    return arith::XOrIOp::create(b, elements,
                                 arith::ConstantOp::create(b, sign));
  }
  bool isUnsigned = !factor.conversion.empty() &&
                    isa<arith::ExtUIOp>(factor.conversion.front());
  if (isUnsigned && getElementTypeOrSelf(elements) != plan.packed)
    return arith::ExtUIOp::create(b, likeValue(elements, plan.packed),
                                  elements);
  return widen(b, elements, plan.packed);
}

Value ContractionBuilder::toWords(Value packed) {
  if (plan.wordK == 1)
    return packed;
  int64_t count = cast<VectorType>(packed.getType()).getNumElements();
  return vector::BitCastOp::create(
      b, VectorType::get(count / plan.wordK, plan.word), packed);
}

Value ContractionBuilder::fromWords(Value words) {
  if (plan.wordK == 1)
    return words;
  int64_t count = cast<VectorType>(words.getType()).getNumElements();
  return vector::BitCastOp::create(
      b, VectorType::get(count * plan.wordK, plan.packed), words);
}

Value ContractionBuilder::loadWord(const ContractionFactor &factor, Value k) {
  if (plan.wordK == 1) {
    set(contraction.k, k);
    return toPacked(factor, load(factor));
  }
  SmallVector<Value> elements;
  Value length = size(contraction.k);
  for (int64_t i = 0; i < plan.wordK; ++i) {
    Value index = b.add(k, i);
    bool isThere = i == 0 || isMultiple(contraction.k, plan.wordK);
    set(contraction.k,
        isThere ? index : b.min(index, b.sub(length, b.index(1))));
    Value element = toPacked(factor, load(factor));
    if (!isThere) {
      Value isInside =
          arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, length);
      element = arith::SelectOp::create(b, isInside, element,
                                        zero(element.getType()));
    }
    elements.push_back(element);
  }
  Value vector = vector::FromElementsOp::create(
      b, VectorType::get(plan.wordK, plan.packed), elements);
  return vector::ExtractOp::create(b, toWords(vector), ArrayRef<int64_t>{0});
}

Value ContractionBuilder::sumOf(Value elements) {
  return widen(b, elements, plan.sum);
}

Value ContractionBuilder::elementOf(Value sums) {
  Type element = contraction.c.type().getElementType();
  if (element == plan.sum)
    return sums;
  Type to = likeValue(sums, element);
  if (isa<FloatType>(element))
    return arith::TruncFOp::create(b, to, sums);
  return arith::TruncIOp::create(b, to, sums);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value ContractionBuilder::zero(Type type) {
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}

Value ContractionBuilder::add(Value x, Value y) {
  if (isa<FloatType>(plan.sum))
    return arith::AddFOp::create(b, x, y);
  return arith::AddIOp::create(b, x, y);
}

Value ContractionBuilder::multiplyAdd(Value x, Value y, Value sum) {
  if (!isa<FloatType>(plan.sum))
    return arith::AddIOp::create(b, arith::MulIOp::create(b, x, y), sum);
  if (isa<VectorType>(sum.getType()))
    return vector::FMAOp::create(b, x, y, sum);
  return math::FmaOp::create(b, x, y, sum);
}

Value ContractionBuilder::dot(Value row, Value columns, Value sum) {
  if (plan.intrinsic.empty())
    return multiplyAdd(row, columns, sum);
  // Of bytes, unsigned ones come first.
  if (plan.packed.isInteger(8) && plan.hasUnsignedB)
    std::swap(row, columns);
  return LLVM::CallIntrinsicOp::create(b, sum.getType(),
                                       b.getStringAttr(plan.intrinsic),
                                       ValueRange{sum, row, columns})
      .getResults();
}

void ContractionBuilder::eachOuterK(llvm::function_ref<void()> body) {
  auto nest = [&](auto &&self, ArrayRef<unsigned> loops) -> void {
    if (loops.empty())
      return body();
    b.loop(b.index(0), size(loops.front()), 1, [&](Value index) {
      set(loops.front(), index);
      self(self, loops.drop_front());
    });
  };
  nest(nest, contraction.outerK);
}

Value ContractionBuilder::divideUp(Value value, int64_t count) {
  if (count == 1)
    return value;
  return b.div(b.add(value, count - 1), count);
}

Value ContractionBuilder::words(Value length) {
  return divideUp(length, plan.wordK);
}
