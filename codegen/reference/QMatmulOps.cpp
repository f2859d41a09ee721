//===- QMatmulOps.cpp - Products of integers ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/QMatmulOps.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace rlx;

namespace {
/// A tensor of integers or floats, of one element or as many as are asked for.
class Row {
public:
  Row(Interpreter &interpreter, Value value) {
    if (value)
      datum = interpreter.get(value);
  }
  explicit operator bool() const { return datum.has_value(); }
  int64_t size() const { return datum->size(); }
  int64_t integer(int64_t i) const {
    if (!datum)
      return 0;
    return signedBits(datum->numbers().bits[at(i)],
                      widthOf(datum->elementType()));
  }
  double real(int64_t i) const { return datum->numbers().values[at(i)]; }
  double deviation(int64_t i) const {
    return datum ? datum->numbers().deviation(at(i)) : 0;
  }

private:
  int64_t at(int64_t i) const { return datum->size() == 1 ? 0 : i; }
  std::optional<Datum> datum;
};
} // namespace

/// The code of `value`, rounded halves away from zero.
static double codeOf(double value, int64_t zero) {
  return std::clamp(std::round(value) + double(zero), -128.0, 127.0);
}

LogicalResult rlx::runQMatmul(Interpreter &interpreter, QMatmulOp op) {
  Datum x = interpreter.get(op.getX()), w = interpreter.get(op.getWeight());
  int64_t n = w.shape()[0], k = w.shape()[1];
  std::vector<int64_t> shape = x.shape();
  if (shape.back() != k)
    return op.emitOpError()
           << "expected dimension " << shape.size() - 1 << " of x to be " << k
           << ", but got " << shape.back();
  shape.pop_back();
  int64_t m = countOf(shape);
  shape.push_back(n);
  Row xZero(interpreter, op.getXZeroPoint()),
      zeros(interpreter, op.getZeroPoints()), bias(interpreter, op.getBias()),
      scales(interpreter, op.getScales());
  for (const Row *row : {&zeros, &bias, &scales})
    if (*row && row->size() != 1 && row->size() != n)
      return op.emitOpError() << "expected a tensor of " << n
                              << " elements, but got " << row->size();
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  Numbers numbers;
  numbers.reset(getElementTypeOrSelf(op.getType()), m * n);
  const Numbers &xs = x.numbers(), &ws = w.numbers();
  constexpr unsigned byteBits = 8, sumBits = 32;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      uint64_t sum = uint64_t(bias.integer(j));
      double deviation = bias.deviation(j);
      for (int64_t l = 0; l < k; ++l) {
        int64_t a = signedBits(xs.bits[i * k + l], byteBits) - xZero.integer(0),
                b = signedBits(ws.bits[j * k + l], byteBits) - zeros.integer(j);
        sum += uint64_t(a) * uint64_t(b);
        if (double moves = xs.deviation(i * k + l))
          deviation = combineDeviations(deviation, moves * std::abs(double(b)));
        if (double moves = ws.deviation(j * k + l))
          deviation = combineDeviations(deviation, moves * std::abs(double(a)));
      }
      sum = wrapBits(sum, sumBits);
      int64_t at = i * n + j;
      if (!scales) {
        numbers.bits[at] = sum;
        if (deviation != 0)
          numbers.allDeviations()[at] = deviation;
        continue;
      }
      double scaled = double(signedBits(sum, sumBits)) * scales.real(j);
      double code = codeOf(scaled, op.getZeroPoint());
      numbers.bits[at] = wrapBits(uint64_t(int64_t(code)), byteBits);
      // The sum and its product are rounded to f32, which may lead over a half.
      constexpr double roundoff = 0x1p-23;
      double reach =
          std::abs(scaled) * roundoff + std::abs(deviation * scales.real(j)) +
          std::abs(double(signedBits(sum, sumBits))) * scales.deviation(j);
      double apart =
          std::max(std::abs(codeOf(scaled + reach, op.getZeroPoint()) - code),
                   std::abs(codeOf(scaled - reach, op.getZeroPoint()) - code));
      if (apart != 0)
        numbers.allDeviations()[at] = apart;
    }
  interpreter.set(op.getResult(),
                  Datum(op.getType(), std::move(shape), std::move(numbers)));
  return success();
}
