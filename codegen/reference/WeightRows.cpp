//===- WeightRows.cpp - Rows of a weight as numbers -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/WeightRows.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

int64_t WeightRows::rows() const { return countOf(shape().drop_back()); }

FailureOr<WeightRows> WeightRows::create(Interpreter &interpreter,
                                         Operation *op, Value weight,
                                         Value scales, Value zeroPoints,
                                         Value globalScale) {
  WeightRows rows;
  rows.weight = interpreter.get(weight);
  std::optional<QuantScheme> scheme = rows.weight.scheme();
  if (!scheme)
    return rows;
  Value values[] = {scales, zeroPoints, globalScale};
  for (auto [value, bytes] : llvm::zip(values, rows.sides)) {
    if (!value)
      continue;
    Datum side = interpreter.get(value);
    bytes = side.toBytes();
    if (side.numbers().isFloat())
      for (int64_t i = 0, e = side.size(); i < e; ++i)
        if (double deviation = side.numbers().deviation(i))
          rows.relativeDeviation =
              std::max(rows.relativeDeviation,
                       deviation / std::fabs(side.numbers().values[i]));
  }
  if (rows.weight.size() == 0)
    return rows;
  auto decoderOf =
      [&](ArrayRef<uint8_t> bytes,
          std::shared_ptr<const ReferenceDecoder> &result) -> LogicalResult {
    auto decoder = ReferenceDecoder::create(
        *scheme, rows.weight.shape(),
        {bytes, rows.sides[0], rows.sides[1], rows.sides[2]});
    if (!decoder)
      return op->emitOpError() << llvm::toString(decoder.takeError());
    result = std::make_shared<ReferenceDecoder>(std::move(*decoder));
    return success();
  };
  ArrayRef<uint8_t> bytes = rows.weight.storedBytes(),
                    others = rows.weight.otherBytes();
  if (failed(decoderOf(bytes, rows.decoder)) ||
      (!others.empty() && others != bytes &&
       failed(decoderOf(others, rows.otherDecoder))))
    return failure();
  return rows;
}

void WeightRows::read(int64_t row, WeightRow &result) const {
  int64_t k = columns();
  result.values.resize(k);
  result.magnitudes.resize(k);
  result.deviations.resize(k);
  result.isDecoded = bool(decoder);
  if (decoder) {
    decoder->decodeRow(row, result.values.data(), result.magnitudes.data());
    result.hasDeviations =
        relativeDeviation != 0 || decoder->mayRoundOtherwise();
    if (result.hasDeviations)
      decoder->deviationsOfRow(row, relativeDeviation,
                               result.deviations.data());
    if (!otherDecoder)
      return;
    std::vector<double> others(k);
    otherDecoder->decodeRow(row, others.data());
    for (int64_t i = 0; i < k; ++i) {
      double distance = std::fabs(others[i] - result.values[i]);
      double before = result.hasDeviations ? result.deviations[i] : 0;
      result.deviations[i] =
          distance > 0 ? combineDeviations(before, distance) : before;
    }
    result.hasDeviations = true;
    return;
  }
  result.hasDeviations =
      weight.read(row * k, k, result.values.data(), result.deviations.data());
  for (int64_t i = 0; i < k; ++i)
    result.magnitudes[i] = std::fabs(result.values[i]);
}
