//===- Reference.cpp - The value of an element, in double precision -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Reference.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace rlx;

double rlx::decodeFloat(FloatType type, uint64_t bits) {
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  llvm::APFloat number(semantics, APInt(type.getWidth(), bits, false, true));
  // The conversion of f8E8M0FNU's NaN gives an infinity.
  if (number.isNaN())
    return std::numeric_limits<double>::quiet_NaN();
  bool losesInfo;
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

double rlx::numberOf(FieldAttr field, uint64_t code) {
  double number;
  if (DenseF64ArrayAttr codebook = field.getCodebook())
    number = codebook[code];
  else if (auto type = dyn_cast<FloatType>(field.getType()))
    number = decodeFloat(type, code);
  else if (field.getType().isSignedInteger())
    number = double(llvm::SignExtend64(code, field.width()));
  else
    number = double(code);
  if (field.getNanAsZero() && std::isnan(number))
    number = 0;
  return number - double(field.getBias());
}

/// `width` bits from bit `first` on, least significant first.
static uint64_t readBits(const uint8_t *bytes, int64_t first, unsigned width) {
  uint64_t bits = 0;
  for (unsigned done = 0; done < width;) {
    int64_t bit = first + done;
    unsigned taken = std::min<unsigned>(8 - bit % 8, width - done);
    uint64_t part = bytes[bit / 8] >> (bit % 8) & ((1u << taken) - 1);
    bits |= part << done;
    done += taken;
  }
  return bits;
}

ReferenceDecoder::Source
ReferenceDecoder::makeSource(FieldAttr field, ArrayRef<uint8_t> side,
                             ArrayRef<int64_t> sideShape) const {
  Source source{field, {}, field.width(), {}, {}, side, {}};
  source.sideShape.assign(sideShape.begin(), sideShape.end());
  if (field.isSide()) {
    for (AffineExpr expr : field.getPlanes().front().getPosition().getResults())
      source.index.emplace_back(expr);
  } else {
    for (const FieldTerm &term : termsOf(field)) {
      Term &made = source.terms.emplace_back();
      made.lookup = term.lookup;
      made.width = term.width();
      for (PlaneAttr plane : term.planes) {
        made.widths.push_back(plane.width());
        auto &bits = made.firstBits.emplace_back();
        for (int64_t i = 0; i < scheme.block(); ++i)
          bits.push_back(firstBit(plane, i));
      }
      for (int64_t i = 0; term.lookup && i < scheme.block(); ++i)
        made.shifts.push_back(componentOf(term.lookup, i) * made.width);
    }
  }
  constexpr unsigned tabulatedBits = 16;
  if (source.width <= tabulatedBits &&
      int64_t(1) << source.width <= numRows * k)
    for (uint64_t code = 0; code < uint64_t(1) << source.width; ++code)
      source.numbers.push_back(numberOf(field, code));
  return source;
}

llvm::Expected<ReferenceDecoder>
ReferenceDecoder::create(QuantScheme scheme, ArrayRef<int64_t> shape,
                         StoredWeight stored) {
  StringRef name = scheme.displayName();
  if (shape.size() < 2 || shape.size() > 3 ||
      llvm::any_of(shape, [](int64_t size) { return size < 1; }) ||
      shape.back() % scheme.block() != 0)
    return llvm::createStringError(
        "expected a weight of '" + name +
        "' to be [N, K] or [E, N, K] with K a multiple of " +
        Twine(scheme.block()));
  auto checkBytes = [&](StringRef what, ArrayRef<uint8_t> bytes,
                        int64_t expected) -> llvm::Error {
    if (int64_t(bytes.size()) == expected)
      return llvm::Error::success();
    return llvm::createStringError("expected " + Twine(expected) +
                                   " bytes of " + what + " for '" + name +
                                   "', but got " + Twine(bytes.size()));
  };
  if (auto error =
          checkBytes("blocks", stored.blocks, scheme.storageBytes(shape)))
    return error;

  ReferenceDecoder decoder(scheme);
  decoder.stored = stored;
  decoder.k = shape.back();
  decoder.rowsPerExpert = shape[shape.size() - 2];
  decoder.numRows =
      decoder.rowsPerExpert * (shape.size() == 3 ? shape.front() : 1);

  llvm::StringMap<SmallVector<int64_t>> sideShapes;
  llvm::StringMap<ArrayRef<uint8_t>> sideBytes = {
      {"scales", stored.scales},
      {"zero_points", stored.zeroPoints},
      {"global_scale", stored.globalScale}};
  for (StringRef operand : {"scales", "zero_points", "global_scale"}) {
    int64_t bits = 0;
    if (std::optional<SideOperand> side = scheme.findSide(operand)) {
      SmallVector<int64_t> sideShape = side->shape(shape);
      bits = side->elementType.getIntOrFloatBitWidth();
      for (int64_t size : sideShape)
        bits *= size;
      sideShapes[operand].assign(sideShape.end() - side->index.getNumResults(),
                                 sideShape.end());
    }
    if (auto error = checkBytes(operand, sideBytes.lookup(operand),
                                llvm::divideCeil(bits, 8)))
      return error;
  }
  auto add = [&](std::vector<Source> &sources, FieldAttr field) {
    if (!field)
      return;
    StringRef operand =
        field.isSide() ? field.getOperand().getValue() : StringRef();
    sources.push_back(decoder.makeSource(field, sideBytes.lookup(operand),
                                         sideShapes.lookup(operand)));
  };
  SchemeAttr attribute = scheme.attr();
  add(decoder.code, attribute.getCode());
  add(decoder.zero, attribute.getZero());
  for (FieldAttr field : attribute.getScale())
    add(decoder.scale, field);
  for (FieldAttr field : attribute.getOffset())
    add(decoder.offset, field);
  return decoder;
}

double ReferenceDecoder::read(const Source &source, int64_t row,
                              int64_t column) const {
  uint64_t code = 0;
  if (source.field.isSide()) {
    int64_t index = row / rowsPerExpert;
    for (auto [steps, size] : llvm::zip(source.index, source.sideShape))
      index = index * size + steps.at({row % rowsPerExpert, column});
    code = readBits(source.side.data(), index * source.width, source.width);
  } else {
    int64_t block = row * (k / scheme.block()) + column / scheme.block();
    const uint8_t *bytes = stored.blocks.data() + block * scheme.blockBytes();
    int64_t element = column % scheme.block();
    unsigned shift = 0;
    for (const Term &term : source.terms) {
      uint64_t part = 0;
      unsigned width = 0;
      for (auto [bits, firstBits] : llvm::zip(term.widths, term.firstBits)) {
        part |= readBits(bytes, firstBits[element], bits) << width;
        width += bits;
      }
      if (term.lookup)
        part =
            uint64_t(term.lookup.getEntries()[part]) >> term.shifts[element] &
            ((uint64_t(1) << term.width) - 1);
      code |= part << shift;
      shift += term.width;
    }
  }
  return source.numbers.empty() ? numberOf(source.field, code)
                                : source.numbers[code];
}

/// `value` before it is rounded to the type that the scheme says.
double ReferenceDecoder::exact(int64_t row, int64_t column,
                               double &magnitude) const {
  double number = read(code.front(), row, column);
  magnitude = std::fabs(number);
  for (const Source &source : zero) {
    double point = read(source, row, column);
    number -= point;
    magnitude += std::fabs(point);
  }
  double factor = 1;
  for (const Source &source : scale)
    factor *= read(source, row, column);
  double value = factor * number;
  magnitude *= std::fabs(factor);
  if (offset.empty())
    return value;
  double sum = 1;
  for (const Source &source : offset)
    sum *= read(source, row, column);
  magnitude += std::fabs(sum);
  return scheme.attr().getOffsetNegative() ? value - sum : value + sum;
}

/// Values are f32 before they are rounded to a shorter type.
double ReferenceDecoder::rounded(double value) const {
  auto type = dyn_cast_or_null<FloatType>(scheme.attr().getRounded());
  if (!type || std::isnan(value))
    return value;
  float single = float(value);
  llvm::APFloat number(single);
  bool losesInfo;
  number.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                 &losesInfo);
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

double ReferenceDecoder::value(int64_t row, int64_t column) const {
  double magnitude;
  return rounded(exact(row, column, magnitude));
}

bool ReferenceDecoder::mayRoundOtherwise() const {
  // An integer times a number is one operation, rounded alike.
  bool isOneProduct = scale.size() <= 1 && offset.empty() &&
                      code.front().field.isInteger() &&
                      (zero.empty() || zero.front().field.isInteger());
  return scheme.attr().getRounded() && !isOneProduct;
}

void ReferenceDecoder::deviationsOfRow(int64_t row, double relative,
                                       double *deviations) const {
  constexpr double operations = 4, roundoff = 0x1p-24;
  double reach = relative + (mayRoundOtherwise() ? operations * roundoff : 0);
  for (int64_t i = 0; i < k; ++i) {
    double magnitude, value = exact(row, i, magnitude);
    deviations[i] = relative * magnitude;
    if (!scheme.attr().getRounded() || reach == 0 || !std::isfinite(magnitude))
      continue;
    double error = reach * magnitude;
    deviations[i] = std::max(deviations[i], std::fabs(rounded(value + error) -
                                                      rounded(value - error)));
  }
}

void ReferenceDecoder::decodeRow(int64_t row, double *values,
                                 double *magnitudes) const {
  double magnitude;
  for (int64_t i = 0; i < k; ++i)
    values[i] = rounded(exact(row, i, magnitudes ? magnitudes[i] : magnitude));
}
