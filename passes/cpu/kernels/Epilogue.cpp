//===- Epilogue.cpp - What a matmul does with its sums --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/kernels/Epilogue.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace rlx;

/// `element`, or a vector of it with as many lanes as `sums` has.
static Type like(Type sums, Type element) {
  auto vector = dyn_cast<VectorType>(sums);
  return vector ? VectorType::get(vector.getShape(), element) : element;
}

/// Elements of an input that belong to the sums.
Value Epilogue::read(LoopBuilder &b, size_t input, Type sums, ValueRange row,
                     Value column, Value mask) const {
  Value memref = inputs[input];
  AffineMap map = cast<AffineMapAttr>(maps[input]).getValue();
  SmallVector<Value> indices;
  bool hasColumn = false;
  for (AffineExpr expr : map.getResults()) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
      indices.push_back(b.index(constant.getValue()));
      continue;
    }
    size_t dim = cast<AffineDimExpr>(expr).getPosition();
    hasColumn |= dim == row.size();
    indices.push_back(dim == row.size() ? column : row[dim]);
  }
  auto vector = dyn_cast<VectorType>(sums);
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  if (!vector)
    return memref::LoadOp::create(b, memref, indices);
  VectorType type = VectorType::get(vector.getShape(), element);
  if (!hasColumn)
    return vector::BroadcastOp::create(
        b, type, memref::LoadOp::create(b, memref, indices));
  if (!mask)
    return b.loadVector(memref, indices, type.getNumElements());
  Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, type, memref, indices, mask, zeros);
}

Value Epilogue::apply(LoopBuilder &b, Value sums, ValueRange row, Value column,
                      Value mask) const {
  if (region.empty())
    return sums;
  Block &block = region.front();
  IRMapping values;
  values.map(block.getArgument(0), sums);
  for (size_t i = 0; i < inputs.size(); ++i)
    values.map(block.getArgument(1 + i),
               read(b, i, sums.getType(), row, column, mask));
  auto operand = [&](Value value) {
    if (Value known = values.lookupOrNull(value))
      return known;
    // From outside of the epilogue: the same number for all lanes.
    Value spread = value;
    if (Type type = like(sums.getType(), value.getType());
        type != value.getType())
      spread = vector::BroadcastOp::create(b, type, value);
    values.map(value, spread);
    return spread;
  };
  for (Operation &op : block.without_terminator()) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      TypedAttr number = constant.getValue();
      if (auto type =
              dyn_cast<VectorType>(like(sums.getType(), constant.getType())))
        number = DenseElementsAttr::get(type, Attribute(number));
      values.map(constant.getResult(), arith::ConstantOp::create(b, number));
      continue;
    }
    SmallVector<Value> operands =
        llvm::map_to_vector(op.getOperands(), operand);
    Type type = like(sums.getType(), op.getResult(0).getType());
    OperationState state(op.getLoc(), op.getName(), operands, type,
                         op.getDiscardableAttrDictionary().getValue());
    state.propertiesAttr = op.getPropertiesAsAttribute();
    values.map(op.getResult(0), b.create(state)->getResult(0));
  }
  return operand(cast<YieldOp>(block.getTerminator()).getValue());
}
