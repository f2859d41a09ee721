//===- PackedFields.cpp - Scales and offsets of packed weights ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedFields.h"

#include "ir/ActivationType.h"
#include "passes/decode/CodeNumbers.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

int64_t rlx::activationBytes(PackedMatmulOp op) {
  return activationTypeOf(op.getActivations())->bytes;
}

Value rlx::i16x2(LoopBuilder &b, Value lanes) {
  auto i32s = cast<VectorType>(lanes.getType());
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(i32s, int32_t(value)));
  };
  Value low = arith::AndIOp::create(b, lanes, constant(0xffff));
  Value high = arith::ShLIOp::create(b, lanes, constant(16));
  return vector::BitCastOp::create(
      b, VectorType::get(2 * i32s.getNumElements(), b.getI16Type()),
      arith::OrIOp::create(b, low, high));
}

PackedFields::PackedFields(const PackedLayout &layout, PackedMatmulOp op,
                           GroupScales groupScales)
    : layout(layout), weight(op.getWeight()),
      allFloats(groupScales == GroupScales::floats) {
  SchemeAttr scheme = op.getScheme().getScheme();
  for (FieldAttr field : scheme.getScale()) {
    Reference reference = find(field);
    if (!reference.inner)
      blockScaleFields.push_back(reference);
    else if (groupScales != GroupScales::inCodes)
      groupScaleFields.push_back(reference);
  }
  for (FieldAttr field : scheme.getOffset())
    if (!layout.dotMinimum || layout.dotMinimum->field != field)
      offsets.push_back(find(field));
  if (scheme.getZero())
    zero = find(scheme.getZero());
  offsetNegative = scheme.getOffsetNegative();
}

PackedFields::Reference PackedFields::find(FieldAttr field) const {
  for (const PackedField &inner : layout.inner)
    if (inner.field == field)
      return {&inner, true};
  for (const PackedField &outer : layout.outer)
    if (outer.field == field)
      return {&outer, false};
  llvm_unreachable("a layout has all fields of its scheme");
}

bool PackedFields::sumsFit(double largestActivation) const {
  constexpr double limit = 2147483648.0;
  double largestCode =
      double(std::max(layout.codes.below, layout.codes.largest()));
  double largestSum = double(layout.kBlock) * largestActivation * largestCode;
  auto isInteger = [](const Reference &reference) {
    return reference.field->field.isInteger();
  };
  if (!llvm::all_of(groupScaleFields, isInteger))
    return false;
  return largestSum * largestGroupScale() < limit;
}

std::pair<double, double>
rlx::rangeOfProducts(std::pair<double, double> one,
                     std::pair<double, double> other) {
  return std::minmax({one.first * other.first, one.first * other.second,
                      one.second * other.first, one.second * other.second});
}

std::pair<double, double> PackedFields::groupScaleRange() const {
  std::pair<double, double> range = {1, 1};
  for (const Reference &reference : groupScaleFields) {
    FieldAttr field = reference.field->field;
    bool isSigned = field.getType().isSignedInteger();
    double count = std::ldexp(1.0, int(field.width()));
    double least = (isSigned ? -count / 2 : 0) - double(field.getBias());
    range = rangeOfProducts(range, {least, least + count - 1});
  }
  return range;
}

double PackedFields::largestGroupScale() const {
  auto [least, most] = groupScaleRange();
  return std::max(std::abs(least), std::abs(most));
}

bool PackedFields::hasGroupOffset() const {
  auto isInner = [](const Reference &reference) { return reference.inner; };
  return llvm::any_of(offsets, isInner) ||
         (zero && (zero.inner || hasGroupScale()));
}

SmallVector<Value> PackedFields::at(LoopBuilder &b, ValueRange expert,
                                    Value base, int64_t offset) {
  SmallVector<Value> indices(expert);
  indices.push_back(b.add(base, offset));
  return indices;
}

Value PackedFields::load(LoopBuilder &b, ValueRange expert, Value base,
                         int64_t offset, int64_t lanes) {
  SmallVector<Value> indices = at(b, expert, base, offset);
  return isStream ? b.streamVector(weight, indices, lanes)
                  : b.loadVector(weight, indices, lanes);
}

/// The container that has the code of group `group`, as i32 lanes.
Value PackedFields::container(LoopBuilder &b, ValueRange expert, Value base,
                              const PackedField &field, int64_t group) {
  int64_t lanes = layout.lanes, bytesOfAll = lanes * field.bytes;
  Value bytes =
      load(b, expert, base, field.offset + group / field.together * bytesOfAll,
           bytesOfAll);
  VectorType i32s = VectorType::get(lanes, b.getI32Type());
  if (field.bytes > 1)
    bytes = vector::BitCastOp::create(
        b, VectorType::get(lanes, b.getIntegerType(8 * field.bytes)), bytes);
  return field.bytes == 4 ? bytes : arith::ExtUIOp::create(b, i32s, bytes);
}

/// The code of that group alone.
Value PackedFields::code(LoopBuilder &b, Value container,
                         const PackedField &field, int64_t group) {
  if (field.together == 1)
    return container;
  auto splat = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(cast<ShapedType>(container.getType()),
                                  int32_t(value)));
  };
  int64_t width = field.field.width(),
          position = group % field.together * width;
  if (position)
    container = arith::ShRUIOp::create(b, container, splat(position));
  if (position + width < 8)
    container = arith::AndIOp::create(b, container, splat((1 << width) - 1));
  return container;
}

Value PackedFields::number(LoopBuilder &b, ValueRange expert, Value kBlockBase,
                           Value kStepBase, Reference reference,
                           int64_t group) {
  const PackedField &field = *reference.field;
  int64_t index = reference.inner ? group : 0;
  Value stored = container(b, expert, reference.inner ? kStepBase : kBlockBase,
                           field, index);
  return CodeNumbers(b, b.getLoc())
      .convert(field.field, code(b, stored, field, index));
}

SmallVector<Value> PackedFields::groupScales(LoopBuilder &b, ValueRange expert,
                                             Value base) {
  SmallVector<Value> products;
  bool integer = groupScaleIsInteger();
  const size_t groups = PackedLayout::kStep / layout.sumGroup;
  for (const Reference &reference : groupScaleFields) {
    CodeNumbers numbers(b, b.getLoc());
    const PackedField &field = *reference.field;
    Value stored;
    for (size_t group = 0; group < groups; ++group) {
      if (group % field.together == 0)
        stored = container(b, expert, base, field, group);
      Value one = code(b, stored, field, group);
      Value number = integer ? numbers.integers(field.field, one)
                             : numbers.convert(field.field, one);
      if (group == products.size()) {
        products.push_back(number);
        continue;
      }
      Value &product = products[group];
      product = integer ? Value(arith::MulIOp::create(b, product, number))
                        : Value(arith::MulFOp::create(b, product, number));
    }
  }
  if (unitIsInGroups() && layout.codes.unit != 1)
    for (Value &product : products)
      product = arith::MulFOp::create(b, product, unit(b));
  return products;
}

Value PackedFields::unit(LoopBuilder &b) {
  VectorType f32s = VectorType::get(layout.lanes, b.getF32Type());
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(f32s, float(layout.codes.unit)));
}

Value PackedFields::blockScale(LoopBuilder &b, ValueRange expert,
                               Value kBlockBase) {
  Value product;
  if (layout.codes.unit != 1 && !unitIsInGroups())
    product = unit(b);
  for (const Reference &reference : blockScaleFields) {
    Value factor = number(b, expert, kBlockBase, Value(), reference, 0);
    product =
        product ? Value(arith::MulFOp::create(b, product, factor)) : factor;
  }
  return product;
}

Value PackedFields::offset(LoopBuilder &b, ValueRange expert, Value kBlockBase,
                           Value kStepBase, int64_t group) {
  Value total;
  for (const Reference &reference : offsets) {
    Value factor = number(b, expert, kBlockBase, kStepBase, reference, group);
    total = total ? Value(arith::MulFOp::create(b, total, factor)) : factor;
  }
  if (total && offsetNegative)
    total = arith::NegFOp::create(b, total);
  if (!zero)
    return total;
  Value shift = arith::NegFOp::create(
      b, number(b, expert, kBlockBase, kStepBase, zero, group));
  for (const auto &scales : {groupScaleFields, blockScaleFields})
    for (const Reference &reference : scales)
      shift = arith::MulFOp::create(
          b, shift, number(b, expert, kBlockBase, kStepBase, reference, group));
  return total ? Value(arith::AddFOp::create(b, total, shift)) : shift;
}

Value PackedFields::dotMinimum(LoopBuilder &b, ValueRange expert,
                               Value kBlockBase, int64_t index) {
  int64_t length = 4 * layout.lanes;
  return load(b, expert, kBlockBase, layout.dotMinimum->offset + index * length,
              length);
}
