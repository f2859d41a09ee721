//===- LowerAttention.cpp - Attention as contractions and a softmax -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/dialects/LowerTmTensor.h"

#include "passes/PassDetail.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <limits>

using namespace mlir;
using namespace rlx;

namespace {
/// Operations on tensors `[..., a, b]` with the same leading dimensions.
class AttentionBuilder {
public:
  explicit AttentionBuilder(tm_tensor::AttentionOp op)
      : op(op), b(op->getLoc(), op), q(op.getInputs()[0]), k(op.getInputs()[1]),
        v(op.getInputs()[2]),
        rank(cast<RankedTensorType>(q.getType()).getRank()),
        element(getElementTypeOrSelf(q.getType())),
        wide(element.getIntOrFloatBitWidth() < 32 ? b.getF32Type() : element) {}

  Value emit();

private:
  using Body = llvm::function_ref<Value(OpBuilder &, Location, ValueRange)>;
  OpFoldResult size(Value tensor, int64_t dimension) {
    return tensor::getMixedSize(b, b.getLoc(), tensor, dimension);
  }
  /// The leading sizes, then these.
  SmallVector<OpFoldResult> sizes(ArrayRef<OpFoldResult> last) {
    SmallVector<OpFoldResult> all;
    for (int64_t i = 0; i < rank - 2; ++i)
      all.push_back(size(q, i));
    llvm::append_range(all, last);
    return all;
  }
  Value empty(ArrayRef<OpFoldResult> last, Type type) {
    return tensor::EmptyOp::create(b, sizes(last), type);
  }
  Value filled(ArrayRef<OpFoldResult> last, double value) {
    Value number = constant(b, b.getLoc(), value);
    return linalg::FillOp::create(b, number, empty(last, wide)).getResult(0);
  }
  Value constant(OpBuilder &builder, Location loc, double value) {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getFloatAttr(wide, value));
  }
  Value extended(OpBuilder &builder, Location loc, Value value) {
    if (value.getType() == wide)
      return value;
    if (value.getType().getIntOrFloatBitWidth() > wide.getIntOrFloatBitWidth())
      return arith::TruncFOp::create(builder, loc, wide, value);
    return arith::ExtFOp::create(builder, loc, wide, value);
  }
  /// The map of a tensor of loops 0 to rank - 2, and these.
  AffineMap map(unsigned loops, ArrayRef<int64_t> last) {
    SmallVector<AffineExpr> results;
    for (int64_t i = 0; i < rank - 2; ++i)
      results.push_back(b.getAffineDimExpr(i));
    for (int64_t i : last)
      results.push_back(b.getAffineDimExpr(rank - 2 + i));
    return AffineMap::get(loops, 0, results, b.getContext());
  }
  /// Loops over leading dimensions and `loops` others, of which the last adds
  /// up where `addsUp`.
  Value generic(ValueRange inputs, ArrayRef<SmallVector<int64_t>> last,
                Value output, ArrayRef<int64_t> lastOfOutput, unsigned loops,
                bool addsUp, Body body);
  Value product(Value x, Value y, bool isTransposed,
                ArrayRef<OpFoldResult> last);

  tm_tensor::AttentionOp op;
  ImplicitLocOpBuilder b;
  Value q, k, v;
  int64_t rank;
  Type element, wide;
};
} // namespace

Value AttentionBuilder::generic(ValueRange inputs,
                                ArrayRef<SmallVector<int64_t>> last,
                                Value output, ArrayRef<int64_t> lastOfOutput,
                                unsigned loops, bool addsUp, Body body) {
  unsigned all = rank - 2 + loops;
  SmallVector<AffineMap> maps;
  for (ArrayRef<int64_t> each : last)
    maps.push_back(map(all, each));
  maps.push_back(map(all, lastOfOutput));
  SmallVector<utils::IteratorType> types(all, utils::IteratorType::parallel);
  if (addsUp)
    types.back() = utils::IteratorType::reduction;
  return linalg::GenericOp::create(
             b, output.getType(), inputs, output, maps, types,
             [&](OpBuilder &inner, Location loc, ValueRange values) {
               linalg::YieldOp::create(inner, loc, body(inner, loc, values));
             })
      .getResult(0);
}

/// x [..., M, K] times y [..., K, N], or [..., N, K].
Value AttentionBuilder::product(Value x, Value y, bool isTransposed,
                                ArrayRef<OpFoldResult> last) {
  SmallVector<int64_t> ofY = {2, 1};
  if (isTransposed)
    ofY = {1, 2};
  return generic(
      {x, y}, {{0, 2}, ofY}, filled(last, 0), {0, 1}, /*loops=*/3,
      /*addsUp=*/true, [&](OpBuilder &inner, Location loc, ValueRange values) {
        Value left = extended(inner, loc, values[0]);
        Value right = extended(inner, loc, values[1]);
        Value term = arith::MulFOp::create(inner, loc, left, right);
        return arith::AddFOp::create(inner, loc, values[2], term).getResult();
      });
}

Value AttentionBuilder::emit() {
  OpFoldResult m = size(q, rank - 2), d = size(q, rank - 1),
               l = size(k, rank - 2), e = size(v, rank - 1);
  const double infinity = std::numeric_limits<double>::infinity();
  Value scores = product(q, k, /*isTransposed=*/true, {m, l});

  // By the scale, or the root of D.
  Value divisor;
  if (!op.getScale()) {
    Value count = getValueOrCreateConstantIndexOp(b, b.getLoc(), d);
    count = arith::IndexCastOp::create(b, b.getI64Type(), count);
    divisor = math::SqrtOp::create(b, arith::UIToFPOp::create(b, wide, count));
  }
  SmallVector<Value> inputs = {scores};
  SmallVector<SmallVector<int64_t>> maps = {{0, 1}};
  if (op.getInputs().size() == 4) {
    inputs.push_back(op.getInputs()[3]);
    maps.push_back({0, 1});
  }
  scores = generic(
      inputs, maps, empty({m, l}, wide), {0, 1}, /*loops=*/2, /*addsUp=*/false,
      [&](OpBuilder &inner, Location loc, ValueRange values) {
        Value score = values[0];
        if (divisor)
          score = arith::DivFOp::create(inner, loc, score, divisor);
        else
          score = arith::MulFOp::create(
              inner, loc, score,
              constant(inner, loc, op.getScale()->convertToDouble()));
        if (inputs.size() == 1)
          return score;
        Value mask = values[1];
        mask = mask.getType().isInteger(1)
                   ? arith::SelectOp::create(inner, loc, mask,
                                             constant(inner, loc, 0),
                                             constant(inner, loc, -infinity))
                         .getResult()
                   : extended(inner, loc, mask);
        return arith::AddFOp::create(inner, loc, score, mask).getResult();
      });

  Value most = generic({scores}, {{0, 1}}, filled({m}, -infinity), {0},
                       /*loops=*/2, /*addsUp=*/true,
                       [&](OpBuilder &inner, Location loc, ValueRange values) {
                         return arith::MaximumFOp::create(inner, loc, values[1],
                                                          values[0])
                             .getResult();
                       });
  // A row of which nothing is left has no number to subtract.
  auto known = [&](OpBuilder &inner, Location loc, Value value) -> Value {
    Value isNothing =
        arith::CmpFOp::create(inner, loc, arith::CmpFPredicate::OEQ, value,
                              constant(inner, loc, -infinity));
    return arith::SelectOp::create(inner, loc, isNothing,
                                   constant(inner, loc, 0), value);
  };
  Value powers = generic(
      {scores, most}, {{0, 1}, {0}}, empty({m, l}, wide), {0, 1}, /*loops=*/2,
      /*addsUp=*/false, [&](OpBuilder &inner, Location loc, ValueRange values) {
        Value distance = arith::SubFOp::create(inner, loc, values[0],
                                               known(inner, loc, values[1]));
        return math::ExpOp::create(inner, loc, distance).getResult();
      });
  Value sums = generic(
      {powers}, {{0, 1}}, filled({m}, 0), {0}, /*loops=*/2,
      /*addsUp=*/true, [&](OpBuilder &inner, Location loc, ValueRange values) {
        return arith::AddFOp::create(inner, loc, values[1], values[0])
            .getResult();
      });
  Value weights = generic(
      {powers, sums}, {{0, 1}, {0}}, empty({m, l}, wide), {0, 1}, /*loops=*/2,
      /*addsUp=*/false, [&](OpBuilder &inner, Location loc, ValueRange values) {
        Value zero = constant(inner, loc, 0);
        Value isNothing = arith::CmpFOp::create(
            inner, loc, arith::CmpFPredicate::OEQ, values[1], zero);
        Value part = arith::DivFOp::create(inner, loc, values[0], values[1]);
        return arith::SelectOp::create(inner, loc, isNothing, zero, part)
            .getResult();
      });

  Value result = product(weights, v, /*isTransposed=*/false, {m, e});
  if (wide != element)
    result =
        generic({result}, {{0, 1}}, empty({m, e}, element), {0, 1},
                /*loops=*/2, /*addsUp=*/false,
                [&](OpBuilder &inner, Location loc, ValueRange values) {
                  return arith::TruncFOp::create(inner, loc, element, values[0])
                      .getResult();
                });
  Type type = op->getResult(0).getType();
  return result.getType() == type
             ? result
             : tensor::CastOp::create(b, type, result).getResult();
}

Value rlx::lowerAttention(tm_tensor::AttentionOp op) {
  return AttentionBuilder(op).emit();
}
