//===- ChosenScales.cpp - Quantizing where scales are chosen --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// By rlx::Quantizer, which shares nothing with the loops that passes make of
// rules, and the reference decoder. Numbers that the program rounds may have
// been others: what becomes of these is how far results may be off.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/Quantizer.h"
#include "codegen/reference/QuantizeOps.h"
#include "ir/Reference.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

namespace {
/// A weight that is quantized.
struct Quantized {
  std::vector<uint8_t> blocks, scales, zeroPoints, globalScale;

  std::vector<uint8_t> &named(StringRef side) {
    return side == "scales"        ? scales
           : side == "zero_points" ? zeroPoints
                                   : globalScale;
  }
};

/// Numbers of an operand, and what they may have been.
struct Values {
  std::vector<float> numbers, others;

  explicit Values(const Datum &x) {
    int64_t count = x.size();
    std::vector<double> values(count), deviations(count);
    bool hasDeviations = x.read(0, count, values.data(), deviations.data());
    numbers.assign(values.begin(), values.end());
    if (!hasDeviations)
      return;
    // As in rlx.quantize with scales that are given.
    constexpr double around = 8;
    others = numbers;
    for (int64_t i = 0; i < count; ++i)
      if (std::isfinite(deviations[i]))
        others[i] = float(values[i] + around * deviations[i]);
  }
};
} // namespace

static FailureOr<Quantized> quantize(Operation *op, QuantScheme scheme,
                                     StringAttr rule, ArrayRef<int64_t> shape,
                                     ArrayRef<float> values,
                                     std::vector<float> importance) {
  QuantizeOptions options;
  options.name = "x";
  options.importance = std::move(importance);
  if (rule)
    options.rule = llvm::cantFail(QuantRule::parse(rule.getValue()));
  auto quantizer = Quantizer::create(scheme, shape, std::move(options));
  if (!quantizer)
    return op->emitOpError() << llvm::toString(quantizer.takeError());
  Quantized result;
  result.blocks.resize(scheme.storageBytes(shape));
  for (StringRef side : {"scales", "zero_points", "global_scale"})
    result.named(side).resize(quantizer->sideBytes(side));
  if (llvm::Error error =
          quantizer->quantizeRows(values, 0, countOf(shape.drop_back()),
                                  {result.blocks, result.scales,
                                   result.zeroPoints, result.globalScale}))
    return op->emitOpError() << llvm::toString(std::move(error));
  return result;
}

/// The elements of a side tensor.
static Numbers sideNumbers(Type element, ArrayRef<uint8_t> bytes) {
  int64_t width = element.getIntOrFloatBitWidth(),
          count = int64_t(bytes.size()) * 8 / width;
  Numbers numbers;
  numbers.reset(element, count);
  for (int64_t i = 0; i < count; ++i) {
    uint64_t bits = 0;
    for (int64_t byte = 0; byte < width / 8; ++byte)
      bits |= uint64_t(bytes[i * width / 8 + byte]) << 8 * byte;
    if (auto type = dyn_cast<FloatType>(element))
      numbers.values[i] = decodeFloat(type, bits);
    else
      numbers.bits[i] = bits;
  }
  return numbers;
}

LogicalResult rlx::runChosenQuantize(Interpreter &interpreter, QuantizeOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  Datum x = interpreter.get(op.getX());
  if (failed(checkShape(op, x.shape(), type, "x")))
    return failure();
  QuantScheme scheme = *QuantScheme::of(type);
  std::vector<float> importance;
  if (op.getImportance()) {
    Values given(interpreter.get(op.getImportance()));
    importance = given.numbers;
  }
  Values values(x);
  auto quantizeAll = [&](ArrayRef<float> numbers) {
    return quantize(op, scheme, op.getRuleAttr(), x.shape(), numbers,
                    importance);
  };
  FailureOr<Quantized> result = quantizeAll(values.numbers);
  if (failed(result))
    return failure();
  FailureOr<Quantized> other = result;
  if (!values.others.empty())
    other = quantizeAll(values.others);
  if (failed(other))
    return failure();
  for (auto [side, value] :
       llvm::zip_equal(scheme.sideOperands(), op.getSides())) {
    auto sideType = cast<RankedTensorType>(value.getType());
    Numbers numbers = sideNumbers(side.elementType, result->named(side.name)),
            others = sideNumbers(side.elementType, other->named(side.name));
    for (int64_t i = 0; numbers.isFloat() && i < numbers.size(); ++i)
      if (numbers.values[i] != others.values[i])
        numbers.allDeviations()[i] =
            std::fabs(numbers.values[i] - others.values[i]);
    llvm::SmallVector<int64_t> shape = side.shape(x.shape());
    interpreter.set(
        value, Datum(sideType, std::vector<int64_t>(shape.begin(), shape.end()),
                     std::move(numbers)));
  }
  interpreter.set(op.getResult(),
                  Datum::quantized(type, x.shape(), std::move(result->blocks),
                                   std::move(other->blocks)));
  return success();
}

FailureOr<EncodedRows> rlx::encodeChosenRows(Operation *op, const Datum &x,
                                             QuantScheme scheme,
                                             StringAttr rule) {
  int64_t columns = x.shape().back();
  SmallVector<int64_t> shape = {countOf(ArrayRef(x.shape()).drop_back()),
                                columns};
  Values values(x);
  EncodedRows result;
  if (values.numbers.empty())
    return result;
  FailureOr<Quantized> codes =
      quantize(op, scheme, rule, shape, values.numbers, {});
  if (failed(codes))
    return failure();
  result.bytes = result.others = std::move(codes->blocks);
  if (values.others.empty())
    return result;
  codes = quantize(op, scheme, rule, shape, values.others, {});
  if (failed(codes))
    return failure();
  result.others = std::move(codes->blocks);
  return result;
}

LogicalResult rlx::runFakeQuantize(Interpreter &interpreter,
                                   FakeQuantizeOp op) {
  Datum x = interpreter.get(op.getX());
  QuantScheme scheme(op.getScheme().getScheme());
  int64_t columns = x.shape().back();
  SmallVector<int64_t> shape(ArrayRef(x.shape()));
  if (scheme.sideOperands().empty())
    shape = {countOf(ArrayRef(x.shape()).drop_back()), columns};
  Numbers numbers;
  numbers.reset(Float32Type::get(op.getContext()), countOf(shape));
  Values values(x);
  /// What codes of `from` mean.
  auto roundTrip = [&](ArrayRef<float> from,
                       std::vector<double> &to) -> LogicalResult {
    if (from.empty())
      return success();
    FailureOr<Quantized> codes =
        quantize(op, scheme, op.getRuleAttr(), shape, from, {});
    if (failed(codes))
      return failure();
    auto decoder = ReferenceDecoder::create(
        scheme, shape,
        {codes->blocks, codes->scales, codes->zeroPoints, codes->globalScale});
    if (!decoder)
      return op.emitOpError() << llvm::toString(decoder.takeError());
    to.resize(countOf(shape));
    for (int64_t row = 0; row < decoder->rows(); ++row)
      decoder->decodeRow(row, &to[row * columns]);
    return success();
  };
  std::vector<double> others;
  if (failed(roundTrip(values.numbers, numbers.values)) ||
      failed(roundTrip(values.others, others)))
    return failure();
  Rounding rounding(numbers.type);
  for (int64_t i = 0; i < numbers.size(); ++i) {
    double deviation =
        others.empty() ? 0 : std::fabs(others[i] - numbers.values[i]);
    rounding.apply(numbers.values[i], deviation);
    if (deviation > 0)
      numbers.allDeviations()[i] = deviation;
  }
  interpreter.set(op.getResult(),
                  Datum(op.getType(), x.shape(), std::move(numbers)));
  return success();
}
