//===- QuantizeOps.cpp - The codes of numbers -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// t = (x - offset) / scale + zero in double precision, and the code whose
// number is nearest to it, as the text of rlx.quantize says. The program rounds
// t to f32: where that may lead to another code, both are kept.
//
//===----------------------------------------------------------------------===//

#include "codegen/reference/QuantizeOps.h"

#include "ir/Dialect.h"
#include "ir/Reference.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace rlx;

namespace {
/// The code of a number.
class CodeChooser {
public:
  explicit CodeChooser(FieldAttr field);
  uint64_t nearest(double t) const;

private:
  uint64_t nearestInteger(double t) const;
  uint64_t nearestOfTable(double t) const;

  FieldAttr field;
  /// Of codes that follow no rule: finite numbers, in their order, -0 first.
  std::vector<std::pair<double, uint64_t>> table;
  std::optional<uint64_t> nan;
};

/// A number beside the codes, of one element, and how exact it is.
struct SideNumber {
  double value = 0, deviation = 0;
};

/// The fields of a scheme that lie in tensors beside it.
class Sides {
public:
  Sides(Interpreter &interpreter, QuantizeOp op, ArrayRef<int64_t> shape);
  /// The product of `fields` for an element; none where there are no fields.
  std::optional<SideNumber> product(ArrayRef<FieldAttr> fields, int64_t row,
                                    int64_t column) const;

private:
  SideNumber read(FieldAttr field, int64_t row, int64_t column) const;

  int64_t rowsPerExpert;
  llvm::StringMap<Datum> tensors;
};
} // namespace

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

CodeChooser::CodeChooser(FieldAttr field) : field(field) {
  constexpr unsigned widest = 8;
  if (field.isInteger() || field.width() > widest)
    return;
  for (uint64_t code = 0; code < uint64_t(1) << field.width(); ++code) {
    double number = numberOf(field, code);
    if (std::isnan(number) && !nan)
      nan = code;
    if (std::isfinite(number))
      table.push_back({number, code});
  }
  auto isBefore = [](const auto &a, const auto &b) {
    return a.first < b.first || (a.first == b.first && std::signbit(a.first) &&
                                 !std::signbit(b.first));
  };
  llvm::stable_sort(table, isBefore);
  // Of codes that mean the same, the first is used.
  auto isSame = [&](const auto &a, const auto &b) {
    return !isBefore(a, b) && !isBefore(b, a);
  };
  table.erase(std::unique(table.begin(), table.end(), isSame), table.end());
}

/// Halves away from zero, within the range.
uint64_t CodeChooser::nearestInteger(double t) const {
  double count = std::ldexp(1.0, int(field.width())),
         first = field.getType().isSignedInteger() ? -count / 2 : 0,
         bias = double(field.getBias());
  double number = std::isnan(t) ? 0 : std::round(t);
  number = std::clamp(number, first - bias, first + count - 1 - bias);
  return wrapBits(uint64_t(int64_t(number + bias)), field.width());
}

/// Of two that are equally near, the one with the even code; of zeros, the one
/// with the sign of `t`.
uint64_t CodeChooser::nearestOfTable(double t) const {
  if (std::isnan(t)) {
    if (nan)
      return *nan;
    t = 0;
  }
  auto above = llvm::partition_point(
      table, [&](const auto &entry) { return entry.first < t; });
  if (above == table.end())
    return table.back().second;
  if (above->first == 0 && !std::signbit(t) &&
      std::next(above) != table.end() && std::next(above)->first == 0)
    ++above;
  if (above->first == t || above == table.begin())
    return above->second;
  auto below = std::prev(above);
  double down = t - below->first, up = above->first - t;
  bool isUp = up < down || (up == down && above->second % 2 == 0);
  return isUp ? above->second : below->second;
}

uint64_t CodeChooser::nearest(double t) const {
  if (field.isInteger())
    return nearestInteger(t);
  if (!table.empty())
    return nearestOfTable(t);
  llvm::APFloat number(t + double(field.getBias()));
  bool losesInfo;
  number.convert(cast<FloatType>(field.getType()).getFloatSemantics(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}

//===----------------------------------------------------------------------===//
// Numbers beside them
//===----------------------------------------------------------------------===//

Sides::Sides(Interpreter &interpreter, QuantizeOp op, ArrayRef<int64_t> shape)
    : rowsPerExpert(shape[shape.size() - 2]) {
  for (auto [name, value] : {std::pair("scales", op.getScales()),
                             {"zero_points", op.getZeroPoints()},
                             {"global_scale", op.getGlobalScale()}})
    if (value)
      tensors[name] = interpreter.get(value);
}

SideNumber Sides::read(FieldAttr field, int64_t row, int64_t column) const {
  const Datum &tensor = tensors.find(field.getOperand().getValue())->second;
  AffineMap map = field.getPlanes().front().getPosition();
  auto sizes = ArrayRef(tensor.shape()).take_back(map.getNumResults());
  int64_t index = row / rowsPerExpert;
  for (auto [expr, size] : llvm::zip_equal(map.getResults(), sizes))
    index = index * size + evaluate(expr, {row % rowsPerExpert, column});
  const Numbers &numbers = tensor.numbers();
  if (!numbers.isFloat())
    return {numberOf(field, numbers.bits[index])};
  double value = numbers.values[index];
  if (field.getNanAsZero() && std::isnan(value))
    value = 0;
  return {value - double(field.getBias()), numbers.deviation(index)};
}

std::optional<SideNumber> Sides::product(ArrayRef<FieldAttr> fields,
                                         int64_t row, int64_t column) const {
  std::optional<SideNumber> result;
  for (FieldAttr field : fields) {
    SideNumber factor = read(field, row, column);
    if (result)
      factor = {result->value * factor.value,
                combineDeviations(result->deviation * factor.value,
                                  result->value * factor.deviation)};
    result = factor;
  }
  return result;
}

//===----------------------------------------------------------------------===//
// The operation
//===----------------------------------------------------------------------===//

/// Writes the bits of a code to where they lie in the block at `block`.
static void store(FieldAttr field, uint64_t code, int64_t element,
                  uint8_t *block) {
  for (PlaneAttr plane : field.getPlanes()) {
    int64_t first = firstBit(plane, element);
    for (unsigned i = 0; i < plane.width(); ++i, code >>= 1)
      if (code & 1)
        block[(first + i) / 8] |= 1 << (first + i) % 8;
  }
}

FailureOr<EncodedRows> rlx::encodeRows(Operation *op, const Datum &x,
                                       QuantScheme scheme, StringAttr rule) {
  if (scheme.fields().size() > 1)
    return encodeChosenRows(op, x, scheme, rule);
  FieldAttr code = scheme.attr().getCode();
  CodeChooser chooser(code);
  int64_t columns = x.shape().back(),
          rows = countOf(x.shape()) / std::max<int64_t>(columns, 1);
  EncodedRows result;
  result.bytes.resize(rows * scheme.rowBytes(columns));
  result.others = result.bytes;
  constexpr double around = 8;
  std::vector<double> values(columns), deviations(columns);
  for (int64_t row = 0; row < rows; ++row) {
    bool hasDeviations =
        x.read(row * columns, columns, values.data(), deviations.data());
    for (int64_t i = 0; i < columns; ++i) {
      uint64_t chosen = chooser.nearest(values[i]), other = chosen;
      if (double reach = hasDeviations ? around * deviations[i] : 0;
          std::isfinite(reach) && reach > 0)
        for (double near : {values[i] - reach, values[i] + reach})
          if (uint64_t beside = chooser.nearest(near); beside != chosen)
            other = beside;
      int64_t block = row * scheme.rowBytes(columns) +
                      i / scheme.block() * scheme.blockBytes();
      store(code, chosen, i % scheme.block(), &result.bytes[block]);
      store(code, other, i % scheme.block(), &result.others[block]);
    }
  }
  return result;
}

LogicalResult rlx::runQuantize(Interpreter &interpreter, QuantizeOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  if (QuantScheme::of(type)->fields().size() > 1 && !op.getScales() &&
      !op.getZeroPoints() && !op.getGlobalScale())
    return runChosenQuantize(interpreter, op);
  Datum x = interpreter.get(op.getX());
  std::vector<int64_t> shape = x.shape();
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    if (!ShapedType::isDynamic(size) && size != shape[i])
      return op.emitOpError() << "expected dimension " << i << " of x to be "
                              << size << ", but got " << shape[i];
  QuantScheme scheme = *QuantScheme::of(type);
  SchemeAttr attribute = scheme.attr();
  FieldAttr code = attribute.getCode();
  int64_t columns = shape.back(),
          rows = countOf(shape) / std::max<int64_t>(columns, 1);
  std::vector<uint8_t> bytes(rows * scheme.rowBytes(columns));
  // The codes that rounding may lead to.
  std::vector<uint8_t> others = bytes;
  CodeChooser chooser(code);
  Sides sides(interpreter, op, shape);
  // The program computes in f32: a rounding for each operation.
  constexpr double around = 8;
  double unit = Rounding(Float32Type::get(op.getContext())).unit();
  std::vector<double> values(columns), deviations(columns);
  for (int64_t row = 0; row < rows; ++row) {
    bool hasDeviations =
        x.read(row * columns, columns, values.data(), deviations.data());
    for (int64_t i = 0; i < columns; ++i) {
      double t = values[i], deviation = hasDeviations ? deviations[i] : 0;
      auto round = [&](double also) {
        deviation =
            combineDeviations(deviation, std::hypot(also, unit * std::fabs(t)));
      };
      if (auto offset = sides.product(attribute.getOffset(), row, i)) {
        t += attribute.getOffsetNegative() ? offset->value : -offset->value;
        round(offset->deviation);
      }
      if (auto scale = sides.product(attribute.getScale(), row, i)) {
        t = scale->value == 0 ? 0 : t / scale->value;
        deviation = scale->value == 0 ? 0 : std::fabs(deviation / scale->value);
        round(t * (scale->deviation / std::fabs(scale->value) + unit));
      }
      if (FieldAttr field = attribute.getZero()) {
        auto zero = sides.product(field, row, i);
        t += zero->value;
        round(zero->deviation);
      }
      int64_t block = row * scheme.rowBytes(columns) +
                      i / scheme.block() * scheme.blockBytes();
      uint64_t chosen = chooser.nearest(t), other = chosen;
      if (double reach = around * deviation; std::isfinite(reach) && reach > 0)
        for (double near : {t - reach, t + reach})
          if (uint64_t beside = chooser.nearest(near); beside != chosen)
            other = beside;
      store(code, chosen, i % scheme.block(), &bytes[block]);
      store(code, other, i % scheme.block(), &others[block]);
    }
  }
  interpreter.set(op.getResult(),
                  Datum::quantized(type, std::move(shape), std::move(bytes),
                                   std::move(others)));
  return success();
}
