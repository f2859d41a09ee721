//===- ContractionRow.cpp - A single row of a contraction -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row of a times b waits for b, which is read once, as it lies: where columns
// are side by side, some rows of b are added to the sums together; where k is,
// some columns are multiplied with the row side by side.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/linalg/ContractionBuilder.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

/// c[n] += sum over `count` neighbours from `k` on, for vectors of n and for
/// what is left of them.
static void addRows(ContractionBuilder &c, Value nBegin, Value nEnd, Value k,
                    int64_t count, Value sums) {
  LoopBuilder &b = c.b;
  const Contraction &shape = c.contraction;
  int64_t lanes = c.plan.lanes;
  SmallVector<Value> factors, spread;
  for (int64_t i = 0; i < count; ++i) {
    c.set(shape.k, b.add(k, i));
    factors.push_back(c.toSum(shape.a, c.load(shape.a)));
    spread.push_back(vector::BroadcastOp::create(
        b, VectorType::get(lanes, c.plan.sum), factors.back()));
  }
  auto addTo = [&](Value n, bool isVector) {
    c.set(shape.n, n);
    SmallVector<Value> at = {b.sub(n, nBegin)};
    Value memref = sums;
    if (!sums) {
      memref = shape.c.memref;
      at = c.at(shape.c);
    }
    Value sum = isVector ? b.loadVector(memref, at, lanes)
                         : memref::LoadOp::create(b, memref, at).getResult();
    for (int64_t i = 0; i < count; ++i) {
      c.set(shape.k, b.add(k, i));
      Value elements =
          isVector ? c.loadVector(shape.b, lanes) : c.load(shape.b);
      sum = c.multiplyAdd(isVector ? spread[i] : factors[i],
                          c.toSum(shape.b, elements), sum);
    }
    if (isVector)
      b.storeVector(sum, memref, at);
    else
      memref::StoreOp::create(b, sum, memref, at);
  };
  Value length = b.sub(nEnd, nBegin);
  Value whole = b.add(nBegin, b.mul(b.div(length, lanes), lanes));
  b.loop(nBegin, whole, lanes, [&](Value n) { addTo(n, true); });
  if (!c.isMultiple(shape.n, lanes))
    b.loop(whole, nEnd, 1, [&](Value n) { addTo(n, false); });
}

static void emitAlongN(ContractionBuilder &c, Value nBegin, Value nEnd) {
  constexpr int64_t together = 8;
  LoopBuilder &b = c.b;
  const Contraction &shape = c.contraction;
  Value sums;
  auto copyEach = [&](llvm::function_ref<void(ArrayRef<Value>)> body) {
    b.loop(nBegin, nEnd, 1, [&](Value n) {
      c.set(shape.n, n);
      body({b.sub(n, nBegin)});
    });
  };
  if (c.plan.hasOwnSums) {
    sums = memref::AllocOp::create(
        b, MemRefType::get({c.plan.rowColumns}, c.plan.sum), ValueRange(),
        ValueRange(), b.getI64IntegerAttr(64));
    copyEach([&](ArrayRef<Value> at) {
      memref::StoreOp::create(b, c.sumOf(c.load(shape.c)), sums, at);
    });
  }
  c.eachOuterK([&] {
    Value k = c.size(shape.k);
    Value whole = b.mul(b.div(k, together), together);
    b.loop(b.index(0), whole, together, [&](Value first) {
      addRows(c, nBegin, nEnd, first, together, sums);
    });
    if (!c.isMultiple(shape.k, together))
      b.loop(whole, k, 1,
             [&](Value first) { addRows(c, nBegin, nEnd, first, 1, sums); });
  });
  if (!sums)
    return;
  copyEach([&](ArrayRef<Value> at) {
    memref::StoreOp::create(b, c.elementOf(memref::LoadOp::create(b, sums, at)),
                            shape.c.memref, c.at(shape.c));
  });
  memref::DeallocOp::create(b, sums);
}

/// Adds the products of the row with `columns` columns from `first` on to c.
/// `row` is the row of a, as sums are; null where it is read as it lies.
static void addDots(ContractionBuilder &c, Value first, int64_t columns,
                    Value row) {
  LoopBuilder &b = c.b;
  const Contraction &shape = c.contraction;
  int64_t lanes = c.plan.lanes;
  bool isFloat = isa<FloatType>(c.plan.sum);
  auto multiply = [&](Value k, bool isVector, ValueRange carried) {
    c.set(shape.k, k);
    Value x;
    if (row)
      x = isVector ? b.loadVector(row, k, lanes)
                   : memref::LoadOp::create(b, row, k).getResult();
    else
      x = c.toSum(shape.a,
                  isVector ? c.loadVector(shape.a, lanes) : c.load(shape.a));
    SmallVector<Value> next;
    for (int64_t i = 0; i < columns; ++i) {
      c.set(shape.n, b.add(first, i));
      Value elements =
          isVector ? c.loadVector(shape.b, lanes) : c.load(shape.b);
      next.push_back(c.multiplyAdd(x, c.toSum(shape.b, elements), carried[i]));
    }
    return next;
  };
  Value k = c.size(shape.k);
  Value whole = b.mul(b.div(k, lanes), lanes);
  SmallVector<Value> zeros(columns, c.zero(VectorType::get(lanes, c.plan.sum)));
  SmallVector<Value> sums = b.loop(b.index(0), whole, lanes, zeros,
                                   [&](Value at, ValueRange carried) {
                                     return multiply(at, true, carried);
                                   });
  for (Value &sum : sums)
    sum = vector::ReductionOp::create(b, vector::CombiningKind::ADD, sum,
                                      isFloat ? arith::FastMathFlags::reassoc
                                              : arith::FastMathFlags::none);
  if (!c.isMultiple(shape.k, lanes))
    sums = b.loop(whole, k, 1, sums, [&](Value at, ValueRange carried) {
      return multiply(at, false, carried);
    });
  for (auto [i, sum] : llvm::enumerate(sums)) {
    c.set(shape.n, b.add(first, i));
    Value before = c.sumOf(c.load(shape.c));
    memref::StoreOp::create(b, c.elementOf(c.add(before, sum)), shape.c.memref,
                            c.at(shape.c));
  }
}

static void emitAlongK(ContractionBuilder &c, Value nBegin, Value nEnd) {
  LoopBuilder &b = c.b;
  const Contraction &shape = c.contraction;
  int64_t n = shape.size(shape.n);
  int64_t together = 4;
  if (!ShapedType::isDynamic(n))
    together = std::clamp<int64_t>(n, 1, together);
  // Read again and again: side by side, and converted once.
  Value k = c.size(shape.k), row;
  bool isPlain = shape.a.isContiguousAlong(shape.k) &&
                 shape.a.result == shape.a.element &&
                 shape.a.elementType() == c.plan.sum;
  if (!isPlain)
    row = memref::AllocOp::create(
        b, MemRefType::get({ShapedType::kDynamic}, c.plan.sum), ValueRange{k},
        ValueRange(), b.getI64IntegerAttr(64));
  c.eachOuterK([&] {
    if (row)
      b.loop(b.index(0), k, 1, [&](Value at) {
        c.set(shape.k, at);
        memref::StoreOp::create(b, c.toSum(shape.a, c.load(shape.a)), row, at);
      });
    Value length = b.sub(nEnd, nBegin);
    Value whole = b.add(nBegin, b.mul(b.div(length, together), together));
    b.loop(nBegin, whole, together,
           [&](Value first) { addDots(c, first, together, row); });
    if (together > 1 && !c.isMultiple(shape.n, together))
      b.loop(whole, nEnd, 1, [&](Value first) { addDots(c, first, 1, row); });
  });
  if (row)
    memref::DeallocOp::create(b, row);
}

void rlx::emitContractionRow(ContractionBuilder &c, Value nBegin, Value nEnd) {
  if (c.contraction.b.isContiguousAlong(c.contraction.n))
    return emitAlongN(c, nBegin, nEnd);
  emitAlongK(c, nBegin, nEnd);
}
