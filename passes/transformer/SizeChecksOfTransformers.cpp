//===- SizeChecksOfTransformers.cpp - Positions, lengths, sizes -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/checks/SizeChecks.h"

using namespace mlir;
using namespace rlx;

/// The last size of `x` is that of each of `rows` that is there.
void SizeChecks::columns(Value x, ValueRange rows) {
  int64_t last = tensorOf(x).getRank() - 1;
  for (Value row : rows)
    if (row)
      alike(row, 0, x, last);
}

void SizeChecks::insert(RmsNormOp norm) {
  columns(norm.getX(), norm.getWeight());
  resultSizes(norm.getResult(), sizesOf(norm.getX()));
}

void SizeChecks::insert(LayerNormOp norm) {
  columns(norm.getX(), {norm.getWeight(), norm.getBias()});
  resultSizes(norm.getResult(), sizesOf(norm.getX()));
}

void SizeChecks::insert(RopeTableOp table) {
  isAbove(table.getPosition(), -1,
          "expected a position of at least 0, but got {}");
  isAbove(table.getCount(), -1, "expected a count of at least 0, but got {}");
  if (table.getFactors())
    equal(size(table.getFactors(), 0), b.getIndexAttr(table.getDims() / 2),
          "expected {} factors, but got {}");
  RankedTensorType type = tensorOf(table.getResult());
  resultSizes(table.getResult(),
              {b.getIndexAttr(2), getAsOpFoldResult(table.getCount()),
               b.getIndexAttr(type.getDimSize(2))});
}

void SizeChecks::insert(RopeOp rope) {
  equal(size(rope.getTable(), 0), b.getIndexAttr(2),
        "expected dimension 0 of operand 1 to be {}, but got {}");
  alike(rope.getTable(), 1, rope.getX(), 0);
}

void SizeChecks::insert(AppendOp append) {
  for (int64_t i = 1; i < tensorOf(append.getCache()).getRank(); ++i)
    alike(append.getRows(), i, append.getCache(), i);
  Value position = append.getPosition(),
        count = toValue(size(append.getRows(), 0)),
        capacity = toValue(size(append.getCache(), 0));
  // A position below 0 is a large unsigned one.
  Value isInside = compare(arith::CmpIPredicate::ule, position, capacity);
  Value rest = arith::SubIOp::create(b, capacity, position);
  Value fits = arith::AndIOp::create(
      b, isInside, compare(arith::CmpIPredicate::ule, count, rest));
  require(
      fits,
      "expected {} rows to fit a cache of {} positions from position {} on; "
      "nothing was appended",
      {count, capacity, position});
}

void SizeChecks::insert(AttentionOp attention) {
  Value q = attention.getQ(), k = attention.getK(), v = attention.getV();
  alike(v, 0, k, 0);
  if (attention.getSinks())
    equal(size(attention.getSinks(), 0),
          b.getIndexAttr(tensorOf(q).getDimSize(1)),
          "expected {} sinks, but got {}");
  Value capacity = toValue(size(k, 0)), length = attention.getLength();
  if (length)
    require(compare(arith::CmpIPredicate::ule, length, capacity),
            "expected a length of 0 to {}, but got {}", {capacity, length});
  if (attention.getCausal()) {
    Value rows = toValue(size(q, 0)), most = length ? length : capacity;
    require(compare(arith::CmpIPredicate::ule, rows, most),
            "expected at most {} rows, the length, but got {}", {most, rows});
  }
  resultSizes(
      attention.getResult(),
      {size(q, 0), size(q, 1), b.getIndexAttr(tensorOf(v).getDimSize(2))});
}

void SizeChecks::insert(TopkOp topk) {
  int64_t k = tensorOf(topk.getValues()).getShape().back();
  SmallVector<OpFoldResult> sizes = sizesOf(topk.getX());
  Value n = toValue(sizes.back());
  require(compare(arith::CmpIPredicate::uge, n, constant(k)),
          "expected rows of at least {} numbers, but got {}", {constant(k), n});
  sizes.back() = b.getIndexAttr(k);
  resultSizes(topk.getValues(), sizes);
  resultSizes(topk.getIds(), sizes);
}
