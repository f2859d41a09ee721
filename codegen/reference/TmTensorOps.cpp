//===- TmTensorOps.cpp - torch-mlir's own operations ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Interpreter.h"

#include "ir/TmTensor.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace rlx;
using namespace rlx::tm_tensor;

namespace {
/// The lines of a tensor along a dimension: where each begins, and how far
/// apart its elements are.
struct Lines {
  Lines(ArrayRef<int64_t> shape, int64_t dimension)
      : length(shape[dimension]), stride(stridesOf(shape)[dimension]),
        count(length ? countOf(shape) / length : 0) {}
  int64_t begin(int64_t line) const {
    return line / stride * stride * length + line % stride;
  }
  int64_t length, stride, count;
};

Datum element(const Datum &tensor, int64_t position) {
  Numbers number;
  number.reset(tensor.elementType(), 1);
  number.copy(0, tensor.numbers(), position);
  return Datum(tensor.elementType(), {}, std::move(number));
}

LogicalResult checkSame(Operation *op, const Datum &datum,
                        ArrayRef<int64_t> expected, StringRef what) {
  if (ArrayRef<int64_t>(datum.shape()) == expected)
    return success();
  return op->emitOpError() << "expected " << what << " to have sizes "
                           << describeShape(expected.vec()) << ", but got "
                           << describeShape(datum.shape());
}

/// What a region says of two elements. `isCertain` becomes false where rounding
/// may have led to another answer.
FailureOr<bool> compare(Interpreter &interpreter, Region &region,
                        ArrayRef<Datum> elements, bool &isCertain) {
  FailureOr<Interpreter::Results> answer = interpreter.run(region, elements);
  if (failed(answer))
    return failure();
  const Numbers &numbers = answer->front().numbers();
  isCertain &= numbers.deviation(0) == 0;
  return numbers.bits[0] != 0;
}

LogicalResult runScan(Interpreter &interpreter, ScanOp op) {
  Datum input = interpreter.get(op.getInputs()[0]);
  Datum totals = interpreter.take(op->getOpOperand(1)),
        last = interpreter.take(op->getOpOperand(2));
  std::vector<int64_t> rest = input.shape();
  rest.erase(rest.begin() + op.getDimension());
  if (failed(checkSame(op, totals, input.shape(), "the totals")) ||
      failed(checkSame(op, last, rest, "the accumulator")))
    return failure();
  Lines lines(input.shape(), op.getDimension());
  for (int64_t line = 0; line < lines.count; ++line) {
    int64_t begin = lines.begin(line);
    Datum total =
        op.getInclusive() ? element(input, begin) : element(last, line);
    totals.writable().copy(begin, total.numbers(), 0);
    for (int64_t i = 1; i < lines.length; ++i) {
      int64_t from = begin + (op.getInclusive() ? i : i - 1) * lines.stride;
      FailureOr<Interpreter::Results> next =
          interpreter.run(op.getRegion(), {total, element(input, from)});
      if (failed(next))
        return failure();
      total = next->front();
      totals.writable().copy(begin + i * lines.stride, total.numbers(), 0);
    }
    if (lines.length > 1)
      last.writable().copy(line, total.numbers(), 0);
  }
  interpreter.set(op->getResult(0), std::move(totals));
  interpreter.set(op->getResult(1), std::move(last));
  return success();
}

LogicalResult runScatter(Interpreter &interpreter, ScatterOp op) {
  Datum updates = interpreter.get(op.getInputs()[0]),
        indices = interpreter.get(op.getInputs()[1]);
  Datum whole = interpreter.take(op->getOpOperand(2));
  ArrayRef<int64_t> named = op.getDimensionMap();
  if (failed(checkSame(op, indices, {updates.shape()[0], int64_t(named.size())},
                       "the indices")))
    return failure();
  std::vector<int64_t> strides = stridesOf(updates.shape());
  unsigned width = widthOf(indices.elementType());
  int64_t own = updates.rank() - 1;
  for (int64_t i = 0, e = updates.size(); i < e; ++i) {
    std::vector<int64_t> at(whole.rank());
    for (int64_t d = 0; d < own; ++d)
      at[whole.rank() - own + d] = i / strides[d + 1] % updates.shape()[d + 1];
    int64_t row = i / strides[0], position = 0;
    for (auto [column, dimension] : llvm::enumerate(named))
      at[dimension] += signedBits(
          indices.numbers().bits[row * int64_t(named.size()) + column], width);
    for (auto [d, size] : llvm::enumerate(whole.shape())) {
      if (failed(checkIndex(op, at[d], size,
                            "index " + std::to_string(d) + " of update " +
                                std::to_string(row))))
        return failure();
      position = position * size + at[d];
    }
    FailureOr<Interpreter::Results> updated = interpreter.run(
        op.getRegion(), {element(updates, i), element(whole, position)});
    if (failed(updated))
      return failure();
    whole.writable().copy(position, updated->front().numbers(), 0);
  }
  interpreter.set(op->getResult(0), std::move(whole));
  return success();
}

/// Of what nothing is known, where the order is not certain.
void forget(Datum &tensor, const Lines &lines, int64_t line) {
  std::vector<double> &deviations = tensor.writable().allDeviations();
  for (int64_t i = 0; i < lines.length; ++i)
    deviations[lines.begin(line) + i * lines.stride] = unknownDeviation;
}

LogicalResult runSort(Interpreter &interpreter, SortOp op) {
  SmallVector<Datum> tensors;
  for (OpOperand &operand : op->getOpOperands())
    tensors.push_back(interpreter.take(operand));
  for (const Datum &tensor : tensors)
    if (failed(checkSame(op, tensor, tensors[0].shape(), "each output")))
      return failure();
  Lines lines(tensors[0].shape(), op.getDimension());
  for (int64_t line = 0; line < lines.count; ++line) {
    bool isCertain = true, hasFailed = false;
    std::vector<int64_t> order;
    for (int64_t i = 0; i < lines.length; ++i)
      order.push_back(lines.begin(line) + i * lines.stride);
    std::stable_sort(order.begin(), order.end(), [&](int64_t x, int64_t y) {
      SmallVector<Datum> pair;
      for (const Datum &tensor : tensors)
        pair.append({element(tensor, y), element(tensor, x)});
      if (hasFailed)
        return false;
      FailureOr<bool> isInOrder =
          compare(interpreter, op.getRegion(), pair, isCertain);
      hasFailed = failed(isInOrder);
      return !hasFailed && !*isInOrder;
    });
    if (hasFailed)
      return failure();
    for (Datum &tensor : tensors) {
      SmallVector<Datum> sorted;
      for (int64_t from : order)
        sorted.push_back(element(tensor, from));
      for (auto [i, number] : llvm::enumerate(sorted))
        tensor.writable().copy(lines.begin(line) + int64_t(i) * lines.stride,
                               number.numbers(), 0);
      if (!isCertain)
        forget(tensor, lines, line);
    }
  }
  for (auto [result, tensor] : llvm::zip(op->getResults(), tensors))
    interpreter.set(result, std::move(tensor));
  return success();
}

LogicalResult runTopk(Interpreter &interpreter, tm_tensor::TopkOp op) {
  Datum input = interpreter.get(op.getInputs()[0]);
  std::optional<Datum> given;
  if (op.getInputs().size() == 2)
    given = interpreter.get(op.getInputs()[1]);
  unsigned first = op.getInputs().size();
  Datum values = interpreter.take(op->getOpOperand(first)),
        indices = interpreter.take(op->getOpOperand(first + 1));
  int64_t dimension = op.getDimension();
  std::vector<int64_t> expected = input.shape();
  expected[dimension] = values.shape()[dimension];
  if (failed(checkSame(op, values, expected, "the values")) ||
      failed(checkSame(op, indices, expected, "the indices")) ||
      (given &&
       failed(checkSame(op, *given, input.shape(), "the input's indices"))))
    return failure();
  Lines from(input.shape(), dimension), to(expected, dimension);
  unsigned width = widthOf(indices.elementType());
  for (int64_t line = 0; line < to.count; ++line) {
    bool isCertain = true;
    for (int64_t i = 0; i < from.length; ++i) {
      int64_t source = from.begin(line) + i * from.stride;
      Datum value = element(input, source);
      Datum index = given ? element(*given, source)
                          : Datum::scalar(indices.elementType(), uint64_t(i));
      for (int64_t place = 0; place < to.length; ++place) {
        int64_t at = to.begin(line) + place * to.stride;
        Datum old = element(values, at), oldIndex = element(indices, at);
        FailureOr<bool> isBefore = compare(interpreter, op.getRegion(),
                                           {value, old}, isCertain),
                        isAfter = compare(interpreter, op.getRegion(),
                                          {old, value}, isCertain);
        if (failed(isBefore) || failed(isAfter))
          return failure();
        bool isEarlier = signedBits(index.numbers().bits[0], width) <
                         signedBits(oldIndex.numbers().bits[0], width);
        if (*isBefore) {
          values.writable().copy(at, value.numbers(), 0);
          value = old;
        }
        if (*isBefore || (*isBefore == *isAfter && isEarlier)) {
          indices.writable().copy(at, index.numbers(), 0);
          index = oldIndex;
        }
      }
    }
    if (!isCertain) {
      forget(values, to, line);
      forget(indices, to, line);
    }
  }
  interpreter.set(op->getResult(0), std::move(values));
  interpreter.set(op->getResult(1), std::move(indices));
  return success();
}

//===----------------------------------------------------------------------===//
// attention
//===----------------------------------------------------------------------===//

/// Numbers of a matrix, with their deviations.
struct Matrix {
  Matrix(const Datum &datum, int64_t batch)
      : numbers(datum.numbers()), columns(datum.shape()[datum.rank() - 1]),
        begin(batch * datum.shape()[datum.rank() - 2] * columns) {}
  int64_t at(int64_t row, int64_t column) const {
    return begin + row * columns + column;
  }
  double value(int64_t row, int64_t column) const {
    return numbers.values[at(row, column)];
  }
  double deviation(int64_t row, int64_t column) const {
    return numbers.deviation(at(row, column));
  }
  const Numbers &numbers;
  int64_t columns, begin;
};

/// A number and its variance.
struct Uncertain {
  double value = 0, variance = 0;
};

/// Adds `x y` to a sum that is rounded at each step.
void addProduct(Uncertain &sum, double x, double ofX, double y, double ofY,
                double unit) {
  double term = x * y;
  sum.value += term;
  double ofTerm = x * ofY, other = y * ofX;
  sum.variance += ofTerm * ofTerm + other * other + unit * unit * term * term +
                  unit * unit * sum.value * sum.value;
}

LogicalResult checkAttention(tm_tensor::AttentionOp op,
                             ArrayRef<Datum> inputs) {
  const Datum &q = inputs[0];
  int64_t rank = q.rank();
  std::vector<int64_t> expected = q.shape();
  expected[rank - 2] = inputs[1].shape()[rank - 2];
  if (failed(checkSame(op, inputs[1], expected, "keys")))
    return failure();
  expected[rank - 1] = inputs[2].shape()[rank - 1];
  if (failed(checkSame(op, inputs[2], expected, "values")))
    return failure();
  if (inputs.size() == 3)
    return success();
  expected[rank - 1] = expected[rank - 2];
  expected[rank - 2] = q.shape()[rank - 2];
  return checkSame(op, inputs[3], expected, "the mask");
}

LogicalResult runAttention(Interpreter &interpreter,
                           tm_tensor::AttentionOp op) {
  SmallVector<Datum> inputs = interpreter.getAll(op.getInputs());
  if (failed(checkAttention(op, inputs)))
    return failure();
  int64_t rank = inputs[0].rank();
  std::vector<int64_t> shape = inputs[0].shape();
  int64_t rows = shape[rank - 2], depth = shape[rank - 1],
          keys = inputs[1].shape()[rank - 2],
          columns = inputs[2].shape()[rank - 1];
  shape[rank - 1] = columns;
  Type type = inputs[0].elementType();
  // Short floats are computed in f32.
  double unit = std::ldexp(1.0, type.isF64() ? -53 : -24);
  double scale = op.getScale() ? op.getScale()->convertToDouble()
                               : 1 / std::sqrt(double(depth));
  Rounding rounding(type);
  Numbers numbers;
  numbers.reset(type, countOf(shape));
  std::vector<double> &deviations = numbers.allDeviations();
  int64_t batches = countOf(ArrayRef(shape).drop_back(2));
  std::vector<Uncertain> scores(keys);
  for (int64_t batch = 0; batch < batches; ++batch) {
    Matrix q(inputs[0], batch), k(inputs[1], batch), v(inputs[2], batch);
    for (int64_t row = 0; row < rows; ++row) {
      double most = -std::numeric_limits<double>::infinity();
      for (int64_t key = 0; key < keys; ++key) {
        Uncertain score;
        for (int64_t i = 0; i < depth; ++i)
          addProduct(score, q.value(row, i), q.deviation(row, i),
                     k.value(key, i), k.deviation(key, i), unit);
        score.value *= scale;
        score.variance = scale * scale * score.variance +
                         4 * unit * unit * score.value * score.value;
        if (inputs.size() == 4) {
          int64_t at = (batch * rows + row) * keys + key;
          const Numbers &mask = inputs[3].numbers();
          double added = mask.isFloat() ? mask.values[at]
                         : mask.bits[at]
                             ? 0
                             : -std::numeric_limits<double>::infinity();
          score.value += added;
          score.variance += mask.deviation(at) * mask.deviation(at) +
                            unit * unit * score.value * score.value;
        }
        if (std::isinf(score.value))
          score.variance = 0;
        most = std::max(most, score.value);
        scores[key] = score;
      }
      Uncertain sum;
      for (Uncertain &score : scores) {
        double distance = std::isinf(most) ? score.value : score.value - most;
        double power = std::exp(distance);
        // Rounding the distance and the function.
        double relative =
            score.variance + unit * unit * (distance * distance + 4);
        score.value = power;
        score.variance = power > 0 ? power * power * relative : 0;
        sum.value += power;
        sum.variance += score.variance + unit * unit * sum.value * sum.value;
      }
      for (int64_t column = 0; column < columns; ++column) {
        Uncertain total;
        for (int64_t key = 0; key < keys; ++key) {
          double part = sum.value == 0 ? 0 : scores[key].value / sum.value;
          double relative =
              scores[key].value > 0
                  ? std::sqrt(scores[key].variance) / scores[key].value
                  : 0;
          double ofSum =
              sum.value > 0 ? std::sqrt(sum.variance) / sum.value : 0;
          double ofPart = part * std::sqrt(relative * relative + ofSum * ofSum +
                                           unit * unit);
          addProduct(total, part, ofPart, v.value(key, column),
                     v.deviation(key, column), unit);
        }
        int64_t at = (batch * rows + row) * columns + column;
        numbers.values[at] = total.value;
        deviations[at] = std::sqrt(total.variance);
        rounding.apply(numbers.values[at], deviations[at]);
      }
    }
  }
  interpreter.set(
      op->getResult(0),
      Datum(op->getResult(0).getType(), std::move(shape), std::move(numbers)));
  return success();
}
} // namespace

void rlx::addTmTensorOps(HandlerTable &table) {
  table.add<ScanOp, runScan>();
  table.add<ScatterOp, runScatter>();
  table.add<SortOp, runSort>();
  table.add<tm_tensor::TopkOp, runTopk>();
  table.add<tm_tensor::AttentionOp, runAttention>();
}
