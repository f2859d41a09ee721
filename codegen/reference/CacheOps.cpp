//===- CacheOps.cpp - Appending to caches, and attention to them ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As the descriptions in ir/TransformerOps.td say, number by number.
//
//===----------------------------------------------------------------------===//

#include "codegen/reference/Estimate.h"
#include "codegen/reference/QuantizeOps.h"
#include "codegen/reference/WeightRows.h"

#include "ir/Dialect.h"

#include <algorithm>

using namespace mlir;
using namespace rlx;

namespace {
LogicalResult runAppend(Interpreter &interpreter, AppendOp op) {
  Datum rows = interpreter.get(op.getRows());
  Datum cache = interpreter.take(op.getCacheMutable());
  int64_t position = interpreter.getIndex(op.getPosition()),
          count = rows.shape()[0], capacity = cache.shape()[0];
  std::vector<int64_t> expected = cache.shape();
  expected[0] = count;
  if (failed(checkSizes(op, "the rows", rows, expected)))
    return failure();
  if (position < 0 || position > capacity || count > capacity - position)
    return op.emitOpError()
           << "expected " << count << " rows to fit a cache of " << capacity
           << " from position " << position << " on";
  int64_t begin =
      position * (countOf(cache.shape()) / std::max<int64_t>(capacity, 1));
  if (std::optional<QuantScheme> scheme = cache.scheme()) {
    FailureOr<EncodedRows> codes =
        encodeRows(op, rows, *scheme, op.getRuleAttr());
    if (failed(codes))
      return failure();
    std::vector<uint8_t> bytes(cache.storedBytes()),
        others = cache.otherBytes().empty()
                     ? bytes
                     : std::vector<uint8_t>(cache.otherBytes());
    int64_t first = begin / scheme->block() * scheme->blockBytes();
    std::copy(codes->bytes.begin(), codes->bytes.end(), bytes.begin() + first);
    std::copy(codes->others.begin(), codes->others.end(),
              others.begin() + first);
    interpreter.set(op.getResult(),
                    Datum::quantized(cast<RankedTensorType>(op.getType()),
                                     cache.shape(), std::move(bytes),
                                     std::move(others)));
    return success();
  }
  Numbers &numbers = cache.writable();
  Rounding rounding(cache.elementType());
  std::vector<double> &deviations = numbers.allDeviations();
  for (int64_t i = 0, e = rows.size(); i < e; ++i) {
    Estimate number = estimateOf(rows.numbers(), i);
    if (rounding.nearest(number.value) != number.value)
      rounding.apply(number.value, number.deviation);
    numbers.values[begin + i] = number.value;
    deviations[begin + i] = number.deviation;
  }
  interpreter.set(op.getResult(), std::move(cache));
  return success();
}

/// Rows of a cache, decoded when they are asked for.
class CacheRows {
public:
  static FailureOr<CacheRows> create(Interpreter &interpreter, Operation *op,
                                     Value cache) {
    FailureOr<WeightRows> rows =
        WeightRows::create(interpreter, op, cache, Value(), Value(), Value());
    if (failed(rows))
      return failure();
    return CacheRows(std::move(*rows));
  }
  ArrayRef<int64_t> shape() const { return rows.shape(); }
  /// The row of a head at a position.
  ArrayRef<Estimate> read(int64_t position, int64_t head) {
    std::vector<Estimate> &row = known[position * rows.shape()[1] + head];
    if (!row.empty())
      return row;
    rows.read(position * rows.shape()[1] + head, decoded);
    for (size_t i = 0; i < decoded.values.size(); ++i) {
      double deviation = decoded.hasDeviations ? decoded.deviations[i] : 0;
      if (decoded.isDecoded)
        deviation = std::hypot(deviation, 2 * halfUlp * decoded.magnitudes[i]);
      row.push_back({decoded.values[i], deviation});
    }
    return row;
  }

private:
  explicit CacheRows(WeightRows all)
      : rows(std::move(all)), known(countOf(rows.shape().drop_back())) {}
  WeightRows rows;
  WeightRow decoded;
  std::vector<std::vector<Estimate>> known;
};

/// The positions that a row sees: from `begin` to `end`.
struct SeenPositions {
  int64_t begin, end;
};

SeenPositions seenBy(rlx::AttentionOp op, int64_t row, int64_t count,
                     int64_t length) {
  if (!op.getCausal())
    return {0, length};
  int64_t end = length - count + row + 1;
  if (!op.getWindow())
    return {0, end};
  return {std::max<int64_t>(0, end - int64_t(*op.getWindow())), end};
}

/// q k, scaled and capped.
Estimate scoreOf(rlx::AttentionOp op, ArrayRef<Estimate> q,
                 ArrayRef<Estimate> k) {
  Estimate score;
  for (auto [x, y] : llvm::zip_equal(q, k))
    score = score + x * y;
  score = score * constantOfF32(op.scaleOrDefault());
  score = score.rounded(); // of the scale itself
  if (!op.getSoftcap())
    return score;
  Estimate cap = constantOfF32(op.getSoftcap()->convertToDouble());
  Estimate ratio = score / cap;
  double bent = std::tanh(ratio.value);
  Estimate capped = {bent, ratio.deviation * (1 - bent * bent)};
  return capped.rounded(offOfFunctions) * cap;
}

/// `exp(score - most)`; the difference from `most` is rounded.
Estimate powerOf(Estimate score, double most) {
  double distance = score.value - most, power = std::exp(distance);
  double off = std::hypot(score.deviation, 2 * halfUlp * distance);
  return Estimate{power, power > 0 ? power * off : 0}.rounded(offOfFunctions);
}

LogicalResult runCacheAttention(Interpreter &interpreter, rlx::AttentionOp op) {
  Datum q = interpreter.get(op.getQ());
  FailureOr<CacheRows> k = CacheRows::create(interpreter, op, op.getK()),
                       v = CacheRows::create(interpreter, op, op.getV());
  if (failed(k) || failed(v))
    return failure();
  int64_t count = q.shape()[0], heads = q.shape()[1], depth = q.shape()[2],
          capacity = k->shape()[0], groups = k->shape()[1],
          columns = v->shape()[2];
  if (v->shape()[0] != capacity)
    return op.emitOpError() << "expected k and v of one size, but got "
                            << capacity << " and " << v->shape()[0];
  int64_t length =
      op.getLength() ? interpreter.getIndex(op.getLength()) : capacity;
  if (length < 0 || length > capacity)
    return op.emitOpError() << "expected a length of 0 to " << capacity
                            << ", but got " << length;
  if (op.getCausal() && count > length)
    return op.emitOpError() << "expected at most " << length
                            << " rows, the length, but got " << count;
  std::optional<Datum> sinks;
  if (op.getSinks())
    sinks = interpreter.get(op.getSinks());
  std::vector<int64_t> shape = {count, heads, columns};
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  EstimatedResult result(op.getType(), shape);
  std::vector<Estimate> row(depth), powers;
  for (int64_t t = 0; t < count; ++t)
    for (int64_t head = 0; head < heads; ++head) {
      int64_t group = head / (heads / groups), at = t * heads + head;
      for (int64_t i = 0; i < depth; ++i)
        row[i] = estimateOf(q.numbers(), at * depth + i);
      SeenPositions seen = seenBy(op, t, count, length);
      double most = -std::numeric_limits<double>::infinity();
      if (sinks)
        most = sinks->numbers().values[head];
      powers.clear();
      for (int64_t s = seen.begin; s < seen.end; ++s) {
        powers.push_back(scoreOf(op, row, k->read(s, group)));
        most = std::max(most, powers.back().value);
      }
      Estimate sum;
      if (sinks)
        sum = powerOf(estimateOf(sinks->numbers(), head), most);
      for (Estimate &power : powers) {
        power = powerOf(power, most);
        sum = sum + power;
      }
      for (int64_t column = 0; column < columns; ++column) {
        Estimate total;
        for (size_t i = 0; i < powers.size(); ++i)
          total = total +
                  powers[i] * v->read(seen.begin + int64_t(i), group)[column];
        if (!powers.empty())
          total = total / sum;
        result.set(at * columns + column, total);
      }
    }
  interpreter.set(op.getResult(), result.take());
  return success();
}
} // namespace

void rlx::addCacheOps(HandlerTable &table) {
  table.add<AppendOp, runAppend>();
  table.add<rlx::AttentionOp, runCacheAttention>();
}
