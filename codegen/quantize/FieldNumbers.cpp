//===- FieldNumbers.cpp - The numbers of a field, and the nearest ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/FieldNumbers.h"

#include "ir/Reference.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace rlx;
using namespace rlx::quantize;

static double powerOfTwo(int exponent) {
  return llvm::bit_cast<double>(uint64_t(exponent + 1023) << 52);
}

/// What decodeFloat gives, faster; searches ask for it all the time.
double FieldNumbers::wideNumber(uint32_t code) const {
  auto [mantissaBits, leastExponent] = layout;
  uint32_t mantissa = code & ((1u << mantissaBits) - 1);
  int exponent = int((code & (mask >> 1)) >> mantissaBits);
  if (exponent == 1 - 2 * (leastExponent - 1)) // infinities and NaNs
    return decodeFloat(cast<FloatType>(field.getType()), code);
  int shift = leastExponent - int(mantissaBits);
  double number = exponent == 0 ? mantissa * powerOfTwo(shift)
                                : ((1u << mantissaBits) + mantissa) *
                                      powerOfTwo(exponent - 1 + shift);
  return code >> (width - 1) ? -number : number;
}

/// The other way, rounded to nearest even; an infinity where it is too large.
uint32_t FieldNumbers::wideCode(double t) const {
  auto [mantissaBits, leastExponent] = layout;
  uint32_t sign = uint32_t(std::signbit(t)) << (width - 1);
  uint32_t infinity = uint32_t(1 - 2 * (leastExponent - 1)) << mantissaBits;
  double size = std::fabs(t);
  if (!(size < powerOfTwo(2 - leastExponent)))
    return sign | (infinity + (std::isnan(t) ? 1u << (mantissaBits - 1) : 0));
  int exponent =
      std::max(int(llvm::bit_cast<uint64_t>(size) >> 52) - 1023, leastExponent);
  // Adding it leaves no bits behind the point.
  constexpr double magic = 0x1p52;
  double rounded =
      (size * powerOfTwo(int(mantissaBits) - exponent) + magic) - magic;
  // What is rounded up to a power of two carries into the exponent.
  uint32_t code =
      (uint32_t(exponent - leastExponent) << mantissaBits) + uint32_t(rounded);
  return sign | std::min(code, infinity);
}

/// -0 lies below 0.
static bool isBefore(double a, double b) {
  return a < b || (a == b && std::signbit(a) && !std::signbit(b));
}

/// Which codes vectors are made of; empty where nothing is looked up.
static std::vector<bool> codesInTables(FieldAttr field) {
  std::vector<bool> isThere;
  if (!field.hasLookups())
    return isThere;
  isThere.assign(size_t(1) << field.width(), true);
  unsigned shift = 0;
  for (const FieldTerm &term : termsOf(field)) {
    uint64_t mask = (uint64_t(1) << term.width()) - 1;
    if (term.lookup) {
      std::vector<bool> parts(mask + 1);
      uint64_t all = 0;
      for (int64_t entry : term.lookup.getEntries().asArrayRef())
        all |= uint64_t(entry);
      for (int64_t entry : term.lookup.getEntries().asArrayRef())
        for (unsigned at = 0; all >> at != 0; at += term.width())
          parts[uint64_t(entry) >> at & mask] = true;
      for (size_t code = 0; code < isThere.size(); ++code)
        if (!parts[code >> shift & mask])
          isThere[code] = false;
    }
    shift += term.width();
  }
  return isThere;
}

FieldNumbers::FieldNumbers(FieldAttr field, QuantRule::Ties ties)
    : field(field), ties(ties), width(field.width()),
      mask(uint32_t((uint64_t(1) << width) - 1)), bias(field.getBias()) {
  auto floatType = dyn_cast<FloatType>(field.getType());
  bool isFloat = floatType && !field.getCodebook();
  constexpr unsigned narrowFloat = 8;
  if (isFloat && floatType.getWidth() > narrowFloat &&
      width == floatType.getWidth()) {
    kind = Kind::wide;
    layout = floatType.isF16()
                 ? FloatLayout{10, -14}
                 : FloatLayout{floatType.isBF16() ? 7u : 23u, -126};
    high = llvm::APFloat::getLargest(floatType.getFloatSemantics())
               .convertToDouble();
    low = -high - double(field.getBias());
    high -= double(field.getBias());
    return;
  }
  // Of codes that are looked up, some may be in no vector.
  kind = field.isInteger() && !field.hasLookups() ? Kind::integer : Kind::table;
  std::vector<bool> isThere = codesInTables(field);
  std::vector<std::pair<double, uint32_t>> table;
  for (uint32_t code = 0; code < uint32_t(1) << width; ++code) {
    double number = numberOf(field, code);
    numberByCode.push_back(number);
    if (std::isfinite(number) && (isThere.empty() || isThere[code]))
      table.push_back({number, code});
  }
  llvm::stable_sort(table, [](const auto &a, const auto &b) {
    return isBefore(a.first, b.first);
  });
  // Of codes that mean the same, the first is used.
  for (auto [number, code] : table)
    if (numbers.empty() || isBefore(numbers.back(), number)) {
      numbers.push_back(number);
      codes.push_back(code);
    }
  if (numbers.empty()) { // Only infinities and NaNs: cannot hold a number.
    numbers.push_back(0);
    codes.push_back(0);
  }
  low = numbers.front();
  high = numbers.back();
}

double FieldNumbers::number(uint32_t code) const {
  if (kind != Kind::wide)
    return numberByCode[code];
  double number = wideNumber(code);
  return bias                                         ? number - double(bias)
         : field.getNanAsZero() && std::isnan(number) ? 0
                                                      : number;
}

uint32_t FieldNumbers::codeAt(size_t position) const { return codes[position]; }

/// Whether a number in the middle between two becomes the upper one.
bool FieldNumbers::tieGoesUp(double t, size_t below) const {
  switch (ties) {
  case QuantRule::Ties::up:
    return true;
  case QuantRule::Ties::away:
    return t > 0;
  case QuantRule::Ties::first:
    return codeAt(below + 1) < codeAt(below);
  case QuantRule::Ties::even:
    return codeAt(below + 1) % 2 == 0;
  case QuantRule::Ties::byType:
    return field.isInteger() ? t > 0 : codeAt(below + 1) % 2 == 0;
  }
  llvm_unreachable("unknown rule for ties");
}

/// The position of the nearest number.
size_t FieldNumbers::positionOf(double t) const {
  if (!(t > low))
    return t == 0 && low == 0 && !std::signbit(t) && numbers.size() > 1 &&
                   numbers[1] == 0
               ? 1
               : 0;
  if (t >= high)
    return t == 0 && std::signbit(t) && numbers.size() > 1 &&
                   numbers[numbers.size() - 2] == 0
               ? numbers.size() - 2
               : numbers.size() - 1;
  size_t above;
  if (kind == Kind::integer) {
    above = size_t(std::floor(t - low)) + 1;
  } else {
    above =
        std::upper_bound(numbers.begin(), numbers.end(), t) - numbers.begin();
  }
  size_t below = above - 1;
  double down = t - numbers[below], up = numbers[above] - t;
  size_t chosen =
      up < down || (up == down && tieGoesUp(t, below)) ? above : below;
  // Zeros have the sign of what became one, unless the first code counts.
  if (numbers[chosen] == 0) {
    size_t other = std::signbit(numbers[chosen])
                       ? std::min(chosen + 1, numbers.size() - 1)
                       : chosen - (chosen > 0);
    if (other != chosen && numbers[other] == 0 &&
        (ties == QuantRule::Ties::first
             ? codeAt(other) < codeAt(chosen)
             : std::signbit(numbers[other]) == std::signbit(t)))
      return other;
  }
  return chosen;
}

/// Rounds to nearest even, to an infinity where it is too large.
uint32_t FieldNumbers::converted(double t) const {
  if (kind != Kind::wide)
    return nearest(t);
  // A sum with 0 would lose the sign of -0.
  return wideCode(bias ? t + double(bias) : t);
}

std::optional<uint32_t> FieldNumbers::special(double t) const {
  auto isSame = [&](double number) {
    return std::isnan(t) ? std::isnan(number) : number == t;
  };
  if (kind == Kind::wide)
    return converted(t);
  for (uint32_t code = 0; code < numberByCode.size(); ++code)
    if (isSame(numberByCode[code]))
      return code;
  return std::nullopt;
}

uint32_t FieldNumbers::nearest(double t) const {
  if (kind == Kind::integer) {
    // Where it is in doubt which integer is near, the rule for ties decides.
    double number = nearestNumber(t);
    if (std::fabs(t - number) < 0.5)
      return codeOfInteger(int64_t(number));
  }
  if (kind != Kind::wide)
    return codeAt(positionOf(t));
  return converted(std::clamp(t, low, high));
}

llvm::SmallVector<uint32_t, 8> FieldNumbers::neighbours(double t,
                                                        int reach) const {
  llvm::SmallVector<uint32_t, 8> result = {nearest(t)};
  if (kind == Kind::wide) {
    // Codes of floats rise with the magnitude.
    uint32_t sign = uint32_t(1) << (width - 1), code = result.front();
    for (int i = 1; i <= reach; ++i) {
      if ((code & ~sign) >= uint32_t(i))
        result.push_back(code - i);
      if (std::isfinite(number(code + i)))
        result.push_back(code + i);
    }
    return result;
  }
  size_t position = positionOf(t);
  for (int i = 1; i <= reach; ++i) {
    if (position >= size_t(i))
      result.push_back(codeAt(position - i));
    if (position + i < numbers.size())
      result.push_back(codeAt(position + i));
  }
  return result;
}

llvm::SmallVector<uint32_t, 8> FieldNumbers::around(double t, int reach) const {
  return neighbours(t, kind == Kind::wide ? 0 : reach);
}
