//===- Caches.cpp - Appending and attention as linalg ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Scheme.h"
#include "passes/transformer/Decompositions.h"
#include "passes/transformer/TensorLoops.h"

#include <limits>

using namespace mlir;
using namespace rlx;

Value rlx::decompose(OpBuilder &builder, AppendOp op) {
  TensorLoops b(op.getLoc(), builder);
  Value rows = op.getRows(), cache = op.getCache();
  auto from = cast<RankedTensorType>(rows.getType()),
       to = cast<RankedTensorType>(cache.getType());
  SmallVector<OpFoldResult> sizes = b.sizes(rows);
  // What only one of both types knows.
  for (int64_t i = 1; i < to.getRank(); ++i)
    if (!to.isDynamicDim(i))
      sizes[i] = b.getIndexAttr(to.getDimSize(i));
  bool isQuantized = QuantScheme::of(to).has_value();
  if (!isQuantized && from.getElementType() != to.getElementType()) {
    SmallVector<int64_t> all = firstLoops(from.getRank());
    rows = b.loops(
        {{rows, all}}, {b.empty(sizes, to.getElementType()), all},
        from.getRank(), 0, [&](ScalarBuilder &inner, ValueRange values) {
          return inner.fromF32(inner.toF32(values[0]), to.getElementType());
        });
  }
  SmallVector<int64_t> shape;
  for (OpFoldResult size : sizes)
    shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  rows = b.castTo(
      rows,
      RankedTensorType::get(
          shape, cast<RankedTensorType>(rows.getType()).getElementType()));
  if (isQuantized)
    rows = QuantizeOp::create(b,
                              RankedTensorType::get(shape, to.getElementType(),
                                                    to.getEncoding()),
                              TypeRange(), rows, Value(), Value(), Value(),
                              Value(), op.getRuleAttr())
               .getResult();
  SmallVector<OpFoldResult> offsets(to.getRank(), b.getIndexAttr(0));
  offsets[0] = op.getPosition();
  return b.insert(rows, cache, offsets, sizes);
}

/// The first positions of a cache, as many as attention reads, as numbers.
static Value readPositions(OpBuilder &builder, AttentionOp op, Value cache) {
  TensorLoops b(op.getLoc(), builder);
  auto type = cast<RankedTensorType>(cache.getType());
  if (op.getLength()) {
    SmallVector<OpFoldResult> sizes = b.sizes(cache),
                              offsets(sizes.size(), b.getIndexAttr(0));
    sizes[0] = getAsOpFoldResult(op.getLength());
    cache = b.slice(cache, offsets, sizes);
  }
  if (!QuantScheme::of(type))
    return cache;
  SmallVector<int64_t> shape(
      cast<RankedTensorType>(cache.getType()).getShape());
  return DequantizeOp::create(b, RankedTensorType::get(shape, b.getF32Type()),
                              cache, Value(), Value(), Value());
}

namespace {
/// Numbers of the loops of attention: KV heads, rows, the heads of a group,
/// then positions or columns, and what is summed over.
enum Loop : int64_t { kv, row, member, inner, summed };

class AttentionLoops {
public:
  AttentionLoops(OpBuilder &builder, AttentionOp op, Value k, Value v);
  Value emit();

private:
  Value scores();
  Value masked(Value scores);
  Value largest(Value scores);
  Value sumOf(Value powers, Value most);

  TensorLoops b;
  AttentionOp op;
  Value k, v;
  OpFoldResult rows, length;
  int64_t groups, members, columns;
  SmallVector<OpFoldResult> scoreSizes, rowSizes;
};
} // namespace

static constexpr double infinity = std::numeric_limits<double>::infinity();

AttentionLoops::AttentionLoops(OpBuilder &builder, AttentionOp op, Value k,
                               Value v)
    : b(op.getLoc(), builder), op(op), k(k), v(v), rows(b.size(op.getQ(), 0)),
      length(b.size(k, 0)),
      groups(cast<RankedTensorType>(k.getType()).getDimSize(1)),
      columns(cast<RankedTensorType>(v.getType()).getDimSize(2)) {
  members = cast<RankedTensorType>(op.getQ().getType()).getDimSize(1) / groups;
  rowSizes = {b.getIndexAttr(groups), rows, b.getIndexAttr(members)};
  scoreSizes = rowSizes;
  scoreSizes.push_back(length);
}

/// q k^T, `[KV, T, H / KV, n]`.
Value AttentionLoops::scores() {
  auto type = cast<RankedTensorType>(op.getQ().getType());
  SmallVector<OpFoldResult> sizes = {rows, b.getIndexAttr(groups),
                                     b.getIndexAttr(members),
                                     b.getIndexAttr(type.getDimSize(2))};
  Value q = tensor::ExpandShapeOp::create(
      b,
      RankedTensorType::get(
          {type.getDimSize(0), groups, members, type.getDimSize(2)},
          type.getElementType()),
      op.getQ(), ArrayRef<ReassociationIndices>{{0}, {1, 2}, {3}}, sizes);
  return b.loops({{q, {row, kv, member, summed}}, {k, {inner, kv, summed}}},
                 {b.filled(scoreSizes, 0), {kv, row, member, inner}}, 5, 1,
                 [](ScalarBuilder &body, ValueRange values) {
                   Value product =
                       body.mul(body.toF32(values[0]), body.toF32(values[1]));
                   return body.add(values[2], product);
                 });
}

/// Scaled and capped; negative infinity where a row does not see a position.
Value AttentionLoops::masked(Value scores) {
  // The last position that row t sees is `t + last`.
  Value last = arith::SubIOp::create(b, b.toValue(length), b.toValue(rows));
  SmallVector<int64_t> all = firstLoops(4);
  return b.loops(
      {{scores, all}}, {b.empty(scoreSizes, b.getF32Type()), all}, 4, 0,
      [&](ScalarBuilder &body, ValueRange values) -> Value {
        Value score = body.mul(values[0], body.number(op.scaleOrDefault()));
        if (std::optional<APFloat> cap = op.getSoftcap()) {
          Value limit = body.number(cap->convertToDouble());
          score = body.mul(math::TanhOp::create(body, body.div(score, limit)),
                           limit);
        }
        if (!op.getCausal())
          return score;
        Value position = body.loop(inner);
        Value end = arith::AddIOp::create(body, body.loop(row), last);
        Value isSeen = arith::CmpIOp::create(body, arith::CmpIPredicate::sle,
                                             position, end);
        if (op.getWindow()) {
          Value width =
              arith::ConstantIndexOp::create(body, int64_t(*op.getWindow()));
          Value begin = arith::SubIOp::create(body, end, width);
          Value isInside = arith::CmpIOp::create(
              body, arith::CmpIPredicate::sgt, position, begin);
          isSeen = arith::AndIOp::create(body, isSeen, isInside);
        }
        return arith::SelectOp::create(body, isSeen, score,
                                       body.number(-infinity));
      });
}

/// The largest score of each row, or its sink.
Value AttentionLoops::largest(Value scores) {
  Value init = b.filled(rowSizes, -infinity);
  if (op.getSinks()) {
    Value sinks = tensor::ExpandShapeOp::create(
        b, RankedTensorType::get({groups, members}, b.getF32Type()),
        b.castTo(op.getSinks(),
                 RankedTensorType::get({groups * members}, b.getF32Type())),
        ArrayRef<ReassociationIndices>{{0, 1}});
    init =
        b.loops({{sinks, {kv, member}}},
                {b.empty(rowSizes, b.getF32Type()), {kv, row, member}}, 3, 0,
                [](ScalarBuilder &, ValueRange values) { return values[0]; });
  }
  return b.loops({{scores, firstLoops(4)}}, {init, {kv, row, member}}, 4, 1,
                 [](ScalarBuilder &body, ValueRange values) -> Value {
                   return arith::MaximumFOp::create(body, values[1], values[0]);
                 });
}

/// The sum of the powers of each row, and of its sink's.
Value AttentionLoops::sumOf(Value powers, Value most) {
  Value init = b.filled(rowSizes, 0);
  if (op.getSinks()) {
    Value sinks = tensor::ExpandShapeOp::create(
        b, RankedTensorType::get({groups, members}, b.getF32Type()),
        b.castTo(op.getSinks(),
                 RankedTensorType::get({groups * members}, b.getF32Type())),
        ArrayRef<ReassociationIndices>{{0, 1}});
    init = b.loops({{sinks, {kv, member}}, {most, {kv, row, member}}},
                   {b.empty(rowSizes, b.getF32Type()), {kv, row, member}}, 3, 0,
                   [](ScalarBuilder &body, ValueRange values) -> Value {
                     return math::ExpOp::create(body,
                                                body.sub(values[0], values[1]));
                   });
  }
  return b.loops({{powers, firstLoops(4)}}, {init, {kv, row, member}}, 4, 1,
                 [](ScalarBuilder &body, ValueRange values) {
                   return body.add(values[1], values[0]);
                 });
}

Value AttentionLoops::emit() {
  SmallVector<int64_t> all = firstLoops(4);
  SmallVector<int64_t> ofRow = {kv, row, member};
  Value score = masked(scores());
  Value most = largest(score);
  Value powers = b.loops(
      {{score, all}, {most, ofRow}}, {b.empty(scoreSizes, b.getF32Type()), all},
      4, 0, [](ScalarBuilder &body, ValueRange values) -> Value {
        return math::ExpOp::create(body, body.sub(values[0], values[1]));
      });
  Value sum = sumOf(powers, most);
  SmallVector<OpFoldResult> sizes = {rows, b.getIndexAttr(groups),
                                     b.getIndexAttr(members),
                                     b.getIndexAttr(columns)};
  SmallVector<int64_t> ofResult = {row, kv, member, inner};
  Value total =
      b.loops({{powers, {kv, row, member, summed}}, {v, {summed, kv, inner}}},
              {b.filled(sizes, 0), ofResult}, 5, 1,
              [](ScalarBuilder &body, ValueRange values) {
                Value product = body.mul(values[0], body.toF32(values[1]));
                return body.add(values[2], product);
              });
  Value result =
      b.loops({{total, ofResult}, {sum, ofRow}},
              {b.empty(sizes, b.getF32Type()), ofResult}, 4, 0,
              [](ScalarBuilder &body, ValueRange values) -> Value {
                // A row that sees nothing has a sum of zeros.
                Value zero = body.number(0);
                Value isNothing = arith::CmpFOp::create(
                    body, arith::CmpFPredicate::OEQ, values[1], zero);
                return arith::SelectOp::create(body, isNothing, zero,
                                               body.div(values[0], values[1]));
              });
  auto type = cast<RankedTensorType>(result.getType());
  Value flat = tensor::CollapseShapeOp::create(
      b,
      RankedTensorType::get({type.getDimSize(0), groups * members, columns},
                            b.getF32Type()),
      result, ArrayRef<ReassociationIndices>{{0}, {1, 2}, {3}});
  return b.castTo(flat, op.getType());
}

Value rlx::decompose(OpBuilder &builder, AttentionOp op) {
  Value k = readPositions(builder, op, op.getK()),
        v = readPositions(builder, op, op.getV());
  return AttentionLoops(builder, op, k, v).emit();
}
