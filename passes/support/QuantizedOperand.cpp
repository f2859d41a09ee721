//===- QuantizedOperand.cpp - The weight of an operation ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/support/QuantizedOperand.h"

using namespace mlir;
using namespace rlx;

Value &SideValues::named(StringRef name) {
  return name == "scales"        ? scales
         : name == "zero_points" ? zeroPoints
                                 : globalScale;
}

SmallVector<Value, 3> SideValues::given() const {
  SmallVector<Value, 3> values;
  for (Value value : {scales, zeroPoints, globalScale})
    if (value)
      values.push_back(value);
  return values;
}

OpOperand *rlx::quantizedOperand(Operation *op) {
  auto weighted = dyn_cast<QuantizedWeightOpInterface>(op);
  return weighted ? &weighted.getQuantizedWeightMutable() : nullptr;
}

SideValues rlx::sidesOf(Operation *op) {
  return SideValues::of(cast<QuantizedWeightOpInterface>(op));
}

void rlx::setSides(Operation *op, const SideValues &sides) {
  auto set = [](MutableOperandRange operand, Value value) {
    value ? operand.assign(value) : operand.clear();
  };
  auto weighted = cast<QuantizedWeightOpInterface>(op);
  set(weighted.getScalesMutable(), sides.scales);
  set(weighted.getZeroPointsMutable(), sides.zeroPoints);
  set(weighted.getGlobalScaleMutable(), sides.globalScale);
}

Value rlx::convertElements(OpBuilder &builder, Location loc, Value value,
                           Type element) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getElementType() == element)
    return value;
  Type converted = type.clone(element);
  if (type.getElementTypeBitWidth() < element.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(builder, loc, converted, value);
  return arith::TruncFOp::create(builder, loc, converted, value);
}

bool rlx::isNormalMatmul(Operation *op) {
  auto isF32 = [](Value value) {
    return !value || getElementTypeOrSelf(value.getType()).isF32();
  };
  auto areF32 = [&](auto matmul) {
    return isF32(matmul.getX()) && isF32(matmul.getBias()) &&
           isF32(matmul.getResult());
  };
  if (auto matmul = dyn_cast<MatmulOp>(op))
    return areF32(matmul) &&
           cast<RankedTensorType>(matmul.getX().getType()).getRank() == 2;
  if (auto gather = dyn_cast<GatherMatmulOp>(op))
    return areF32(gather);
  return !isa<DequantizeOp, EmbeddingOp>(op) || isF32(op->getResult(0));
}
