//===- LowerTmTensor.cpp - torch-mlir's own operations --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Those of tm_tensor as loops over elements with their regions inlined, which
// write where their outputs are. Sorting merges runs that are sorted, so that
// it takes n log n comparisons and keeps the order of what is alike. Attention
// is in LowerAttention.cpp. That sizes fit was checked before.
//
//===----------------------------------------------------------------------===//

#include "passes/dialects/LowerTmTensor.h"

#include "passes/PassDetail.h"
#include "passes/checks/SizeChecks.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

namespace rlx {
#define GEN_PASS_DEF_LOWERTMTENSORPASS
#include "passes/dialects/DialectPasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;
using namespace rlx::tm_tensor;

namespace {
/// Loops over tensors, with what they carry.
struct Loops : ImplicitLocOpBuilder {
  explicit Loops(Operation *op) : ImplicitLocOpBuilder(op->getLoc(), op) {}

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(*this, value);
  }
  Value size(Value tensor, int64_t dimension) {
    return getValueOrCreateConstantIndexOp(
        *this, getLoc(),
        tensor::getMixedSize(*this, getLoc(), tensor, dimension));
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(*this, x, y); }
  Value least(Value x, Value y) { return arith::MinSIOp::create(*this, x, y); }
  Value isBelow(Value x, Value y) {
    return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(*this, condition, x, y);
  }
  Value load(Value tensor, ValueRange indices) {
    return tensor::ExtractOp::create(*this, tensor, indices);
  }
  Value store(Value element, Value tensor, ValueRange indices) {
    return tensor::InsertOp::create(*this, element, tensor, indices);
  }

  Value branch(Value condition, llvm::function_ref<Value()> body,
               llvm::function_ref<Value()> otherwise) {
    auto build = [&](llvm::function_ref<Value()> part) {
      return [this, part](OpBuilder &inner, Location loc) {
        InsertionGuard guard(*this);
        restoreInsertionPoint(inner.saveInsertionPoint());
        scf::YieldOp::create(*this, loc, part());
      };
    };
    return scf::IfOp::create(*this, condition, build(body), build(otherwise))
        .getResult(0);
  }

  using Body = llvm::function_ref<SmallVector<Value>(Value, ValueRange)>;
  SmallVector<Value> loop(Value begin, Value end, Value step,
                          ValueRange carried, Body body) {
    auto loop = scf::ForOp::create(
        *this, begin, end, step, carried,
        [&](OpBuilder &inner, Location loc, Value at, ValueRange values) {
          InsertionGuard guard(*this);
          restoreInsertionPoint(inner.saveInsertionPoint());
          SmallVector<Value> next = body(at, values);
          scf::YieldOp::create(*this, loc, next);
        });
    return SmallVector<Value>(loop.getResults());
  }

  /// One loop after the other over the sizes of a tensor but for a dimension,
  /// whose index is left to the body.
  using NestBody =
      llvm::function_ref<SmallVector<Value>(SmallVector<Value> &, ValueRange)>;
  SmallVector<Value> loopOverOthers(Value tensor, int64_t left,
                                    ValueRange carried, NestBody body) {
    SmallVector<Value> position(tensorOf(tensor).getRank());
    auto nest = [&](auto &&self, int64_t dimension,
                    ValueRange values) -> SmallVector<Value> {
      if (dimension == left)
        ++dimension;
      if (dimension >= int64_t(position.size()))
        return body(position, values);
      return loop(index(0), size(tensor, dimension), index(1), values,
                  [&](Value at, ValueRange inner) {
                    position[dimension] = at;
                    return self(self, dimension + 1, inner);
                  });
    };
    return nest(nest, 0, carried);
  }

  /// What the region of `op` yields for these arguments.
  Value inlined(Region &region, ValueRange arguments) {
    IRMapping map;
    map.map(region.getArguments(), arguments);
    for (Operation &inner : region.front().without_terminator())
      clone(inner, map);
    return map.lookupOrDefault(region.front().getTerminator()->getOperand(0));
  }
};
} // namespace

static SmallVector<Value> without(ArrayRef<Value> position, int64_t dimension) {
  SmallVector<Value> rest(position);
  rest.erase(rest.begin() + dimension);
  return rest;
}

//===----------------------------------------------------------------------===//
// scan
//===----------------------------------------------------------------------===//

static SmallVector<Value> lower(ScanOp op) {
  Loops b(op);
  Value input = op.getInputs()[0];
  int64_t dimension = op.getDimension();
  bool isInclusive = op.getInclusive();
  Value zero = b.index(0), one = b.index(1), length = b.size(input, dimension);
  return b.loopOverOthers(
      input, dimension, op.getOutputs(),
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

//===----------------------------------------------------------------------===//
// scatter
//===----------------------------------------------------------------------===//

static SmallVector<Value> lower(ScatterOp op) {
  Loops b(op);
  Value updates = op.getInputs()[0], indices = op.getInputs()[1];
  int64_t rank = tensorOf(op.getOutputs()[0]).getRank();
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

static SmallVector<Value> lower(tm_tensor::TopkOp op) {
  Loops b(op);
  Value input = op.getInputs()[0];
  int64_t dimension = op.getDimension();
  Type indexType = tensorOf(op.getOutputs()[1]).getElementType();
  Value zero = b.index(0), one = b.index(1);
  Value kept = b.size(op.getOutputs()[0], dimension);
  return b.loopOverOthers(
      input, dimension, op.getOutputs(),
      [&](SmallVector<Value> &position, ValueRange outputs) {
        return b.loop(
            zero, b.size(input, dimension), one, outputs,
            [&](Value at, ValueRange carried) -> SmallVector<Value> {
              position[dimension] = at;
              Value element = b.load(input, position);
              Value number = op.getInputs().size() == 2
                                 ? b.load(op.getInputs()[1], position)
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

//===----------------------------------------------------------------------===//
// sort
//===----------------------------------------------------------------------===//

namespace {
/// Merges pairs of runs of `width` elements of `from` to `to`.
class Merge {
public:
  Merge(Loops &b, SortOp op, Value length)
      : b(b), op(op), length(length), zero(b.index(0)), one(b.index(1)) {}

  SmallVector<Value> emit(ValueRange from, ValueRange to, Value width);

private:
  SmallVector<Value> next(ValueRange from, ValueRange to, Value place,
                          Value middle, Value end, Value left, Value right);

  Loops &b;
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

static SmallVector<Value> lower(SortOp op) {
  Loops b(op);
  int64_t dimension = op.getDimension();
  Value zero = b.index(0), one = b.index(1);
  Value length = b.size(op.getOutputs()[0], dimension);
  SmallVector<Value> rows;
  for (int i = 0; i < 2; ++i)
    for (Value output : op.getOutputs())
      rows.push_back(tensor::EmptyOp::create(
          b, SmallVector<OpFoldResult>{getAsOpFoldResult(length)},
          tensorOf(output).getElementType()));
  size_t count = op.getOutputs().size();
  // Rows are carried, so that all lines are sorted in the same memory.
  SmallVector<Value> carried(op.getOutputs());
  carried.append(rows);
  SmallVector<Value> all = b.loopOverOthers(
      op.getOutputs()[0], dimension, carried,
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
              .Case<ScanOp, ScatterOp, SortOp, tm_tensor::TopkOp>(
                  [](auto known) { return lower(known); })
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
