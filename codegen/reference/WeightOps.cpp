//===- WeightOps.cpp - RLX's own operations on tensors --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Interpreter.h"
#include "codegen/reference/ProductError.h"
#include "codegen/reference/QMatmulOps.h"
#include "codegen/reference/QuantizeOps.h"
#include "codegen/reference/WeightRows.h"

#include "ir/ActivationGroup.h"
#include "ir/Dialect.h"
#include "ir/ViewOps.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

namespace {
LogicalResult runWeight(Interpreter &interpreter, WeightOp op) {
  if (op.getResult().use_empty())
    return success();
  FailureOr<Datum> datum = interpreter.weight(
      op, op.getName(), cast<RankedTensorType>(op.getResult().getType()));
  if (failed(datum))
    return failure();
  interpreter.set(op.getResult(), *datum);
  return success();
}

template <typename OpT>
FailureOr<WeightRows> rowsOf(Interpreter &interpreter, OpT op, Value weight) {
  return WeightRows::create(interpreter, op, weight, op.getScales(),
                            op.getZeroPoints(), op.getGlobalScale());
}

/// Fails unless size `i` of operand `what` is `expected`.
LogicalResult checkSize(Operation *op, llvm::StringRef what, const Datum &datum,
                        unsigned i, int64_t expected) {
  if (datum.shape()[i] == expected)
    return success();
  return op->emitOpError() << "expected dimension " << i << " of " << what
                           << " to be " << expected << ", but got "
                           << datum.shape()[i];
}

/// The results of a matmul while they are computed.
struct Sums {
  Sums(Type type, std::vector<int64_t> shape)
      : type(type), shape(std::move(shape)) {
    int64_t count = countOf(this->shape);
    numbers.reset(getElementTypeOrSelf(type), count);
    numbers.allDeviations();
    magnitudes.resize(count);
  }
  /// Sets element `i` to a sum and what is added to it.
  void set(int64_t i, ProductSum sum, const Numbers *bias, int64_t at) {
    double value = sum.value, deviation = sum.deviation,
           magnitude = sum.magnitude;
    if (bias) {
      value += bias->values[at];
      deviation = combineDeviations(deviation, bias->deviation(at));
      magnitude = std::hypot(magnitude, bias->values[at]);
    }
    bool isBeyond = std::isinf(deviation);
    rounding.apply(value, deviation);
    if (isBeyond) // also of what is not finite itself
      deviation = std::numeric_limits<double>::infinity();
    numbers.values[i] = value;
    numbers.deviations[i] = deviation;
    magnitudes[i] = magnitude;
  }
  Datum take() {
    Datum datum(type, std::move(shape), std::move(numbers));
    datum.setMagnitudes(std::move(magnitudes));
    return datum;
  }

  Type type;
  std::vector<int64_t> shape;
  Numbers numbers;
  std::vector<double> magnitudes;
  Rounding rounding{getElementTypeOrSelf(type)};
};

template <typename OpT> ProductError errorOf(OpT op) {
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  Type activations =
      op.getActivations().value_or(Float32Type::get(op.getContext()));
  int64_t group = op.getActivationGroup().value_or(
      usualActivationGroup(QuantScheme::of(weight), weight.getShape().back(),
                           activations, op.getReencoded()));
  return ProductError(op.getContext(), activations, group, op.getReencoded());
}

/// y[..., n] = sum_k x[..., k] * w[n, k] + bias[n]
LogicalResult runMatmul(Interpreter &interpreter, MatmulOp op) {
  FailureOr<WeightRows> w = rowsOf(interpreter, op, op.getWeight());
  if (failed(w))
    return failure();
  Datum x = interpreter.get(op.getX());
  int64_t n = w->shape()[0], k = w->columns();
  std::vector<int64_t> shape = x.shape();
  shape.pop_back();
  int64_t m = countOf(shape);
  shape.push_back(n);
  std::optional<Datum> bias;
  if (op.getBias())
    bias = interpreter.get(op.getBias());
  if (failed(checkSize(op, "x", x, x.rank() - 1, k)) ||
      (bias && failed(checkSize(op, "bias", *bias, 0, n))) ||
      failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  ProductError error = errorOf(op);
  std::vector<ActivationRow> rows(m);
  for (int64_t i = 0; i < m; ++i)
    error.readRow(x, i * k, k, rows[i]);
  Sums sums(op.getType(), shape);
  WeightRow row;
  FactorRow factors;
  for (int64_t j = 0; m > 0 && j < n; ++j) {
    w->read(j, row);
    error.prepare(row, factors);
    for (int64_t i = 0; i < m; ++i)
      sums.set(i * n + j, error.multiply(rows[i], factors),
               bias ? &bias->numbers() : nullptr, j);
  }
  interpreter.set(op.getResult(), sums.take());
  return success();
}

/// y[t, s, n] = sum_k x[t, s or all, k] * w[ids[t, s], n, k]
///              + bias[ids[t, s], n]
LogicalResult runGatherMatmul(Interpreter &interpreter, GatherMatmulOp op) {
  FailureOr<WeightRows> w = rowsOf(interpreter, op, op.getWeight());
  if (failed(w))
    return failure();
  Datum x = interpreter.get(op.getX()), ids = interpreter.get(op.getIds());
  int64_t experts = w->shape()[0], n = w->shape()[1], k = w->columns();
  int64_t tokens = ids.shape()[0], slots = ids.shape()[1];
  std::optional<Datum> bias;
  if (op.getBias())
    bias = interpreter.get(op.getBias());
  bool isShared = x.rank() == 2;
  if (failed(checkSize(op, "x", x, x.rank() - 1, k)) ||
      failed(checkSize(op, "x", x, 0, tokens)) ||
      (!isShared && failed(checkSize(op, "x", x, 1, slots))) ||
      (bias && (failed(checkSize(op, "bias", *bias, 0, experts)) ||
                failed(checkSize(op, "bias", *bias, 1, n)))) ||
      failed(checkShape(op, {tokens, slots, n}, op.getType(), "the result")))
    return failure();
  std::vector<SmallVector<int64_t>> rowsOfExpert(experts);
  for (int64_t i = 0; i < tokens * slots; ++i) {
    int64_t id = signedBits(ids.numbers().bits[i], widthOf(ids.elementType()));
    if (failed(checkIndex(op, id, experts,
                          "id [" + std::to_string(i / slots) + ", " +
                              std::to_string(i % slots) + "]")))
      return failure();
    rowsOfExpert[id].push_back(i);
  }
  ProductError error = errorOf(op);
  Sums sums(op.getType(), {tokens, slots, n});
  std::vector<ActivationRow> rows(x.size() ? x.size() / k : 0);
  for (size_t i = 0; i < rows.size(); ++i)
    error.readRow(x, i * k, k, rows[i]);
  WeightRow row;
  FactorRow factors;
  for (int64_t expert = 0; expert < experts; ++expert)
    for (int64_t j = 0; !rowsOfExpert[expert].empty() && j < n; ++j) {
      w->read(expert * n + j, row);
      error.prepare(row, factors);
      for (int64_t i : rowsOfExpert[expert])
        sums.set(i * n + j,
                 error.multiply(rows[isShared ? i / slots : i], factors),
                 bias ? &bias->numbers() : nullptr, expert * n + j);
    }
  interpreter.set(op.getResult(), sums.take());
  return success();
}

/// Copies a decoded row to `begin` on; decoding rounds twice, to f32, and types
/// of fewer bits once more.
void setRow(const WeightRow &row, Numbers &numbers, int64_t begin) {
  Rounding rounding(numbers.type),
      decoding(Float32Type::get(numbers.type.getContext()));
  std::vector<double> &deviations = numbers.allDeviations();
  for (size_t i = 0; i < row.values.size(); ++i) {
    double value = row.values[i],
           deviation = row.hasDeviations ? row.deviations[i] : 0;
    if (row.isDecoded) {
      if (std::isfinite(row.magnitudes[i]))
        deviation = combineDeviations(deviation,
                                      2 * decoding.unit() * row.magnitudes[i]);
      rounding.apply(value, deviation);
    } else if (rounding.nearest(value) != value) {
      rounding.apply(value, deviation);
    }
    numbers.values[begin + i] = value;
    deviations[begin + i] = deviation;
  }
}

/// y[..., k] = table[ids[...], k]
LogicalResult runEmbedding(Interpreter &interpreter, EmbeddingOp op) {
  FailureOr<WeightRows> table = rowsOf(interpreter, op, op.getTable());
  if (failed(table))
    return failure();
  Datum ids = interpreter.get(op.getIds());
  int64_t k = table->columns();
  std::vector<int64_t> shape = ids.shape();
  shape.push_back(k);
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  Numbers numbers;
  numbers.reset(getElementTypeOrSelf(op.getType()), countOf(shape));
  WeightRow row;
  for (int64_t i = 0, e = ids.size(); i < e; ++i) {
    int64_t id = signedBits(ids.numbers().bits[i], widthOf(ids.elementType()));
    if (failed(
            checkIndex(op, id, table->shape()[0], "id " + std::to_string(i))))
      return failure();
    table->read(id, row);
    setRow(row, numbers, i * k);
  }
  interpreter.set(op.getResult(),
                  Datum(op.getType(), std::move(shape), std::move(numbers)));
  return success();
}

LogicalResult runDequantize(Interpreter &interpreter, DequantizeOp op) {
  FailureOr<WeightRows> w = rowsOf(interpreter, op, op.getWeight());
  if (failed(w))
    return failure();
  std::vector<int64_t> shape(w->shape());
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  Numbers numbers;
  numbers.reset(getElementTypeOrSelf(op.getType()), countOf(shape));
  WeightRow row;
  for (int64_t i = 0; i < w->rows(); ++i) {
    w->read(i, row);
    setRow(row, numbers, i * w->columns());
  }
  interpreter.set(op.getResult(),
                  Datum(op.getType(), std::move(shape), std::move(numbers)));
  return success();
}

/// The bytes are those of the codes.
LogicalResult runEncodedView(Interpreter &interpreter, EncodedViewOp op) {
  Datum codes = interpreter.get(op.getCodes());
  auto type = cast<RankedTensorType>(op.getType());
  interpreter.set(op.getResult(), Datum::quantized(type, type.getShape().vec(),
                                                   codes.toBytes(), {}));
  return success();
}

} // namespace

void rlx::addWeightOps(HandlerTable &table) {
  table.add<WeightOp, runWeight>();
  table.add<MatmulOp, runMatmul>();
  table.add<GatherMatmulOp, runGatherMatmul>();
  table.add<EmbeddingOp, runEmbedding>();
  table.add<DequantizeOp, runDequantize>();
  table.add<EncodedViewOp, runEncodedView>();
  table.add<QMatmulOp, runQMatmul>();
  table.add<QuantizeOp, runQuantize>();
  table.add<FakeQuantizeOp, runFakeQuantize>();
}
