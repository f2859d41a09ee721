//===- LargestNumbers.cpp - The largest numbers of rows as linalg ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One after the other: each is the largest of those that come behind the one
// before it, by number and then by place. Nothing is moved, so that devices can
// do it as well.
//
//===----------------------------------------------------------------------===//

#include "passes/transformer/Decompositions.h"
#include "passes/transformer/TensorLoops.h"

#include <limits>

using namespace mlir;
using namespace rlx;

/// x > y, or x == y and `place` < `other`.
static Value isBefore(ScalarBuilder &b, Value x, Value place, Value y,
                      Value other) {
  Value isLarger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, y);
  Value isSame = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x, y);
  Value isEarlier =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, place, other);
  return arith::OrIOp::create(b, isLarger,
                              arith::AndIOp::create(b, isSame, isEarlier));
}

SmallVector<Value> rlx::decompose(OpBuilder &builder, TopkOp op) {
  TensorLoops b(op.getLoc(), builder);
  auto type = cast<RankedTensorType>(op.getValues().getType());
  int64_t rank = type.getRank(), k = type.getShape().back();
  SmallVector<int64_t> all = firstLoops(rank), rows = firstLoops(rank - 1);
  SmallVector<OpFoldResult> sizes = b.sizes(op.getX());
  SmallVector<OpFoldResult> rowSizes =
      llvm::to_vector(ArrayRef(sizes).drop_back());
  constexpr double infinity = std::numeric_limits<double>::infinity();
  auto filledIds = [&](int32_t value) -> Value {
    Value number = arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
    return linalg::FillOp::create(b, number, b.empty(rowSizes, b.getI32Type()))
        .getResult(0);
  };
  constexpr int32_t behindAll = std::numeric_limits<int32_t>::max();

  sizes.back() = b.getIndexAttr(k);
  Value values = b.empty(sizes, b.getF32Type()),
        ids = b.empty(sizes, b.getI32Type());
  sizes.back() = b.getIndexAttr(1);
  Value lastValue = b.filled(rowSizes, infinity), lastId = filledIds(-1);
  for (int64_t j = 0; j < k; ++j) {
    SmallVector<Value> found = b.loops(
        {{op.getX(), all}, {lastValue, rows}, {lastId, rows}},
        {{b.filled(rowSizes, -infinity), rows}, {filledIds(behindAll), rows}},
        rank, 1, [&](ScalarBuilder &inner, ValueRange in) {
          Value isNan = arith::CmpFOp::create(inner, arith::CmpFPredicate::UNO,
                                              in[0], in[0]);
          Value x = arith::SelectOp::create(inner, isNan,
                                            inner.number(-infinity), in[0]);
          Value place = arith::IndexCastOp::create(inner, inner.getI32Type(),
                                                   inner.loop(rank - 1));
          Value isLeft = isBefore(inner, in[1], in[2], x, place);
          Value isBetter = isBefore(inner, x, place, in[3], in[4]);
          Value isTaken = arith::AndIOp::create(inner, isLeft, isBetter);
          return SmallVector<Value>{
              arith::SelectOp::create(inner, isTaken, x, in[3]),
              arith::SelectOp::create(inner, isTaken, place, in[4])};
        });
    lastValue = found[0], lastId = found[1];
    SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0));
    offsets.back() = b.getIndexAttr(j);
    values = b.insert(lastValue, values, offsets, sizes);
    ids = b.insert(lastId, ids, offsets, sizes);
  }
  return {b.castTo(values, op.getValues().getType()),
          b.castTo(ids, op.getIds().getType())};
}
