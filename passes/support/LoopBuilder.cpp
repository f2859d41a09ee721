//===- LoopBuilder.cpp - Small words for building loops -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/support/LoopBuilder.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

Value LoopBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, getLoc(), value);
}
Value LoopBuilder::add(Value a, Value b) {
  return arith::AddIOp::create(*this, a, b);
}
Value LoopBuilder::add(Value a, int64_t b) { return b ? add(a, index(b)) : a; }
Value LoopBuilder::sub(Value a, Value b) {
  return arith::SubIOp::create(*this, a, b);
}
Value LoopBuilder::mul(Value a, int64_t b) {
  return arith::MulIOp::create(*this, a, index(b));
}
Value LoopBuilder::div(Value a, int64_t b) {
  return arith::DivUIOp::create(*this, a, index(b));
}
Value LoopBuilder::min(Value a, Value b) {
  return arith::MinUIOp::create(*this, a, b);
}

Value LoopBuilder::partEnd(Value begin, int64_t part, int64_t total) {
  Value end = add(begin, part);
  return total % part == 0 ? end : min(end, index(total));
}

Value LoopBuilder::roundUp(Value value, int64_t multiple) {
  if (multiple == 1)
    return value;
  return mul(div(add(value, multiple - 1), multiple), multiple);
}

Value LoopBuilder::zeros(int64_t lanes) {
  auto type = VectorType::get(lanes, getF32Type());
  return arith::ConstantOp::create(*this, getZeroAttr(type));
}

Value LoopBuilder::size(Value memref, int64_t dimension) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dimension))
    return index(type.getDimSize(dimension));
  return memref::DimOp::create(*this, memref, dimension);
}

Value LoopBuilder::loadVector(Value memref, ValueRange indices, int64_t lanes) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  return vector::LoadOp::create(*this, VectorType::get(lanes, element), memref,
                                indices);
}

Value LoopBuilder::streamVector(Value memref, ValueRange indices,
                                int64_t lanes) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  return vector::LoadOp::create(*this, VectorType::get(lanes, element), memref,
                                indices, /*nontemporal=*/true);
}

void LoopBuilder::storeVector(Value vector, Value memref, ValueRange indices) {
  vector::StoreOp::create(*this, vector, memref, indices);
}

void LoopBuilder::loop(Value begin, Value end, int64_t step,
                       llvm::function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(*this, begin, end, index(step));
  InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

SmallVector<Value> LoopBuilder::loop(
    Value begin, Value end, int64_t step, ValueRange initial,
    llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(*this, begin, end, index(step), initial);
  {
    InsertionGuard guard(*this);
    setInsertionPointToStart(loop.getBody());
    scf::YieldOp::create(
        *this, body(loop.getInductionVar(), loop.getRegionIterArgs()));
  }
  return SmallVector<Value>(loop.getResults());
}

void LoopBuilder::parallelLoop(Value count,
                               llvm::function_ref<void(Value)> body) {
  SmallVector<OpFoldResult> bounds = {getAsOpFoldResult(count)};
  auto loop = scf::ForallOp::create(*this, bounds, ValueRange(), std::nullopt);
  InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar(0));
}

void LoopBuilder::branch(Value condition, llvm::function_ref<void()> body,
                         llvm::function_ref<void()> otherwise) {
  auto choice = scf::IfOp::create(*this, condition, /*withElseRegion=*/true);
  InsertionGuard guard(*this);
  setInsertionPointToStart(choice.thenBlock());
  body();
  setInsertionPointToStart(choice.elseBlock());
  otherwise();
}
