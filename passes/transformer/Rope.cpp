//===- Rope.cpp - Rotary position embeddings as linalg --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Angles are counted in turns, modulo one, in 2^-32 of a turn: position times
// frequency in i32, which wraps as turns do, and what a frequency has below
// 2^-32 as f32. So a table is as exact at position 100,000 as at the first.
//
//===----------------------------------------------------------------------===//

#include "passes/transformer/Decompositions.h"
#include "passes/transformer/TensorLoops.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

/// 2^-31, of a turn.
static constexpr double halfStep = 0x1p-31;

namespace {
/// Turns a position for each pair: `steps` of 2^-32 turns, and `rest`, turns.
struct Frequencies {
  Value steps, rest;
};
} // namespace

static Value denseNumbers(TensorLoops &b, ArrayRef<float> values) {
  auto type = RankedTensorType::get({int64_t(values.size())}, b.getF32Type());
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, values));
}

/// Turns a position of each pair, without factors.
static SmallVector<double> turnsOf(RopeTableOp op) {
  SmallVector<double> turns;
  auto dims = int64_t(op.getDims());
  double base = op.getBase().convertToDouble();
  for (int64_t i = 0; i < dims / 2; ++i)
    turns.push_back(std::pow(base, -2.0 * double(i) / double(dims)) *
                    op.scaleOfPair(i) / (2 * M_PI));
  return turns;
}

static Frequencies knownFrequencies(TensorLoops &b, RopeTableOp op) {
  SmallVector<int32_t> steps;
  SmallVector<float> rest;
  for (double turns : turnsOf(op)) {
    double part = turns - std::nearbyint(turns);
    // Even, so that half a turn fits as well.
    double whole = std::floor(part / halfStep);
    steps.push_back(int32_t(uint32_t(int64_t(whole)) * 2));
    rest.push_back(float(part - whole * halfStep));
  }
  auto type = RankedTensorType::get({int64_t(steps.size())}, b.getI32Type());
  return {arith::ConstantOp::create(
              b, DenseElementsAttr::get(type, ArrayRef(steps))),
          denseNumbers(b, rest)};
}

/// The same of frequencies that are divided by `factors`.
static Frequencies dividedFrequencies(TensorLoops &b, RopeTableOp op) {
  SmallVector<float> high, low;
  for (double turns : turnsOf(op)) {
    high.push_back(float(turns));
    low.push_back(float(turns - double(high.back())));
  }
  SmallVector<OpFoldResult> sizes = {b.getIndexAttr(int64_t(high.size()))};
  SmallVector<Value> results = b.loops(
      {{denseNumbers(b, high), {0}},
       {denseNumbers(b, low), {0}},
       {op.getFactors(), {0}}},
      {{b.empty(sizes, b.getI32Type()), {0}},
       {b.empty(sizes, b.getF32Type()), {0}}},
      1, 0, [&](ScalarBuilder &inner, ValueRange values) {
        Value turns = inner.div(values[0], values[2]);
        Value part = inner.sub(turns, math::RoundEvenOp::create(inner, turns));
        Value whole = math::FloorOp::create(
            inner, inner.mul(part, inner.number(1 / halfStep)));
        Value rest = inner.sub(part, inner.mul(whole, inner.number(halfStep)));
        Value steps = arith::FPToSIOp::create(inner, inner.getI32Type(), whole);
        return SmallVector<Value>{
            arith::AddIOp::create(inner, steps, steps),
            inner.add(rest, inner.div(values[1], values[2]))};
      });
  return {results[0], results[1]};
}

Value rlx::decompose(OpBuilder &builder, RopeTableOp op) {
  TensorLoops b(op.getLoc(), builder);
  Frequencies frequencies =
      op.getFactors() ? dividedFrequencies(b, op) : knownFrequencies(b, op);
  auto type = cast<RankedTensorType>(op.getType());
  OpFoldResult count = op.getCount(),
               pairs = b.getIndexAttr(type.getDimSize(2));
  if (!type.isDynamicDim(1))
    count = b.getIndexAttr(type.getDimSize(1));
  else if (std::optional<int64_t> known = getConstantIntValue(count))
    count = b.getIndexAttr(*known);
  SmallVector<OpFoldResult> sizes = {count, pairs};
  double magnitude = op.getMagnitude().convertToDouble();
  auto table = [&](llvm::function_ref<Value(ScalarBuilder &, Value)> function) {
    return b.loops(
        {{frequencies.steps, {1}}, {frequencies.rest, {1}}},
        {b.empty(sizes, b.getF32Type()), {0, 1}}, 2, 0,
        [&](ScalarBuilder &inner, ValueRange values) {
          Value position =
              arith::AddIOp::create(inner, op.getPosition(), inner.loop(0));
          Value number =
              arith::IndexCastOp::create(inner, inner.getI32Type(), position);
          Value steps = arith::MulIOp::create(inner, number, values[0]);
          Value turns = inner.mul(
              arith::SIToFPOp::create(inner, inner.getF32Type(), steps),
              inner.number(halfStep / 2));
          Value rest = inner.mul(
              arith::SIToFPOp::create(inner, inner.getF32Type(), number),
              values[1]);
          Value angle =
              inner.mul(inner.add(turns, rest), inner.number(2 * M_PI));
          Value result = function(inner, angle);
          return magnitude == 1 ? result
                                : inner.mul(result, inner.number(magnitude));
        });
  };
  Value cosines = table([](ScalarBuilder &inner, Value angle) -> Value {
    return math::CosOp::create(inner, angle);
  });
  Value sines = table([](ScalarBuilder &inner, Value angle) -> Value {
    return math::SinOp::create(inner, angle);
  });
  Value whole = b.empty({b.getIndexAttr(2), count, pairs}, b.getF32Type());
  SmallVector<OpFoldResult> part = {b.getIndexAttr(1), count, pairs};
  auto at = [&](int64_t i) {
    return SmallVector<OpFoldResult>{b.getIndexAttr(i), b.getIndexAttr(0),
                                     b.getIndexAttr(0)};
  };
  whole = b.insert(cosines, whole, at(0), part);
  whole = b.insert(sines, whole, at(1), part);
  return b.castTo(whole, type);
}

namespace {
/// Where the first and the second numbers of all pairs lie in `[T, H, dims]`.
class RopeParts {
public:
  RopeParts(TensorLoops &b, RopeOp op, OpFoldResult rows)
      : b(b), isPairs(op.getStyle() == RopeStyle::pairs) {
    auto x = cast<RankedTensorType>(op.getX().getType());
    pairs = cast<RankedTensorType>(op.getTable().getType()).getDimSize(2);
    outer = {rows, b.size(op.getX(), 1)};
    columns = x.getDimSize(2);
  }

  SmallVector<OpFoldResult> sizes() const {
    return {outer[0], outer[1], b.getIndexAttr(pairs)};
  }
  Value read(Value tensor, int64_t which) const {
    auto [offsets, steps] = place(which);
    return tensor::ExtractSliceOp::create(b, tensor, offsets, sizes(), steps);
  }
  Value write(Value part, Value tensor, int64_t which) const {
    auto [offsets, steps] = place(which);
    return tensor::InsertSliceOp::create(b, part, tensor, offsets, sizes(),
                                         steps);
  }

  TensorLoops &b;
  bool isPairs;
  int64_t pairs, columns;
  SmallVector<OpFoldResult> outer;

private:
  std::pair<SmallVector<OpFoldResult>, SmallVector<OpFoldResult>>
  place(int64_t which) const {
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    return {{zero, zero, b.getIndexAttr(which * (isPairs ? 1 : pairs))},
            {one, one, b.getIndexAttr(isPairs ? 2 : 1)}};
  }
};
} // namespace

Value rlx::decompose(OpBuilder &builder, RopeOp op) {
  TensorLoops b(op.getLoc(), builder);
  Value x = op.getX(), table = op.getTable();
  Type element = cast<RankedTensorType>(x.getType()).getElementType();
  OpFoldResult rows = b.size(x, 0);
  RopeParts parts(b, op, rows);
  auto ofTable = [&](int64_t i) {
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    return b.slice(table, {b.getIndexAttr(i), zero, zero},
                   {one, rows, b.getIndexAttr(parts.pairs)}, {0, 1, 1});
  };
  Value cosines = ofTable(0), sines = ofTable(1);
  Value first = parts.read(x, 0), second = parts.read(x, 1);
  auto rotate = [&](Value own, Value other, bool isFirst) {
    return b.loops({{own, {0, 1, 2}},
                    {other, {0, 1, 2}},
                    {cosines, {0, 2}},
                    {sines, {0, 2}}},
                   {b.empty(parts.sizes(), element), {0, 1, 2}}, 3, 0,
                   [&](ScalarBuilder &inner, ValueRange values) {
                     Value kept = inner.mul(inner.toF32(values[0]), values[2]);
                     Value added = inner.mul(inner.toF32(values[1]), values[3]);
                     Value sum = isFirst ? inner.sub(kept, added)
                                         : inner.add(kept, added);
                     return inner.fromF32(sum, element);
                   });
  };
  Value result = b.empty(b.sizes(x), element);
  result = parts.write(rotate(first, second, true), result, 0);
  result = parts.write(rotate(second, first, false), result, 1);
  // The numbers that are not rotated.
  if (int64_t rest = parts.columns - 2 * parts.pairs) {
    SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0), b.getIndexAttr(0),
                                         b.getIndexAttr(2 * parts.pairs)},
                              sizes = parts.outer;
    sizes.push_back(b.getIndexAttr(rest));
    result = b.insert(b.slice(x, offsets, sizes), result, offsets, sizes);
  }
  return b.castTo(result, op.getType());
}
