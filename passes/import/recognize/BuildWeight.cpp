//===- BuildWeight.cpp - The tensors of a quantized weight ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What WeightForm.cpp has found, as values: the view of the codes, and the
// tensors beside it.
//
//===----------------------------------------------------------------------===//

#include "passes/import/recognize/WeightForm.h"

#include "ir/ViewOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace rlx;

static constexpr int64_t bitsOfByte = 8;

static RankedTensorType storedType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// All dimensions as one.
static Value flatten(OpBuilder &builder, Location loc, Value value) {
  RankedTensorType type = storedType(value);
  if (type.getRank() == 1)
    return value;
  RankedTensorType flat =
      RankedTensorType::get({type.getNumElements()}, type.getElementType());
  if (type.getRank() == 0)
    return tensor::ExpandShapeOp::create(builder, loc, flat, value,
                                         ArrayRef<ReassociationIndices>());
  ReassociationIndices all =
      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  return tensor::CollapseShapeOp::create(builder, loc, flat, value,
                                         ArrayRef<ReassociationIndices>{all});
}

/// A constant of parts of bytes as the bytes of rows.
static Value bytesOf(OpBuilder &builder, Location loc, DenseElementsAttr values,
                     ArrayRef<int64_t> permutation, ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(values.getType());
  unsigned width = type.getElementTypeBitWidth();
  SmallVector<APInt> numbers;
  if (isa<FloatType>(type.getElementType()))
    for (const APFloat &value : values.getValues<APFloat>())
      numbers.push_back(value.bitcastToAPInt());
  else
    llvm::append_range(numbers, values.getValues<APInt>());
  SmallVector<int64_t> strides(type.getRank(), 1);
  for (int64_t axis = type.getRank() - 1; axis > 0; --axis)
    strides[axis - 1] = strides[axis] * type.getDimSize(axis);
  int64_t count = type.getNumElements();
  std::vector<uint8_t> bytes(count * width / bitsOfByte);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, from = 0;
    for (int64_t axis : llvm::reverse(permutation)) {
      from += rest % type.getDimSize(axis) * strides[axis];
      rest /= type.getDimSize(axis);
    }
    bytes[i * width / bitsOfByte] |= uint8_t(numbers[from].getZExtValue())
                                     << (i * width % bitsOfByte);
  }
  auto stored = RankedTensorType::get(shape, builder.getI8Type());
  return arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::getFromRawBuffer(
          stored, ArrayRef(reinterpret_cast<const char *>(bytes.data()),
                           bytes.size())));
}

Value WeightForm::buildCodes(OpBuilder &builder, Location loc) const {
  if (isRepacked)
    return buildRepackedCodes(builder, loc);
  Value codes = form.code->tensor;
  SmallVector<int64_t> stored = shape.shape();
  stored.back() = rowBytes;
  RankedTensorType type = storedType(codes);
  DenseElementsAttr values;
  if (!type.getElementType().isInteger(bitsOfByte) &&
      matchPattern(codes, m_Constant(&values)))
    return bytesOf(builder, loc, values, permutation, stored);
  if (!llvm::is_sorted(permutation)) {
    SmallVector<int64_t> sizes;
    for (int64_t axis : permutation)
      sizes.push_back(type.getDimSize(axis));
    Value empty =
        tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
    codes = linalg::TransposeOp::create(builder, loc, codes, empty, permutation)
                .getResult()[0];
  }
  type = storedType(codes);
  if (type.getShape() == ArrayRef(stored))
    return codes;
  auto stores = RankedTensorType::get(stored, type.getElementType());
  if (std::optional<SmallVector<ReassociationIndices>> groups =
          getReassociationIndicesForReshape(type, stores);
      groups && type.getRank() > stores.getRank())
    return tensor::CollapseShapeOp::create(builder, loc, stores, codes,
                                           *groups);
  codes = flatten(builder, loc, codes);
  ReassociationIndices all =
      llvm::to_vector(llvm::seq<int64_t>(0, stored.size()));
  return tensor::ExpandShapeOp::create(builder, loc, stores, codes,
                                       ArrayRef<ReassociationIndices>{all});
}

/// `value`, a tensor, as elements of `type`, of which integers have no sign.
static Value convertSide(OpBuilder &builder, Location loc, Value value,
                         const Read &read, Type type) {
  RankedTensorType from = storedType(value);
  if (from.getElementType() == type || isa<IntegerType>(type))
    return value;
  Type to = from.clone(type);
  if (auto integer = dyn_cast<IntegerType>(read.type)) {
    if (integer.isUnsigned())
      return arith::UIToFPOp::create(builder, loc, to, value);
    return arith::SIToFPOp::create(builder, loc, to, value);
  }
  return convertElements(builder, loc, value, type);
}

Value WeightForm::buildSide(const Side &side, OpBuilder &builder,
                            Location loc) const {
  if (side.number) {
    auto type = RankedTensorType::get({1}, builder.getF32Type());
    return arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(type, float(*side.number)));
  }
  if (side.unpackedGroup)
    return buildUnpackedSide(side, builder, loc);
  Value value =
      convertSide(builder, loc, side.read.tensor, side.read, side.type);
  RankedTensorType type = storedType(value);
  if (side.kept.empty())
    return flatten(builder, loc, value);
  if (int64_t(side.kept.size()) == type.getRank())
    return value;
  // Dimensions of 1 go with the one before them, the first ones with the next.
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> sizes;
  ReassociationIndices group;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    bool isKept = llvm::is_contained(side.kept, axis);
    if (isKept && !sizes.empty()) {
      groups.push_back(group);
      group.clear();
    }
    if (isKept)
      sizes.push_back(type.getDimSize(axis));
    group.push_back(axis);
  }
  groups.push_back(group);
  return tensor::CollapseShapeOp::create(
      builder, loc, RankedTensorType::get(sizes, type.getElementType()), value,
      groups);
}

QuantizedWeight WeightForm::build(OpBuilder &builder, Location loc) const {
  QuantizedWeight result;
  for (const Side &side : sides)
    result.sides.named(side.name) = buildSide(side, builder, loc);
  auto type =
      RankedTensorType::get(shape.shape(), builder.getF32Type(),
                            QuantAttr::get(builder.getContext(), scheme));
  result.weight =
      EncodedViewOp::create(builder, loc, type, buildCodes(builder, loc));
  return result;
}
