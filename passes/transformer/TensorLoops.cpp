//===- TensorLoops.cpp - linalg.generic in few words ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/transformer/TensorLoops.h"

using namespace mlir;
using namespace rlx;

SmallVector<int64_t> rlx::firstLoops(int64_t count) {
  return llvm::to_vector(llvm::seq<int64_t>(0, count));
}

Value ScalarBuilder::toF32(Value value) {
  if (value.getType().isF32())
    return value;
  return arith::ExtFOp::create(*this, getF32Type(), value);
}

Value ScalarBuilder::fromF32(Value value, Type element) {
  if (element.isF32())
    return value;
  return arith::TruncFOp::create(*this, element, value);
}

Value TensorLoops::filled(ArrayRef<OpFoldResult> sizes, double value) {
  return linalg::FillOp::create(*this, number(value),
                                empty(sizes, getF32Type()))
      .getResult(0);
}

Value TensorLoops::castTo(Value value, Type type) {
  if (value.getType() == type)
    return value;
  return tensor::CastOp::create(*this, type, value);
}

Value TensorLoops::slice(Value tensor, ArrayRef<OpFoldResult> offsets,
                         ArrayRef<OpFoldResult> sizes, ArrayRef<int64_t> kept) {
  SmallVector<OpFoldResult> steps(sizes.size(), getIndexAttr(1));
  if (kept.empty())
    return tensor::ExtractSliceOp::create(*this, tensor, offsets, sizes, steps);
  SmallVector<int64_t> shape;
  for (auto [size, isKept] : llvm::zip_equal(sizes, kept))
    if (isKept)
      shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  auto type = RankedTensorType::get(
      shape, cast<RankedTensorType>(tensor.getType()).getElementType());
  return tensor::ExtractSliceOp::create(*this, type, tensor, offsets, sizes,
                                        steps);
}

Value TensorLoops::insert(Value part, Value whole,
                          ArrayRef<OpFoldResult> offsets,
                          ArrayRef<OpFoldResult> sizes) {
  SmallVector<OpFoldResult> steps(sizes.size(), getIndexAttr(1));
  return tensor::InsertSliceOp::create(*this, part, whole, offsets, sizes,
                                       steps);
}

SmallVector<Value> TensorLoops::loops(ArrayRef<LoopOperand> inputs,
                                      ArrayRef<LoopOperand> inits,
                                      int64_t loops, int64_t reductions,
                                      Body body) {
  SmallVector<AffineMap> maps;
  SmallVector<Value> from, to;
  for (const LoopOperand &operand :
       llvm::concat<const LoopOperand>(inputs, inits)) {
    SmallVector<AffineExpr> dims;
    for (int64_t loop : operand.loops)
      dims.push_back(getAffineDimExpr(loop));
    maps.push_back(AffineMap::get(loops, 0, dims, getContext()));
  }
  for (const LoopOperand &operand : inputs)
    from.push_back(operand.tensor);
  for (const LoopOperand &operand : inits)
    to.push_back(operand.tensor);
  SmallVector<utils::IteratorType> types(loops, utils::IteratorType::parallel);
  for (int64_t i = loops - reductions; i < loops; ++i)
    types[i] = utils::IteratorType::reduction;
  auto generic = linalg::GenericOp::create(
      *this, TypeRange(ValueRange(to)), from, to, maps, types,
      [&](OpBuilder &inner, Location loc, ValueRange values) {
        ScalarBuilder scalars(loc, inner);
        linalg::YieldOp::create(inner, loc, body(scalars, values));
      });
  return llvm::to_vector_of<Value>(generic.getResults());
}

Value TensorLoops::loops(ArrayRef<LoopOperand> inputs, LoopOperand init,
                         int64_t loops, int64_t reductions, BodyOfOne body) {
  return this
      ->loops(inputs, ArrayRef(init), loops, reductions,
              [&](ScalarBuilder &b, ValueRange values) {
                return SmallVector<Value>{body(b, values)};
              })
      .front();
}
