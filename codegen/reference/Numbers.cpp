//===- Numbers.cpp - Numbers with what rounding may do to them ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Numbers.h"

#include "llvm/ADT/APFloat.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace rlx;

void Numbers::reset(Type newType, int64_t count) {
  type = newType;
  deviations.clear();
  values.resize(isFloat() ? count : 0);
  bits.resize(isFloat() ? 0 : count);
}

std::vector<double> &Numbers::allDeviations() {
  if (deviations.size() != size_t(size()))
    deviations.assign(size(), 0);
  return deviations;
}

void Numbers::copy(int64_t to, const Numbers &other, int64_t from,
                   int64_t count) {
  if (isFloat())
    std::copy_n(other.values.begin() + from, count, values.begin() + to);
  else
    std::copy_n(other.bits.begin() + from, count, bits.begin() + to);
  if (!other.deviations.empty())
    std::copy_n(other.deviations.begin() + from, count,
                allDeviations().begin() + to);
  else if (!deviations.empty())
    std::fill_n(deviations.begin() + to, count, 0.0);
}

Numbers Numbers::undefined(Type type, int64_t count) {
  Numbers numbers;
  numbers.reset(type, count);
  numbers.deviations.assign(count, unknownDeviation);
  return numbers;
}

unsigned rlx::widthOf(Type type) {
  return type.isIndex() ? IndexType::kInternalStorageBitWidth
                        : type.getIntOrFloatBitWidth();
}

uint64_t rlx::wrapBits(uint64_t bits, unsigned width) {
  return width >= 64 ? bits : bits & ((uint64_t(1) << width) - 1);
}

int64_t rlx::signedBits(uint64_t bits, unsigned width) {
  unsigned unused = width >= 64 ? 0 : 64 - width;
  return int64_t(bits << unused) >> unused;
}

bool rlx::isKnownType(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth() >= 1 && integer.getWidth() <= 64;
  if (isa<FloatType>(type))
    return type.getIntOrFloatBitWidth() <= 64;
  return type.isIndex();
}

double rlx::combineDeviations(double a, double b) {
  double all = std::sqrt(a * a + b * b);
  return std::isnan(all) ? unknownDeviation : all;
}

Rounding::Rounding(Type type) : type(cast<FloatType>(type)) {
  const llvm::fltSemantics &semantics = this->type.getFloatSemantics();
  int precision = llvm::APFloat::semanticsPrecision(semantics);
  roundoff = std::ldexp(1.0, -precision);
  smallest = std::ldexp(1.0, llvm::APFloat::semanticsMinExponent(semantics));
  bool losesInfo;
  llvm::APFloat most = llvm::APFloat::getLargest(semantics);
  most.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven,
               &losesInfo);
  largest = most.convertToDouble();
  isExplicit = !type.isF32() && !type.isF64();
}

double Rounding::nearest(double value) const {
  if (std::isnan(value))
    return value;
  if (type.isF32())
    return double(float(value));
  if (type.isF64())
    return value;
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                 &losesInfo);
  if (number.isNaN())
    return std::numeric_limits<double>::quiet_NaN();
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

double Rounding::bounded(double value) const {
  if (isExplicit)
    return nearest(value);
  // Half way to what would be the next number.
  if (std::fabs(value) >= largest + largest * roundoff / 2 &&
      std::isfinite(value) && type.isF32())
    return std::copysign(std::numeric_limits<double>::infinity(), value);
  return value;
}

double Rounding::spacing(double value) const {
  double magnitude = std::max(std::fabs(value), smallest);
  if (!std::isfinite(magnitude))
    return 0;
  return std::ldexp(2 * roundoff, std::ilogb(magnitude));
}

/// Neither that number nor an infinity is sure.
static void makeUnknown(double &value, double &deviation, double largest) {
  value = std::copysign(std::min(std::fabs(value), largest), value);
  deviation = unknownDeviation;
}

void Rounding::boundSum(double &sum, double &deviation, double size) const {
  // Terms of one sign cancel nowhere: their sum is infinite if it is.
  constexpr double sameSign = 1 + 0x1p-20;
  if (std::isfinite(sum) && size > largest && size > std::fabs(sum) * sameSign)
    makeUnknown(sum, deviation, largest);
}

/// How many deviations away from its own number the program may be.
static constexpr double around = 8;

void Rounding::apply(double &value, double &deviation, double roundings) const {
  // From half way to what would be the next number on, the program has an
  // infinity, and anything may come of that.
  double magnitude = std::fabs(value), reach = around * deviation;
  double limit = largest + spacing(largest) / 2;
  if (reach > 0 && std::isfinite(reach) && std::isfinite(value) &&
      magnitude + reach >= limit && magnitude - reach < limit) {
    makeUnknown(value, deviation, largest);
    return;
  }
  if (!isExplicit) {
    value = bounded(value);
    if (!std::isfinite(value)) {
      deviation = 0;
      return;
    }
    double error = roundings * roundoff * magnitude;
    // Where subnormals are, some devices have zeros.
    if (magnitude < smallest)
      error = std::max(error, magnitude);
    deviation = combineDeviations(deviation, error);
    return;
  }
  double exact = value;
  value = nearest(exact);
  if (!std::isfinite(value)) {
    deviation = 0;
    return;
  }
  // The program rounds another number, which lies around this one: it may get
  // the next one where it is that close to the middle between two.
  reach =
      around * deviation + (roundings > 1 ? roundings * spacing(exact) / 2 : 0);
  if (reach > 0 &&
      (nearest(exact - reach) != value || nearest(exact + reach) != value))
    deviation = combineDeviations(deviation, std::max(1.0, roundings) *
                                                 spacing(value) / 2);
}
