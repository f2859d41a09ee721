//===- LowerTmTensor.cpp - torch-mlir's own operations --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Those of tm_tensor as loops over elements with their regions inlined, which
// write where their outputs are; lines are independent of each other, so that
// threads share them. Sorting is in LowerSort.cpp, attention in
// LowerAttention.cpp. That sizes fit was checked before.
//
//===----------------------------------------------------------------------===//

#include "passes/dialects/LowerTmTensor.h"

#include "passes/PassDetail.h"
#include "passes/dialects/ElementLoops.h"

#include "llvm/ADT/TypeSwitch.h"

namespace rlx {
#define GEN_PASS_DEF_LOWERTMTENSORPASS
#include "passes/dialects/DialectPasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;
using namespace rlx::tm_tensor;

static SmallVector<Value> without(ArrayRef<Value> position, int64_t dimension) {
  SmallVector<Value> rest(position);
  rest.erase(rest.begin() + dimension);
  return rest;
}

//===----------------------------------------------------------------------===//
// scan
//===----------------------------------------------------------------------===//

static SmallVector<Value> lowerLines(ScanOp op, ElementLoops &b,
                                     ValueRange inputs, ValueRange all) {
  Value input = inputs[0];
  int64_t dimension = op.getDimension();
  bool isInclusive = op.getInclusive();
  Value zero = b.index(0), one = b.index(1), length = b.size(input, dimension);
  return b.loopOverOthers(
      input, dimension, all,
      [&](SmallVector<Value> &position,
          ValueRange outputs) -> SmallVector<Value> {
        SmallVector<Value> rest = without(position, dimension);
        Value begin = b.load(outputs[1], rest);
        SmallVector<Value> done = b.loop(
            zero, length, one, {outputs[0], begin},
            [&](Value at, ValueRange carried) -> SmallVector<Value> {
              Value isFirst =
                  arith::CmpIOp::create(b, arith::CmpIPredicate::eq, at, zero);
              Value total = b.branch(
                  isFirst,
                  [&]() -> Value {
                    position[dimension] = at;
                    return isInclusive ? b.load(input, position) : begin;
                  },
                  [&]() -> Value {
                    position[dimension] =
                        isInclusive
                            ? at
                            : arith::SubIOp::create(b, at, one).getResult();
                    return b.inlined(op.getRegion(),
                                     {carried[1], b.load(input, position)});
                  });
              position[dimension] = at;
              return {b.store(total, carried[0], position), total};
            });
        // A single element leaves the accumulator as it is.
        Value last = b.select(b.isBelow(one, length), done[1], begin);
        return {done[0], b.store(last, outputs[1], rest)};
      });
}

static SmallVector<Value> lower(ScanOp op) {
  ElementLoops b(op);
  return shareLines(b, op.getInputs(), op.getOutputs(), op.getDimension(),
                    /*cost=*/2, [&](ValueRange inputs, ValueRange outputs) {
                      return lowerLines(op, b, inputs, outputs);
                    });
}

//===----------------------------------------------------------------------===//
// scatter
//===----------------------------------------------------------------------===//

/// Where an update goes, of the dimensions that its row of indices names.
static SmallVector<OpFoldResult> namedPlace(ScatterOp op, ElementLoops &b,
                                            Value row) {
  Value indices = op.getInputs()[1];
  SmallVector<OpFoldResult> place(tensorOf(op.getOutputs()[0]).getRank(),
                                  b.getIndexAttr(0));
  for (auto [i, dimension] : llvm::enumerate(op.getDimensionMap())) {
    Value named = b.load(indices, {row, b.index(i)});
    if (!named.getType().isIndex())
      named = arith::IndexCastOp::create(b, b.getIndexType(), named);
    place[dimension] = named;
  }
  return place;
}

/// Updates of rows, one after the other: an elementwise operation for each.
static SmallVector<Value> lowerRows(ScatterOp op) {
  ElementLoops b(op);
  Value updates = op.getInputs()[0];
  auto type = tensorOf(updates);
  int64_t rank = tensorOf(op.getOutputs()[0]).getRank(),
          own = type.getRank() - 1;
  auto rowType = RankedTensorType::get(type.getShape().drop_front(),
                                       type.getElementType());
  return b.loop(
      b.index(0), b.size(updates, 0), b.index(1), op.getOutputs(),
      [&](Value row, ValueRange outputs) -> SmallVector<Value> {
        SmallVector<OpFoldResult> place = namedPlace(op, b, row);
        SmallVector<OpFoldResult> from(own + 1, b.getIndexAttr(0)),
            sizes = tensor::getMixedSizes(b, b.getLoc(), updates),
            ones(own + 1, b.getIndexAttr(1));
        from[0] = row;
        sizes[0] = b.getIndexAttr(1);
        Value update = tensor::ExtractSliceOp::create(b, rowType, updates, from,
                                                      sizes, ones);
        SmallVector<OpFoldResult> ofOutput(rank, b.getIndexAttr(1)),
            steps(rank, b.getIndexAttr(1));
        std::copy(sizes.begin() + 1, sizes.end(),
                  ofOutput.begin() + (rank - own));
        auto old = tensor::ExtractSliceOp::create(b, rowType, outputs[0], place,
                                                  ofOutput, steps);
        SizeChecks(old).insert();
        SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(own));
        SmallVector<utils::IteratorType> types(own,
                                               utils::IteratorType::parallel);
        auto changed = linalg::GenericOp::create(
            b, TypeRange(rowType), update, old.getResult(), maps, types,
            [&](OpBuilder &inner, Location loc, ValueRange elements) {
              OpBuilder::InsertionGuard guard(b);
              b.restoreInsertionPoint(inner.saveInsertionPoint());
              linalg::YieldOp::create(b, b.inlined(op.getRegion(), elements));
            });
        return {tensor::InsertSliceOp::create(
            b, changed.getResult(0), outputs[0], place, ofOutput, steps)};
      });
}

static SmallVector<Value> lower(ScatterOp op) {
  Value updates = op.getInputs()[0], indices = op.getInputs()[1];
  int64_t rank = tensorOf(op.getOutputs()[0]).getRank();
  int64_t rowRank = tensorOf(updates).getRank() - 1;
  // Dimensions of updates that are not named as well: no place twice in a row.
  if (rowRank > 0 && llvm::all_of(op.getDimensionMap(), [&](int64_t named) {
        return named < rank - rowRank;
      }))
    return lowerRows(op);
  ElementLoops b(op);
  return b.loopOverOthers(
      updates, /*left=*/-1, op.getOutputs(),
      [&](SmallVector<Value> &position,
          ValueRange outputs) -> SmallVector<Value> {
        SmallVector<Value> target(rank);
        size_t own = position.size() - 1;
        for (size_t i = 0; i < own; ++i)
          target[rank - own + i] = position[i + 1];
        for (auto [i, dimension] : llvm::enumerate(op.getDimensionMap())) {
          Value named = b.load(indices, {position[0], b.index(i)});
          if (!named.getType().isIndex())
            named = arith::IndexCastOp::create(b, b.getIndexType(), named);
          Value &at = target[dimension];
          at = at ? b.add(at, named) : named;
        }
        auto old = tensor::ExtractOp::create(b, outputs[0], target);
        SizeChecks(old).insert();
        Value update = b.load(updates, position);
        return {b.store(b.inlined(op.getRegion(), {update, old}), outputs[0],
                        target)};
      });
}

//===----------------------------------------------------------------------===//
// topk
//===----------------------------------------------------------------------===//

static SmallVector<Value> lowerLines(tm_tensor::TopkOp op, ElementLoops &b,
                                     ValueRange inputs, ValueRange all) {
  Value input = inputs[0];
  int64_t dimension = op.getDimension();
  Type indexType = tensorOf(op.getOutputs()[1]).getElementType();
  Value zero = b.index(0), one = b.index(1);
  Value kept = b.size(all[0], dimension);
  return b.loopOverOthers(
      input, dimension, all,
      [&](SmallVector<Value> &position, ValueRange outputs) {
        return b.loop(
            zero, b.size(input, dimension), one, outputs,
            [&](Value at, ValueRange carried) -> SmallVector<Value> {
              position[dimension] = at;
              Value element = b.load(input, position);
              Value number = inputs.size() == 2
                                 ? b.load(inputs[1], position)
                                 : arith::IndexCastOp::create(b, indexType, at)
                                       .getResult();
              // What a place had moves on to the next one.
              SmallVector<Value> done = b.loop(
                  zero, kept, one, {carried[0], carried[1], element, number},
                  [&](Value place, ValueRange all) -> SmallVector<Value> {
                    position[dimension] = place;
                    Value old = b.load(all[0], position),
                          oldNumber = b.load(all[1], position);
                    Value isBefore = b.inlined(op.getRegion(), {all[2], old});
                    Value isAfter = b.inlined(op.getRegion(), {old, all[2]});
                    Value isAlike = arith::CmpIOp::create(
                        b, arith::CmpIPredicate::eq, isBefore, isAfter);
                    Value isEarlier = b.isBelow(all[3], oldNumber);
                    Value takesNumber = arith::OrIOp::create(
                        b, isBefore,
                        arith::AndIOp::create(b, isAlike, isEarlier));
                    return {b.store(b.select(isBefore, all[2], old), all[0],
                                    position),
                            b.store(b.select(takesNumber, all[3], oldNumber),
                                    all[1], position),
                            b.select(isBefore, old, all[2]),
                            b.select(takesNumber, oldNumber, all[3])};
                  });
              return {done[0], done[1]};
            });
      });
}

static SmallVector<Value> lower(tm_tensor::TopkOp op) {
  ElementLoops b(op);
  int64_t kept = tensorOf(op.getOutputs()[0]).getDimSize(op.getDimension());
  constexpr int64_t few = 8;
  return shareLines(
      b, op.getInputs(), op.getOutputs(), op.getDimension(),
      2 * (ShapedType::isDynamic(kept) ? few : std::max<int64_t>(kept, 1)),
      [&](ValueRange inputs, ValueRange outputs) {
        return lowerLines(op, b, inputs, outputs);
      });
}

namespace {
struct LowerTmTensorPass : rlx::impl::LowerTmTensorPassBase<LowerTmTensorPass> {
  void runOnOperation() override {
    // Inner ones first: regions are copied as they are then.
    SmallVector<Operation *> found;
    getOperation()->walk([&](Operation *op) {
      if (isa_and_nonnull<TmTensorDialect>(op->getDialect()) &&
          !isa<tm_tensor::YieldOp>(op))
        found.push_back(op);
    });
    for (Operation *op : found) {
      SmallVector<Value> results =
          llvm::TypeSwitch<Operation *, SmallVector<Value>>(op)
              .Case<ScanOp, ScatterOp, tm_tensor::TopkOp>(
                  [](auto known) { return lower(known); })
              .Case<SortOp>([](SortOp sort) { return lowerSort(sort); })
              .Case<tm_tensor::AttentionOp>(
                  [](tm_tensor::AttentionOp attention) -> SmallVector<Value> {
                    return {lowerAttention(attention)};
                  });
      op->replaceAllUsesWith(results);
      op->erase();
    }
  }
};
} // namespace
