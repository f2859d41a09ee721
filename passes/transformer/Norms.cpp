//===- Norms.cpp - Norms as linalg ----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums over rows, and what is computed of each number and the sums: operations
// that share their rows, which loops go through together.
//
//===----------------------------------------------------------------------===//

#include "passes/transformer/Decompositions.h"
#include "passes/transformer/TensorLoops.h"

using namespace mlir;
using namespace rlx;

namespace {
/// A norm over the last dimension of a tensor.
class RowNorm {
public:
  RowNorm(OpBuilder &builder, Location loc, Value x)
      : b(loc, builder), rank(cast<RankedTensorType>(x.getType()).getRank()),
        all(firstLoops(rank)), rows(firstLoops(rank - 1)), sizes(b.sizes(x)) {
    Value count =
        arith::IndexCastOp::create(b, b.getI64Type(), b.toValue(sizes.back()));
    columns = arith::UIToFPOp::create(b, b.getF32Type(), count);
  }

  /// The sum of `term` of each number of a row.
  Value sums(Value x, llvm::function_ref<Value(ScalarBuilder &, Value)> term) {
    return b.loops({{x, all}}, {b.filled(ArrayRef(sizes).drop_back(), 0), rows},
                   rank, 1, [&](ScalarBuilder &inner, ValueRange values) {
                     Value number = term(inner, inner.toF32(values[0]));
                     return inner.add(values[1], number);
                   });
  }
  /// `body` of each number, the sum of its row and those of `columnValues`, in
  /// f32, as `element`.
  Value each(Value x, Value sums, ValueRange columnValues, Type element,
             TensorLoops::BodyOfOne body) {
    SmallVector<LoopOperand> inputs = {{x, all}, {sums, rows}};
    for (Value value : columnValues)
      inputs.push_back({value, {rank - 1}});
    return b.loops(inputs, {b.empty(sizes, element), all}, rank, 0,
                   [&](ScalarBuilder &inner, ValueRange values) {
                     SmallVector<Value> numbers;
                     for (Value value : values.drop_back())
                       numbers.push_back(inner.toF32(value));
                     return inner.fromF32(body(inner, numbers), element);
                   });
  }
  /// 1 / sqrt(sum / K + epsilon)
  Value factor(ScalarBuilder &inner, Value sum, double epsilon) {
    Value mean = inner.div(sum, columns);
    return math::RsqrtOp::create(inner, inner.add(mean, inner.number(epsilon)));
  }

  TensorLoops b;
  int64_t rank;
  SmallVector<int64_t> all, rows;
  SmallVector<OpFoldResult> sizes;
  Value columns; ///< K, as f32.
};
} // namespace

static Value squared(ScalarBuilder &inner, Value x) { return inner.mul(x, x); }

static Type elementOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

Value rlx::decompose(OpBuilder &builder, RmsNormOp op) {
  RowNorm norm(builder, op.getLoc(), op.getX());
  double epsilon = op.getEpsilon().convertToDouble();
  SmallVector<Value> columns;
  if (op.getWeight())
    columns.push_back(op.getWeight());
  Value result = norm.each(
      op.getX(), norm.sums(op.getX(), squared), columns,
      elementOf(op.getResult()), [&](ScalarBuilder &inner, ValueRange values) {
        Value scaled =
            inner.mul(values[0], norm.factor(inner, values[1], epsilon));
        return columns.empty() ? scaled : inner.mul(scaled, values[2]);
      });
  return norm.b.castTo(result, op.getType());
}

Value rlx::decompose(OpBuilder &builder, LayerNormOp op) {
  RowNorm norm(builder, op.getLoc(), op.getX());
  double epsilon = op.getEpsilon().convertToDouble();
  Value sums = norm.sums(op.getX(), [](ScalarBuilder &, Value x) { return x; });
  Value centred = norm.each(
      op.getX(), sums, {}, builder.getF32Type(),
      [&](ScalarBuilder &inner, ValueRange values) {
        return inner.sub(values[0], inner.div(values[1], norm.columns));
      });
  SmallVector<Value> columns;
  for (Value row : {op.getWeight(), op.getBias()})
    if (row)
      columns.push_back(row);
  Value result = norm.each(
      centred, norm.sums(centred, squared), columns, elementOf(op.getResult()),
      [&](ScalarBuilder &inner, ValueRange values) {
        Value scaled =
            inner.mul(values[0], norm.factor(inner, values[1], epsilon));
        if (op.getWeight())
          scaled = inner.mul(scaled, values[2]);
        return op.getBias() ? inner.add(scaled, values.back()) : scaled;
      });
  return norm.b.castTo(result, op.getType());
}
