//===- BuildContraction.cpp - rlx.matmul for a contraction ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/ContractionInit.h"
#include "passes/import/recognize/GatheredRows.h"
#include "passes/import/recognize/WeightContraction.h"

#include "ir/Scheme.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace rlx;

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// `value` with its last `count` dimensions as one.
static Value collapseLast(OpBuilder &builder, Location loc, Value value,
                          size_t count) {
  if (count == 1)
    return value;
  RankedTensorType type = typeOf(value);
  int64_t first = type.getRank() - int64_t(count), size = 1;
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> shape(type.getShape().take_front(first));
  for (int64_t axis = 0; axis < first; ++axis)
    groups.push_back({axis});
  groups.push_back(llvm::to_vector(llvm::seq(first, type.getRank())));
  for (int64_t axis : groups.back())
    size *= type.getDimSize(axis);
  shape.push_back(size);
  return tensor::CollapseShapeOp::create(builder, loc, type.clone(shape), value,
                                         groups);
}

/// `value` with its last dimension as those of `parts`.
static Value expandLast(OpBuilder &builder, Location loc, Value value,
                        ArrayRef<int64_t> parts) {
  if (parts.size() == 1)
    return value;
  RankedTensorType type = typeOf(value);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value);
  sizes.pop_back();
  SmallVector<int64_t> shape(type.getShape().drop_back());
  SmallVector<ReassociationIndices> groups;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    groups.push_back({axis});
  groups.back().clear();
  for (int64_t part : parts) {
    groups.back().push_back(int64_t(shape.size()));
    shape.push_back(part);
    sizes.push_back(builder.getIndexAttr(part));
  }
  return tensor::ExpandShapeOp::create(builder, loc, type.clone(shape), value,
                                       groups, sizes);
}

/// What activations are computed in. Where weights are rounded to what the
/// activations are, that loses nothing.
static TypeAttr activationsBeside(Value x, const QuantizedWeight &weight) {
  Type element = typeOf(x).getElementType();
  std::optional<QuantScheme> scheme = QuantScheme::of(weight.weight.getType());
  return scheme && scheme->attr().getRounded() == element
             ? TypeAttr::get(element)
             : TypeAttr();
}

Value WeightContraction::buildMatmul(OpBuilder &builder,
                                     const QuantizedWeight &weight,
                                     Value bias) const {
  Location loc = op->getLoc();
  SmallVector<int64_t> shape(typeOf(x).getShape());
  for (auto [axis, loop] : llvm::enumerate(columns))
    shape[lead.size() + axis] = sizes[loop];
  Value rowsOfX = collapseLast(builder, loc, castShape(builder, loc, x, shape),
                               columns.size());
  shape = llvm::to_vector(typeOf(rowsOfX).getShape());
  shape.back() = this->shape.n;
  auto type = RankedTensorType::get(shape, typeOf(last).getElementType());
  return MatmulOp::create(builder, loc, type, rowsOfX, weight.weight,
                          weight.sides.scales, weight.sides.zeroPoints,
                          weight.sides.globalScale, bias,
                          activationsBeside(x, weight),
                          /*reencoded=*/UnitAttr(),
                          /*activationGroup=*/IntegerAttr());
}

/// Ids of experts as [T, 1] of i32, one for each row of the activations. What
/// does not fit stays out of range.
Value WeightContraction::expertIds(OpBuilder &builder, Location loc) const {
  SmallVector<AffineExpr> dims(3 + lead.size(),
                               builder.getAffineConstantExpr(0));
  SmallVector<OpFoldResult> sizes;
  for (unsigned i = 0; i < lead.size(); ++i) {
    dims[3 + i] = builder.getAffineDimExpr(i);
    sizes.push_back(tensor::getMixedSize(builder, loc, x, i));
  }
  Value ids = gatheredIds(builder, loc, *id, dims, sizes);
  RankedTensorType type = typeOf(ids);
  ReassociationIndices all =
      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  if (type.getRank() > 1)
    ids = tensor::CollapseShapeOp::create(builder, loc, ids,
                                          ArrayRef<ReassociationIndices>{all});
  int64_t rows = typeOf(ids).getDimSize(0);
  return tensor::ExpandShapeOp::create(
      builder, loc, RankedTensorType::get({rows, 1}, builder.getI32Type()), ids,
      ArrayRef<ReassociationIndices>{{0, 1}},
      SmallVector<OpFoldResult>{tensor::getMixedSize(builder, loc, ids, 0),
                                builder.getIndexAttr(1)});
}

/// Row t of [E * M, K] takes expert t floordiv M, or the one that its id names.
Value WeightContraction::buildExperts(OpBuilder &builder,
                                      const QuantizedWeight &weight) const {
  Location loc = op->getLoc();
  int64_t each = 1;
  for (unsigned loop : ArrayRef(lead).drop_front())
    each *= sizes[loop];
  Value rowsOfX = collapseLast(builder, loc, x, columns.size());
  SmallVector<OpFoldResult> leadSizes;
  for (unsigned i = 0; i < lead.size(); ++i)
    leadSizes.push_back(tensor::getMixedSize(builder, loc, x, i));
  SmallVector<ReassociationIndices> groups = {
      llvm::to_vector(llvm::seq<int64_t>(0, lead.size())),
      {int64_t(lead.size())}};
  if (lead.size() > 1)
    rowsOfX = tensor::CollapseShapeOp::create(builder, loc, rowsOfX, groups);
  SmallVector<int64_t> xShape(typeOf(rowsOfX).getShape());
  xShape.back() = shape.k;
  rowsOfX = castShape(builder, loc, rowsOfX, xShape);
  int64_t tokens = xShape.front();
  Value named;
  if (id) {
    named = expertIds(builder, loc);
  } else {
    SmallVector<int32_t> ids;
    for (int64_t t = 0; t < tokens; ++t)
      ids.push_back(int32_t(t / each));
    auto idsType = RankedTensorType::get({tokens, 1}, builder.getI32Type());
    named = arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(idsType, ArrayRef<int32_t>(ids)));
  }
  auto type = RankedTensorType::get({tokens, 1, shape.n},
                                    typeOf(last).getElementType());
  Value y = GatherMatmulOp::create(
      builder, loc, type, rowsOfX, weight.weight, named, weight.sides.scales,
      weight.sides.zeroPoints, weight.sides.globalScale, /*bias=*/Value(),
      activationsBeside(x, weight), /*reencoded=*/UnitAttr(),
      /*activationGroup=*/IntegerAttr());
  y = tensor::CollapseShapeOp::create(
      builder, loc,
      RankedTensorType::get({tokens, shape.n}, type.getElementType()), y,
      ArrayRef<ReassociationIndices>{{0, 1}, {2}});
  if (lead.size() == 1)
    return y;
  SmallVector<int64_t> all;
  for (unsigned loop : lead)
    all.push_back(sizes[loop]);
  all.push_back(shape.n);
  leadSizes.push_back(builder.getIndexAttr(shape.n));
  return tensor::ExpandShapeOp::create(
      builder, loc, RankedTensorType::get(all, type.getElementType()), y,
      groups, leadSizes);
}

void WeightContraction::finish(OpBuilder &builder, Value y, Value rest) {
  Location loc = op->getLoc();
  RankedTensorType type = typeOf(last);
  y = castShape(builder, loc, y, type.getShape());
  if (rest) {
    Value empty = tensor::EmptyOp::create(
        builder, loc, tensor::getMixedSizes(builder, loc, y),
        type.getElementType());
    empty = castShape(builder, loc, empty, type.getShape());
    y = linalg::AddOp::create(builder, loc, TypeRange(type),
                              ValueRange{y, rest}, ValueRange{empty})
            .getResult(0);
  }
  last.replaceAllUsesWith(y);
}

void WeightContraction::replace(OpBuilder &builder,
                                const QuantizedWeight &weight) {
  Location loc = op->getLoc();
  bool isZero = isZeroTensor(init), hasBias = false;
  Value added;
  if (bias)
    added = bias->tensor;
  else if (!isZero && rows.size() == 1 && !shape.experts)
    added = repeatedRow(init);
  if (added) {
    Type element = typeOf(added).getElementType();
    hasBias = element.isF32() || element.isF16() || element.isBF16();
    if (hasBias)
      added = castShape(builder, loc, added, shape.n);
  }
  Value y = shape.experts
                ? buildExperts(builder, weight)
                : buildMatmul(builder, weight, hasBias ? added : Value());
  SmallVector<int64_t> parts;
  for (unsigned loop : rows)
    parts.push_back(sizes[loop]);
  y = expandLast(builder, loc, y, parts);
  Value rest = isZero || hasBias ? Value() : init;
  finish(builder, y, rest);
}

void WeightContraction::scaleSums(ImplicitLocOpBuilder &b, Value sums,
                                  const Product &ofX, const Product &ofWeight) {
  // Dimensions of formulas as those of the result.
  int64_t rank = typeOf(sums).getRank();
  SmallVector<AffineExpr> dims(3 + lead.size(), b.getAffineConstantExpr(0));
  dims[rowDim] = b.getAffineDimExpr(unsigned(rank - 1));
  for (unsigned i = 0; i < lead.size(); ++i)
    dims[3 + i] = b.getAffineDimExpr(i);
  SmallVector<Value> inputs = {sums};
  AffineMap whole = b.getMultiDimIdentityMap(unsigned(rank));
  SmallVector<AffineMap> maps = {whole};
  for (const Product *product : {&ofX, &ofWeight})
    for (const Read &read : product->reads) {
      SmallVector<AffineExpr> index;
      for (AffineExpr expr : read.index)
        index.push_back(expr.replaceDims(dims));
      inputs.push_back(read.tensor);
      maps.push_back(AffineMap::get(unsigned(rank), 0, index, b.getContext()));
    }
  bool hasBias = bias.has_value();
  if (hasBias) {
    inputs.push_back(bias->tensor);
    maps.push_back(whole.getMinorSubMap(1));
  }
  maps.push_back(whole);
  Type element = b.getF32Type();
  Value empty = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), sums), element);
  SmallVector<utils::IteratorType> kinds(rank, utils::IteratorType::parallel);
  double factor = ofX.coefficient * ofWeight.coefficient;
  Value y =
      linalg::GenericOp::create(
          b, empty.getType(), inputs, empty, maps, kinds,
          [&](OpBuilder &builder, Location loc, ValueRange values) {
            Value real =
                arith::SIToFPOp::create(builder, loc, element, values.front());
            auto asF32 = [&](Value value) -> Value {
              unsigned width = value.getType().getIntOrFloatBitWidth();
              constexpr unsigned sumBits = 32;
              if (width < sumBits)
                return arith::ExtFOp::create(builder, loc, element, value);
              if (width > sumBits)
                return arith::TruncFOp::create(builder, loc, element, value);
              return value;
            };
            auto multiply = [&](Value by) {
              real = arith::MulFOp::create(builder, loc, real, by);
            };
            values = values.drop_back();
            for (Value by : values.drop_front().drop_back(hasBias))
              multiply(asF32(by));
            if (factor != 1)
              multiply(arith::ConstantOp::create(
                  builder, loc, builder.getF32FloatAttr(float(factor))));
            if (hasBias)
              real = arith::AddFOp::create(builder, loc, real,
                                           asF32(values.back()));
            linalg::YieldOp::create(builder, loc, real);
          })
          .getResult(0);
  y = convertElements(b, b.getLoc(), y, typeOf(last).getElementType());
  SmallVector<int64_t> parts;
  for (unsigned loop : rows)
    parts.push_back(sizes[loop]);
  finish(b, expandLast(b, b.getLoc(), y, parts),
         isZeroTensor(init) ? Value() : init);
}

void WeightContraction::forgetEpilogue() {
  last = op->getResult(0);
  bias.reset();
}
