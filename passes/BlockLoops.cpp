//===- BlockLoops.cpp - What loops of all block operations share ----------===//

#include "passes/BlockLoops.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

RowSteps::RowSteps(const QuantScheme &scheme, int64_t vectorLength)
    : block(scheme.block()), tailRun(std::gcd(block, vectorLength)) {
  // Blocks smaller than a vector are decoded several at once.
  bool several = block < vectorLength && vectorLength % block == 0;
  run = several ? vectorLength : tailRun;
  step = several ? vectorLength : block;
}

//===----------------------------------------------------------------------===//
// LoopBuilder
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

Value StoredOperands::decode(LoopBuilder &b, ValueRange row, Value block,
                             int64_t first, int64_t lanes) const {
  SmallVector<Value> indices(row);
  indices.push_back(block);
  return DecodeOp::create(b, VectorType::get(lanes, b.getF32Type()), weight,
                          indices, scales, zeroPoints, globalScale, first,
                          scheme);
}

void rlx::emitRowLoop(LoopBuilder &b, Value memref,
                      llvm::function_ref<void(ValueRange)> body) {
  SmallVector<Value> sizes;
  Value rows = b.index(1);
  for (int64_t i = 0; i < cast<MemRefType>(memref.getType()).getRank() - 1;
       ++i) {
    sizes.push_back(b.size(memref, i));
    rows = arith::MulIOp::create(b, rows, sizes.back());
  }
  b.parallelLoop(rows, [&](Value row) {
    if (sizes.size() == 1)
      return body(row);
    body(affine::AffineDelinearizeIndexOp::create(b, row, sizes,
                                                  /*hasOuterBound=*/true)
             .getResults());
  });
}

/// Calls `body` with the indices of every element of `memref`.
static void forEachElement(LoopBuilder &b, Value memref,
                           SmallVectorImpl<Value> &indices,
                           llvm::function_ref<void(ValueRange)> body) {
  if (int64_t(indices.size()) == cast<MemRefType>(memref.getType()).getRank())
    return body(indices);
  b.loop(b.index(0), b.size(memref, indices.size()), 1, [&](Value i) {
    indices.push_back(i);
    forEachElement(b, memref, indices, body);
    indices.pop_back();
  });
}

/// Whether the i32 `id` is in `0 <= id < bound`; negative ones are large
/// unsigned.
static Value isInRange(LoopBuilder &b, Value id, Value bound) {
  Value limit = arith::IndexCastOp::create(b, b.getI32Type(), bound);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, id, limit);
}

void rlx::emitIndexCheck(LoopBuilder &b, Value ids, Value bound,
                         StringRef what) {
  SmallVector<Value> indices;
  forEachElement(b, ids, indices, [&](ValueRange at) {
    Value id = memref::LoadOp::create(b, ids, at);
    b.branch(
        isInRange(b, id, bound), [] {},
        [&] {
          // The position counts all ids, row-major.
          Value position = b.index(0);
          for (auto [dimension, i] : llvm::enumerate(at))
            position = b.add(
                arith::MulIOp::create(b, position, b.size(ids, dimension)), i);
          Value value = arith::IndexCastOp::create(b, b.getIndexType(), id);
          ReportIndexOp::create(b, what, position, value, bound);
        });
  });
}

Value rlx::emitSafeIndex(LoopBuilder &b, Value ids, ValueRange indices,
                         Value bound) {
  Value id = memref::LoadOp::create(b, ids, indices);
  Value index = arith::IndexCastOp::create(b, b.getIndexType(), id);
  return arith::SelectOp::create(b, isInRange(b, id, bound), index, b.index(0));
}
