//===- ContractionPanel.cpp - A factor of a contraction, packed -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/linalg/ContractionPanel.h"
#include "passes/support/TransposeSquare.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

ContractionPanel::ContractionPanel(ContractionBuilder &c)
    : c(c), b(c.b), plan(c.plan) {
  int64_t words = plan.kc / plan.wordK;
  IntegerAttr alignment = b.getI64IntegerAttr(64);
  if (!plan.hasPackedB)
    panel = memref::AllocOp::create(
        b,
        MemRefType::get({plan.nc / plan.lanes, words, plan.lanes}, plan.word),
        ValueRange(), ValueRange(), alignment);
  // Rows that were a power of two apart would fight for few sets of the cache.
  rows = memref::AllocOp::create(
      b, MemRefType::get({plan.rows, words + plan.lanes}, plan.word),
      ValueRange(), ValueRange(), alignment);
  if (plan.hasShiftedA)
    starts = memref::AllocOp::create(
        b, MemRefType::get({plan.nc / plan.lanes, plan.lanes}, plan.sum),
        ValueRange(), ValueRange(), alignment);
}

void ContractionPanel::release() {
  if (starts)
    memref::DeallocOp::create(b, starts);
  memref::DeallocOp::create(b, rows);
  if (panel)
    memref::DeallocOp::create(b, panel);
}

Value ContractionPanel::load(Value group, Value word) {
  if (panel)
    return b.loadVector(panel, {group, word, b.index(0)}, plan.lanes);
  // A tile may have more columns than there are.
  const ContractionFactor &factor = c.contraction.b;
  Value at = b.add(firstGroup, group);
  if (!c.isMultiple(c.contraction.n, plan.columns()))
    at = b.min(at, b.index(factor.type().getDimSize(1) - 1));
  Value elements = b.loadVector(factor.memref, {block, at, word, b.index(0)},
                                plan.lanes * plan.wordK);
  return c.toWords(c.toPacked(factor, elements));
}

Value ContractionPanel::loadRow(int64_t row, Value word) {
  return memref::LoadOp::create(b, rows, ValueRange{b.index(row), word});
}

//===----------------------------------------------------------------------===//
// Columns of b
//===----------------------------------------------------------------------===//

void ContractionPanel::fill(Value nBegin, Value columns, Value kBegin,
                            Value kLength) {
  const Contraction &shape = c.contraction;
  if (plan.hasPackedB) {
    firstGroup = b.div(nBegin, plan.lanes);
    block = b.div(kBegin, plan.kc);
  } else if (shape.b.isContiguousAlong(shape.n))
    fillAlongN(nBegin, columns, kBegin, kLength);
  else if (shape.b.isContiguousAlong(shape.k))
    fillAlongK(nBegin, columns, kBegin, kLength);
  else
    fillEach(nBegin, b.index(0), columns, kBegin, kLength);
  if (starts)
    fillStarts(columns, kLength);
}

/// What sums begin with where 128 is added to all of a: that times the sum of
/// the panel's columns, less.
void ContractionPanel::fillStarts(Value columns, Value kLength) {
  constexpr int64_t shift = 128;
  auto type = VectorType::get(plan.lanes, plan.sum);
  auto splat = [&](VectorType of, int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(
               of, Attribute(b.getIntegerAttr(of.getElementType(), value))));
  };
  Value ones = splat(VectorType::get(plan.lanes * plan.wordK, plan.packed), 1);
  b.loop(b.index(0), c.divideUp(columns, plan.lanes), 1, [&](Value group) {
    Value sums = b.loop(b.index(0), c.words(kLength), 1, c.zero(type),
                        [&](Value word, ValueRange sum) -> SmallVector<Value> {
                          return {c.dot(ones, c.fromWords(load(group, word)),
                                        sum.front())};
                        })
                     .front();
    b.storeVector(arith::MulIOp::create(b, sums, splat(type, -shift)), starts,
                  {group, b.index(0)});
  });
}

Value ContractionPanel::loadStart(Value group) {
  auto type = VectorType::get(plan.lanes, plan.sum);
  return starts ? b.loadVector(starts, {group, b.index(0)}, plan.lanes)
                : c.zero(type);
}

/// One number after the other, columns from `first` on.
void ContractionPanel::fillEach(Value nBegin, Value first, Value columns,
                                Value kBegin, Value kLength) {
  const Contraction &shape = c.contraction;
  b.loop(b.index(0), c.words(kLength), 1, [&](Value word) {
    Value k = b.add(kBegin, b.mul(word, plan.wordK));
    b.loop(first, columns, 1, [&](Value column) {
      c.set(shape.n, b.add(nBegin, column));
      Value group = b.div(column, plan.lanes);
      Value lane = b.sub(column, b.mul(group, plan.lanes));
      memref::StoreOp::create(b, c.loadWord(shape.b, k), panel,
                              ValueRange{group, word, lane});
    });
  });
}

/// Rows of b as vectors, pairs of them interleaved.
void ContractionPanel::fillAlongN(Value nBegin, Value columns, Value kBegin,
                                  Value kLength) {
  const Contraction &shape = c.contraction;
  Value whole = b.mul(b.div(columns, plan.lanes), plan.lanes);
  bool isEven = c.isMultiple(shape.k, plan.wordK);
  Value last = b.sub(c.size(shape.k), b.index(1));
  b.loop(b.index(0), c.words(kLength), 1, [&](Value word) {
    Value k = b.add(kBegin, b.mul(word, plan.wordK));
    b.loop(b.index(0), whole, plan.lanes, [&](Value column) {
      c.set(shape.n, b.add(nBegin, column));
      SmallVector<Value> parts;
      for (int64_t i = 0; i < plan.wordK; ++i) {
        Value index = b.add(k, i);
        bool isThere = i == 0 || isEven;
        c.set(shape.k, isThere ? index : b.min(index, last));
        Value part = c.toPacked(shape.b, c.loadVector(shape.b, plan.lanes));
        if (!isThere) {
          Value isInside =
              arith::CmpIOp::create(b, arith::CmpIPredicate::ule, index, last);
          part = arith::SelectOp::create(b, isInside, part,
                                         c.zero(part.getType()));
        }
        parts.push_back(part);
      }
      // Those that are half of all apart first, until neighbours meet.
      while (parts.size() > 1) {
        size_t half = parts.size() / 2;
        for (size_t i = 0; i < half; ++i)
          parts[i] = vector::InterleaveOp::create(b, parts[i], parts[i + half]);
        parts.resize(half);
      }
      b.storeVector(c.toWords(parts.front()), panel,
                    {b.div(column, plan.lanes), word, b.index(0)});
    });
  });
  if (!c.isMultiple(shape.n, plan.lanes))
    fillEach(nBegin, whole, columns, kBegin, kLength);
}

/// Columns of b are vectors along k: squares of words are transposed.
void ContractionPanel::fillAlongK(Value nBegin, Value columns, Value kBegin,
                                  Value kLength) {
  const Contraction &shape = c.contraction;
  int64_t lanes = plan.lanes, step = lanes * plan.wordK;
  Value lastColumn = b.sub(columns, b.index(1));
  Value wholeWords = b.mul(b.div(kLength, step), lanes);
  b.loop(b.index(0), c.divideUp(columns, lanes), 1, [&](Value group) {
    // Columns behind the last are that one again, rather than out of bounds.
    auto setColumn = [&](Value lane) {
      Value column = b.add(b.mul(group, lanes), lane);
      if (!c.isMultiple(shape.n, lanes))
        column = b.min(column, lastColumn);
      c.set(shape.n, b.add(nBegin, column));
    };
    b.loop(b.index(0), wholeWords, lanes, [&](Value word) {
      c.set(shape.k, b.add(kBegin, b.mul(word, plan.wordK)));
      SmallVector<Value> square;
      for (int64_t lane = 0; lane < lanes; ++lane) {
        setColumn(b.index(lane));
        square.push_back(
            c.toWords(c.toPacked(shape.b, c.loadVector(shape.b, step))));
      }
      for (auto [i, vector] : llvm::enumerate(transposeSquare(b, square)))
        b.storeVector(vector, panel, {group, b.add(word, i), b.index(0)});
    });
    if (c.isMultiple(shape.k, step))
      return;
    b.loop(wholeWords, c.words(kLength), 1, [&](Value word) {
      Value k = b.add(kBegin, b.mul(word, plan.wordK));
      b.loop(b.index(0), b.index(lanes), 1, [&](Value lane) {
        setColumn(lane);
        memref::StoreOp::create(b, c.loadWord(shape.b, k), panel,
                                ValueRange{group, word, lane});
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Rows of a
//===----------------------------------------------------------------------===//

void ContractionPanel::fillRows(Value first, int64_t count, Value last,
                                Value kBegin, Value kLength) {
  const Contraction &shape = c.contraction;
  int64_t lanes = plan.lanes, step = lanes * plan.wordK;
  bool isContiguous = shape.a.isContiguousAlong(shape.k);
  Value whole = b.index(0);
  if (isContiguous)
    whole = b.mul(b.div(kLength, step), lanes);
  b.loop(b.index(0), b.index(count), 1, [&](Value row) {
    c.set(shape.m, b.min(arith::AddIOp::create(b, first, row), last));
    if (isContiguous)
      b.loop(b.index(0), whole, lanes, [&](Value word) {
        c.set(shape.k, b.add(kBegin, b.mul(word, plan.wordK)));
        Value words =
            c.toWords(c.toPacked(shape.a, c.loadVector(shape.a, step)));
        b.storeVector(words, rows, {row, word});
      });
    if (isContiguous && c.isMultiple(shape.k, step))
      return;
    b.loop(whole, c.words(kLength), 1, [&](Value word) {
      Value k = b.add(kBegin, b.mul(word, plan.wordK));
      memref::StoreOp::create(b, c.loadWord(shape.a, k), rows,
                              ValueRange{row, word});
    });
  });
}
