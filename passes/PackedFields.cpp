//===- PackedFields.cpp - Scales and offsets of packed weights
//-------------===//

#include "passes/PackedFields.h"

#include "passes/CodeNumbers.h"

using namespace mlir;
using namespace rlx;

PackedFields::PackedFields(const PackedLayout &layout, PackedMatmulOp op)
    : layout(layout), weight(op.getWeight()) {
  SchemeAttr scheme = op.getScheme().getScheme();
  for (FieldAttr field : scheme.getScale()) {
    Reference reference = find(field);
    (reference.inner ? innerScaleFields : outerScaleFields)
        .push_back(reference);
  }
  for (FieldAttr field : scheme.getOffset())
    if (!layout.dotOffset || layout.dotOffset->field != field)
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
  double largestSum =
      double(layout.stretch) * largestActivation * double(layout.codes.below);
  for (const Reference &reference : innerScaleFields) {
    FieldAttr field = reference.field->field;
    if (!field.isInteger())
      return false;
    largestSum *=
        double(int64_t(1) << field.width()) + double(std::abs(field.getBias()));
  }
  return largestSum < limit;
}

bool PackedFields::hasInnerOffset() const {
  auto isInner = [](const Reference &reference) { return reference.inner; };
  return llvm::any_of(offsets, isInner) ||
         (zero && (zero.inner || hasInnerScale()));
}

SmallVector<Value> PackedFields::at(LoopBuilder &b, ValueRange tile, Value base,
                                    int64_t offset) {
  SmallVector<Value> indices(tile);
  indices.push_back(b.add(base, offset));
  return indices;
}

Value PackedFields::load(LoopBuilder &b, ValueRange tile, Value base,
                         int64_t offset, int64_t lanes) {
  SmallVector<Value> indices = at(b, tile, base, offset);
  return isStream ? b.streamVector(weight, indices, lanes)
                  : b.loadVector(weight, indices, lanes);
}

/// Container `index` of a field for all rows of the tile, as i32 lanes.
Value PackedFields::container(LoopBuilder &b, ValueRange tile, Value base,
                              const PackedField &field, int64_t index) {
  int64_t lanes = layout.lanes;
  Value bytes = load(b, tile, base, field.offset + index * lanes * field.bytes,
                     lanes * field.bytes);
  VectorType i32s = VectorType::get(lanes, b.getI32Type());
  if (field.bytes > 1)
    bytes = vector::BitCastOp::create(
        b, VectorType::get(lanes, b.getIntegerType(8 * field.bytes)), bytes);
  return field.bytes == 4 ? bytes : arith::ExtUIOp::create(b, i32s, bytes);
}

/// The codes of a field for groups from 0 to `count`, as i32 lanes.
SmallVector<Value> PackedFields::codes(LoopBuilder &b, ValueRange tile,
                                       Value base, const PackedField &field,
                                       int64_t count) {
  VectorType i32s = VectorType::get(layout.lanes, b.getI32Type());
  auto splat = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(i32s, int32_t(value)));
  };
  int64_t width = field.field.width();
  SmallVector<Value> codes;
  Value together;
  for (int64_t group = 0; group < count; ++group) {
    int64_t position = group % field.together;
    if (position == 0)
      together = container(b, tile, base, field, group / field.together);
    Value code = together;
    if (position)
      code = arith::ShRUIOp::create(b, code, splat(position * width));
    if (field.together > 1 && (position + 1) * width < 8)
      code = arith::AndIOp::create(b, code, splat((1 << width) - 1));
    codes.push_back(code);
  }
  return codes;
}

Value PackedFields::number(LoopBuilder &b, ValueRange tile, Value stretchBase,
                           Value chunkBase, Reference reference,
                           int64_t group) {
  Value code =
      reference.inner
          ? codes(b, tile, chunkBase, *reference.field, group + 1).back()
          : codes(b, tile, stretchBase, *reference.field, 1).front();
  return CodeNumbers(b, b.getLoc()).convert(reference.field->field, code);
}

SmallVector<Value> PackedFields::innerScales(LoopBuilder &b, ValueRange tile,
                                             Value base) {
  SmallVector<Value> products;
  bool integer = innerScaleIsInteger();
  int64_t groups = PackedLayout::chunk / layout.sumGroup;
  for (const Reference &reference : innerScaleFields) {
    CodeNumbers numbers(b, b.getLoc());
    FieldAttr field = reference.field->field;
    for (auto [group, code] :
         llvm::enumerate(codes(b, tile, base, *reference.field, groups))) {
      Value number = integer ? numbers.integers(field, code)
                             : numbers.convert(field, code);
      if (group == products.size()) {
        products.push_back(number);
        continue;
      }
      Value &product = products[group];
      product = integer ? Value(arith::MulIOp::create(b, product, number))
                        : Value(arith::MulFOp::create(b, product, number));
    }
  }
  return products;
}

Value PackedFields::outerScale(LoopBuilder &b, ValueRange tile,
                               Value stretchBase) {
  Value product;
  VectorType f32s = VectorType::get(layout.lanes, b.getF32Type());
  if (layout.codes.unit != 1)
    product = arith::ConstantOp::create(
        b, DenseElementsAttr::get(f32s, float(layout.codes.unit)));
  for (const Reference &reference : outerScaleFields) {
    Value factor = number(b, tile, stretchBase, Value(), reference, 0);
    product =
        product ? Value(arith::MulFOp::create(b, product, factor)) : factor;
  }
  return product;
}

Value PackedFields::offset(LoopBuilder &b, ValueRange tile, Value stretchBase,
                           Value chunkBase, int64_t group) {
  Value total;
  for (const Reference &reference : offsets) {
    Value factor = number(b, tile, stretchBase, chunkBase, reference, group);
    total = total ? Value(arith::MulFOp::create(b, total, factor)) : factor;
  }
  if (total && offsetNegative)
    total = arith::NegFOp::create(b, total);
  if (!zero)
    return total;
  Value shift = arith::NegFOp::create(
      b, number(b, tile, stretchBase, chunkBase, zero, group));
  for (const auto &scales : {innerScaleFields, outerScaleFields})
    for (const Reference &reference : scales)
      shift = arith::MulFOp::create(
          b, shift, number(b, tile, stretchBase, chunkBase, reference, group));
  return total ? Value(arith::AddFOp::create(b, total, shift)) : shift;
}

Value PackedFields::dotOffset(LoopBuilder &b, ValueRange tile,
                              Value stretchBase, int64_t index) {
  int64_t length = 4 * layout.lanes;
  return load(b, tile, stretchBase, layout.dotOffset->offset + index * length,
              length);
}
