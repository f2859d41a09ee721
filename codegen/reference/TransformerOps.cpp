//===- TransformerOps.cpp - Norms, rotary embeddings, choices -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As the descriptions in ir/TransformerOps.td say, number by number.
//
//===----------------------------------------------------------------------===//

#include "codegen/reference/Estimate.h"

#include "ir/Dialect.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace rlx;

namespace {
//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// `x / sqrt(sum x^2 / K + epsilon) * weight + bias` of a row.
void normalize(ArrayRef<Estimate> row, double epsilon, const Numbers *weight,
               const Numbers *bias, int64_t begin, EstimatedResult &result) {
  Estimate sum;
  for (Estimate x : row)
    sum =
        sum + Estimate{x.value * x.value, 2 * std::fabs(x.value) * x.deviation}
                  .rounded();
  Estimate mean = sum / Estimate{double(row.size())} + constantOfF32(epsilon);
  Estimate factor = {1 / std::sqrt(mean.value), 0};
  factor.deviation = factor.value * mean.deviation / (2 * mean.value);
  factor = factor.rounded(4);
  for (auto [i, x] : llvm::enumerate(row)) {
    Estimate y = x * factor;
    if (weight)
      y = y * estimateOf(*weight, int64_t(i));
    if (bias)
      y = y + estimateOf(*bias, int64_t(i));
    result.set(begin + int64_t(i), y);
  }
}

LogicalResult runNorm(Interpreter &interpreter, Operation *op, Value source,
                      Value weightValue, Value biasValue, double epsilon,
                      bool isCentred) {
  Datum x = interpreter.get(source);
  std::optional<Datum> weight, bias;
  int64_t columns = x.shape().back();
  for (auto [value, name, datum] :
       {std::tuple(weightValue, "the weight", &weight),
        std::tuple(biasValue, "the bias", &bias)}) {
    if (!value)
      continue;
    *datum = interpreter.get(value);
    if (failed(checkSizes(op, name, **datum, {columns})))
      return failure();
  }
  if (failed(
          checkShape(op, x.shape(), op->getResult(0).getType(), "the result")))
    return failure();
  EstimatedResult result(op->getResult(0).getType(), x.shape());
  std::vector<Estimate> row(columns);
  for (int64_t begin = 0; columns > 0 && begin < x.size(); begin += columns) {
    for (int64_t i = 0; i < columns; ++i)
      row[i] = estimateOf(x.numbers(), begin + i);
    if (isCentred) {
      Estimate sum;
      for (Estimate number : row)
        sum = sum + number;
      Estimate mean = sum / Estimate{double(columns)};
      for (Estimate &number : row)
        number = number - mean;
    }
    normalize(row, epsilon, weight ? &weight->numbers() : nullptr,
              bias ? &bias->numbers() : nullptr, begin, result);
  }
  interpreter.set(op->getResult(0), result.take());
  return success();
}

LogicalResult runRmsNorm(Interpreter &interpreter, RmsNormOp op) {
  return runNorm(interpreter, op, op.getX(), op.getWeight(), Value(),
                 op.getEpsilon().convertToDouble(), /*isCentred=*/false);
}

LogicalResult runLayerNorm(Interpreter &interpreter, LayerNormOp op) {
  return runNorm(interpreter, op, op.getX(), op.getWeight(), op.getBias(),
                 op.getEpsilon().convertToDouble(), /*isCentred=*/true);
}

//===----------------------------------------------------------------------===//
// Rotary position embeddings
//===----------------------------------------------------------------------===//

LogicalResult runRopeTable(Interpreter &interpreter, RopeTableOp op) {
  int64_t position = interpreter.getIndex(op.getPosition()),
          count = interpreter.getIndex(op.getCount()),
          pairs = int64_t(op.getDims()) / 2;
  if (position < 0 || count < 0)
    return op.emitOpError() << "expected a position and a count of at least 0, "
                               "but got "
                            << position << " and " << count;
  std::optional<Datum> factors;
  if (op.getFactors()) {
    factors = interpreter.get(op.getFactors());
    if (failed(checkSizes(op, "the factors", *factors, {pairs})))
      return failure();
  }
  std::vector<int64_t> shape = {2, count, pairs};
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  EstimatedResult result(op.getType(), shape);
  double base = op.getBase().convertToDouble(),
         magnitude = op.getMagnitude().convertToDouble();
  for (int64_t i = 0; i < pairs; ++i) {
    double frequency =
        std::pow(base, -double(i) / double(pairs)) * op.scaleOfPair(i);
    double relative = 0x1p-52;
    if (factors) {
      Estimate factor = estimateOf(factors->numbers(), i);
      frequency /= factor.value;
      relative = std::hypot(4 * halfUlp, factor.deviation / factor.value);
    }
    for (int64_t t = 0; t < count; ++t) {
      double angle = double(position + t) * frequency;
      // What is left of whole turns is rounded a few times.
      double ofAngle = std::hypot(
          4 * halfUlp * std::min(std::fabs(angle), M_PI), relative * angle);
      Estimate scale = constantOfF32(magnitude);
      int64_t at = t * pairs + i;
      result.set(at,
                 Estimate{std::cos(angle), ofAngle * std::sin(angle)}.rounded(
                     offOfFunctions) *
                     scale);
      result.set(count * pairs + at,
                 Estimate{std::sin(angle), ofAngle * std::cos(angle)}.rounded(
                     offOfFunctions) *
                     scale);
    }
  }
  interpreter.set(op.getResult(), result.take());
  return success();
}

LogicalResult runRope(Interpreter &interpreter, RopeOp op) {
  Datum x = interpreter.get(op.getX()), table = interpreter.get(op.getTable());
  int64_t count = x.shape()[0], heads = x.shape()[1], columns = x.shape()[2],
          pairs = table.shape()[2];
  if (failed(checkSizes(op, "the table", table, {2, count, pairs})))
    return failure();
  EstimatedResult result(op.getType(), x.shape());
  bool isPairs = op.getStyle() == RopeStyle::pairs;
  for (int64_t row = 0; row < count * heads; ++row) {
    auto number = [&](int64_t column) {
      return estimateOf(x.numbers(), row * columns + column);
    };
    for (int64_t column = 2 * pairs; column < columns; ++column)
      result.set(row * columns + column, number(column));
    for (int64_t i = 0; i < pairs; ++i) {
      int64_t at = row / heads * pairs + i;
      Estimate cosine = estimateOf(table.numbers(), at),
               sine = estimateOf(table.numbers(), count * pairs + at);
      int64_t first = isPairs ? 2 * i : i,
              second = isPairs ? first + 1 : i + pairs;
      result.set(row * columns + first,
                 number(first) * cosine - number(second) * sine);
      result.set(row * columns + second,
                 number(second) * cosine + number(first) * sine);
    }
  }
  interpreter.set(op.getResult(), result.take());
  return success();
}

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

LogicalResult runLargest(Interpreter &interpreter, rlx::TopkOp op) {
  Datum x = interpreter.get(op.getX());
  int64_t
      n = x.shape().back(),
      k = cast<RankedTensorType>(op.getValues().getType()).getShape().back();
  if (k > n)
    return op.emitOpError()
           << "expected rows of at least " << k << " numbers, but got " << n;
  std::vector<int64_t> shape = x.shape();
  shape.back() = k;
  if (failed(checkShape(op, shape, op.getValues().getType(), "the values")))
    return failure();
  Numbers values, ids;
  values.reset(x.elementType(), countOf(shape));
  ids.reset(getElementTypeOrSelf(op.getIds().getType()), countOf(shape));
  std::vector<double> &ofValues = values.allDeviations(),
                      &ofIds = ids.allDeviations();
  std::vector<int64_t> order(n);
  for (int64_t row = 0; row < x.size() / n; ++row) {
    auto number = [&](int64_t i) {
      double value = x.numbers().values[row * n + i];
      return std::isnan(value) ? -std::numeric_limits<double>::infinity()
                               : value;
    };
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return number(a) > number(b);
    });
    // No number of the row moves further than that, nor does any in its place.
    double deviation = 0;
    for (int64_t i = 0; i < n; ++i)
      deviation = std::max(deviation, x.numbers().deviation(row * n + i));
    constexpr double around = 8;
    auto mayPass = [&](int64_t place) { // the one behind it
      return place >= 0 && place + 1 < n && deviation > 0 &&
             !(number(order[place]) - number(order[place + 1]) >
               2 * around * deviation);
    };
    for (int64_t j = 0; j < k; ++j) {
      values.values[row * k + j] = number(order[j]);
      ofValues[row * k + j] = deviation;
      ids.bits[row * k + j] = uint64_t(order[j]);
      ofIds[row * k + j] = mayPass(j) || mayPass(j - 1) ? unknownDeviation : 0;
    }
  }
  interpreter.set(op.getValues(),
                  Datum(op.getValues().getType(), shape, std::move(values)));
  interpreter.set(op.getIds(),
                  Datum(op.getIds().getType(), shape, std::move(ids)));
  return success();
}
} // namespace

void rlx::addTransformerOps(HandlerTable &table) {
  table.add<RmsNormOp, runRmsNorm>();
  table.add<LayerNormOp, runLayerNorm>();
  table.add<RopeTableOp, runRopeTable>();
  table.add<RopeOp, runRope>();
  table.add<rlx::TopkOp, runLargest>();
}
