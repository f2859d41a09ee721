//===- LowerSort.cpp - Sorting lines of tensors ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Merges runs that are sorted, so that it takes n log n comparisons and keeps
// the order of what is alike.
//
//===----------------------------------------------------------------------===//

#include "passes/dialects/ElementLoops.h"
#include "passes/dialects/LowerTmTensor.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::tm_tensor;

namespace {
/// Merges pairs of runs of `width` elements of `from` to `to`.
class Merge {
public:
  Merge(ElementLoops &b, SortOp op, Value length)
      : b(b), op(op), length(length), zero(b.index(0)), one(b.index(1)) {}

  SmallVector<Value> emit(ValueRange from, ValueRange to, Value width);

private:
  SmallVector<Value> next(ValueRange from, ValueRange to, Value place,
                          Value middle, Value end, Value left, Value right);

  ElementLoops &b;
  SortOp op;
  Value length, zero, one;
};
} // namespace

/// Puts one element to its place; gives the tensors, and where the two runs are
/// read next.
SmallVector<Value> Merge::next(ValueRange from, ValueRange to, Value place,
                               Value middle, Value end, Value left,
                               Value right) {
  Value last = arith::SubIOp::create(b, length, one);
  SmallVector<Value> lefts, rights, both;
  for (Value tensor : from) {
    // Beyond a run's end nothing is taken, whatever is read.
    lefts.push_back(b.load(tensor, b.least(left, last)));
    rights.push_back(b.load(tensor, b.least(right, last)));
    both.append({lefts.back(), rights.back()});
  }
  Value isInOrder = b.inlined(op.getRegion(), both);
  Value hasRight = b.isBelow(right, end), hasLeft = b.isBelow(left, middle);
  Value truth = arith::ConstantOp::create(b, b.getBoolAttr(true));
  Value isLeft =
      arith::AndIOp::create(b, hasLeft, b.select(hasRight, isInOrder, truth));
  SmallVector<Value> results;
  for (auto [i, tensor] : llvm::enumerate(to))
    results.push_back(
        b.store(b.select(isLeft, lefts[i], rights[i]), tensor, place));
  results.push_back(b.select(isLeft, b.add(left, one), left));
  results.push_back(b.select(isLeft, right, b.add(right, one)));
  return results;
}

SmallVector<Value> Merge::emit(ValueRange from, ValueRange to, Value width) {
  return b.loop(
      zero, length, b.add(width, width), to,
      [&](Value begin, ValueRange outer) -> SmallVector<Value> {
        Value middle = b.least(b.add(begin, width), length);
        Value end = b.least(b.add(middle, width), length);
        SmallVector<Value> carried(outer);
        carried.append({begin, middle});
        SmallVector<Value> done =
            b.loop(begin, end, one, carried, [&](Value place, ValueRange all) {
              return next(from, all.drop_back(2), place, middle, end,
                          all[all.size() - 2], all.back());
            });
        done.truncate(outer.size());
        return done;
      });
}

static SmallVector<Value> sortLines(SortOp op, ElementLoops &b,
                                    ValueRange unsorted) {
  int64_t dimension = op.getDimension();
  Value zero = b.index(0), one = b.index(1);
  Value length = b.size(unsorted[0], dimension);
  SmallVector<Value> rows;
  for (int i = 0; i < 2; ++i)
    for (Value output : unsorted)
      rows.push_back(tensor::EmptyOp::create(
          b, SmallVector<OpFoldResult>{getAsOpFoldResult(length)},
          tensorOf(output).getElementType()));
  size_t count = unsorted.size();
  // Rows are carried, so that all lines are sorted in the same memory.
  SmallVector<Value> carried(unsorted);
  carried.append(rows);
  SmallVector<Value> all = b.loopOverOthers(
      unsorted[0], dimension, carried,
      [&](SmallVector<Value> &position, ValueRange values) {
        ValueRange outputs = values.take_front(count);
        SmallVector<Value> state = b.loop(
            zero, length, one, values.drop_front(count).take_front(count),
            [&](Value at, ValueRange row) {
              position[dimension] = at;
              SmallVector<Value> filled;
              for (auto [tensor, output] : llvm::zip(row, outputs))
                filled.push_back(b.store(b.load(output, position), tensor, at));
              return filled;
            });
        llvm::append_range(state, values.drop_front(2 * count));
        state.push_back(one);
        // Runs of 1, 2, 4 ... elements, there and back at a time.
        auto passes = scf::WhileOp::create(
            b, TypeRange(ValueRange(state)), state,
            [&](OpBuilder &inner, Location loc, ValueRange at) {
              Value isUnsorted = arith::CmpIOp::create(
                  inner, loc, arith::CmpIPredicate::slt, at.back(), length);
              scf::ConditionOp::create(inner, loc, isUnsorted, at);
            },
            [&](OpBuilder &inner, Location loc, ValueRange at) {
              OpBuilder::InsertionGuard guard(b);
              b.restoreInsertionPoint(inner.saveInsertionPoint());
              Value width = at.back(), twice = b.add(width, width);
              Merge merge(b, op, length);
              SmallVector<Value> there =
                  merge.emit(at.take_front(count),
                             at.drop_front(count).take_front(count), width);
              SmallVector<Value> back =
                  merge.emit(there, at.take_front(count), twice);
              llvm::append_range(back, there);
              back.push_back(b.add(twice, twice));
              scf::YieldOp::create(b, loc, back);
            });
        ValueRange sorted = passes.getResults();
        SmallVector<Value> results = b.loop(
            zero, length, one, outputs, [&](Value at, ValueRange written) {
              position[dimension] = at;
              SmallVector<Value> filled;
              for (auto [tensor, row] : llvm::zip(written, sorted))
                filled.push_back(b.store(b.load(row, at), tensor, position));
              return filled;
            });
        llvm::append_range(results, sorted.drop_back());
        return results;
      });
  all.truncate(count);
  return all;
}

SmallVector<Value> rlx::lowerSort(SortOp op) {
  ElementLoops b(op);
  return shareLines(b, {}, op.getOutputs(), op.getDimension(), /*cost=*/32,
                    [&](ValueRange, ValueRange outputs) {
                      return sortLines(op, b, outputs);
                    });
}
