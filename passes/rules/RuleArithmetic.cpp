//===- RuleArithmetic.cpp - Scales and codes as arithmetic ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/rules/RuleArithmetic.h"

#include "ir/Reference.h"
#include "passes/math/ExactSums.h"
#include "passes/math/FloatConversions.h"
#include "passes/rules/RuleNumbers.h"

#include "llvm/ADT/bit.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace rlx;
using namespace rlx::mathx;

using Method = QuantRule::Method;
using Ties = QuantRule::Ties;
using Arithmetic = QuantRule::Arithmetic;

/// Just less than a half: what is added before a fraction is cut off.
static constexpr double belowHalf = 0x1.fffffep-2;
/// Adding it leaves no bits behind the point.
static constexpr double magic = 0x1.8p23;

static Truth isFinite(Num x) { return (x.bits() & f32Magnitude) < f32Infinity; }

RuleArithmetic::RuleArithmetic(mathx::Builder &b, const RulePlan &plan,
                               CodeNumbers::LookUp lookUp)
    : b(b), plan(plan), deviceLookUp(std::move(lookUp)) {
  bool isFirst = true;
  for (uint64_t code = 0; code < uint64_t(1) << plan.code.width(); ++code) {
    double number = numberOf(plan.code, code);
    if (!std::isfinite(number))
      continue;
    low = isFirst ? number : std::min(low, number);
    high = isFirst ? number : std::max(high, number);
    isFirst = false;
  }
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// The f16 nearest to a number, of types that all devices have.
static Num nearestHalf(Num x) {
  constexpr int64_t mantissa = 10, least = -14;
  constexpr double beyond = 65520;
  Num magnitude = absolute(x);
  Int exponent =
      bounded((magnitude.bits() >> f32Mantissa) - f32Bias, least, f32Bias - 1);
  auto power = [&](Int of) { return fromBits((of + f32Bias) << f32Mantissa); };
  Int none = exponent.number(0);
  Num significand = magnitude * power(none + mantissa - exponent);
  Num rounded = ((significand + magic) - magic) * power(exponent - mantissa);
  rounded = choose(magnitude < beyond, rounded, infinityLike(x));
  return withSign(rounded, x);
}

/// The same of bf16, the upper half of f32's bits.
static Num nearestBf16(Num x) {
  constexpr int64_t half = 0x7fff, upper = int64_t(0xffff0000);
  Int bits = x.bits();
  return fromBits((bits + half + ((bits >> 16) & 1)) & upper);
}

/// What is read again of `number` once it is stored in `field`.
Num RuleArithmetic::stored(FieldAttr field, Num number) {
  Type type = field.getType();
  if (field.isInteger()) {
    double count = std::ldexp(1.0, int(field.width()));
    double least = type.isSignedInteger() ? -count / 2 : 0;
    auto bias = double(field.getBias());
    return atMost(atLeast(number, least - bias), least + count - 1 - bias);
  }
  if (type.isF32())
    return number;
  if (deviceLookUp)
    return type.isF16() ? nearestHalf(number) : nearestBf16(number);
  Value narrow = arith::TruncFOp::create(b, number.like(type), number.value);
  return {{&b, arith::ExtFOp::create(b, number.value.getType(), narrow)}};
}

RuleArithmetic::Scale RuleArithmetic::byQuotient(Num extreme) {
  Scale result;
  Num zero = number(0);
  if (plan.rule.arithmetic == Arithmetic::inverse) {
    Truth isZero = extreme == 0;
    Num inverse = plan.rule.reach / extreme;
    result.inverse = mathx::choose(isZero, zero, inverse);
    result.scale = mathx::choose(isZero, zero, 1.0 / inverse);
    return result;
  }
  result.scale = extreme / plan.rule.reach;
  result.inverse = mathx::choose(result.scale == 0, zero, 1.0 / result.scale);
  return result;
}

RuleArithmetic::Scale RuleArithmetic::byRange(Num least, Num most) {
  Scale result;
  Num zero = number(0);
  if (plan.zero) { // 0 becomes 0 exactly.
    least = mathx::choose(zero < least, zero, least);
    most = mathx::choose(most < zero, zero, most);
  }
  auto first = float(low), last = float(high);
  Num scale = (most - least) / double(last - first);
  Truth isZero = scale == 0;
  result.inverse = mathx::choose(isZero, zero, 1.0 / scale);
  result.scale = scale;
  result.least = least;
  if (plan.offset) {
    result.offset = first == 0 ? least : least - scale * double(first);
    return result;
  }
  Num base = double(first) - least / scale;
  base = {{&b, math::RoundOp::create(b, base.value)}};
  base = mathx::choose(base < first, base.number(first), base);
  base = mathx::choose(base > last, base.number(last), base);
  result.zero = mathx::choose(isZero, zero, base);
  return result;
}

/// floor(log2(magnitude)). By f32's log2 some numbers just below a power of two
/// are rounded up to it: how many is asked of the C library, whose function the
/// host's quantizer calls.
Int RuleArithmetic::exponentOf(Num magnitude) {
  Int bits = magnitude.bits();
  if (plan.rule.arithmetic == Arithmetic::log2f) {
    auto roundedUp = [](int64_t exponent) {
      int64_t count = 0;
      auto power = uint32_t((exponent + 1) << f32Mantissa);
      auto isUp = [&](uint32_t below) {
        float x = llvm::bit_cast<float>(power - below);
        return std::floor(std::log2(x)) > float(exponent - f32Bias);
      };
      while (isUp(uint32_t(count + 1)))
        ++count;
      return count;
    };
    Int exponent = bits >> f32Mantissa;
    int64_t last = roundedUp(1);
    Int more = bits.number(last);
    for (int64_t e = 2; e <= 2 * f32Bias; ++e) {
      int64_t count = roundedUp(e);
      if (count != last)
        more = mathx::choose(exponent < e, more, bits.number(count));
      last = count;
    }
    bits = bits + more;
  }
  return (bits >> f32Mantissa) - f32Bias;
}

/// The scale's code is its exponent and 127; those of zeros and all that is
/// smaller are 0.
RuleArithmetic::Scale RuleArithmetic::byPowerOfTwo(Num magnitude) {
  Scale result;
  Int code = exponentOf(magnitude) + (f32Bias - std::ilogb(plan.rule.reach));
  result.exponent = bounded(code, 0, 2 * f32Bias);
  // 2^-127 is subnormal.
  Int scaleBits = mathx::choose(result.exponent == 0,
                                code.number(int64_t(1) << (f32Mantissa - 1)),
                                result.exponent << f32Mantissa);
  result.scale = fromBits(scaleBits);
  result.isUsable = result.exponent > -1;
  return result;
}

RuleArithmetic::Scale RuleArithmetic::choose(const Extremes &extremes) {
  if (plan.rule.method == Method::powerOfTwo)
    return byPowerOfTwo(extremes.largest);
  Scale result = plan.needsRange() ? byRange(extremes.least, extremes.most)
                                   : byQuotient(extremes.largest);
  result.scale = stored(plan.scale, result.scale);
  if (plan.zero)
    result.zero = stored(plan.zero, result.zero);
  if (plan.offset)
    result.offset = stored(plan.offset, result.offset);
  if (plan.isExact()) {
    Int magnitude = result.scale.bits() & f32Magnitude;
    result.isUsable = (magnitude > 0) & (magnitude < f32Infinity);
  } else {
    result.isUsable = isFinite(result.inverse);
  }
  return result;
}

Int RuleArithmetic::storedCode(const Scale &scale, FieldAttr field) {
  if (field == plan.scale && scale.exponent)
    return scale.exponent;
  Num value = field == plan.scale  ? scale.scale
              : field == plan.zero ? scale.zero
                                   : scale.offset;
  if (field.isInteger())
    return (toInteger(value) + field.getBias()) &
           ((int64_t(1) << field.width()) - 1);
  Type type = field.getType();
  if (type.isF32())
    return value.bits();
  Value narrow = arith::TruncFOp::create(b, type, value.value);
  Value bits = arith::BitcastOp::create(b, b.getI16Type(), narrow);
  return {{&b, arith::ExtUIOp::create(b, b.getI32Type(), bits)}};
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

Int RuleArithmetic::codeOfInteger(Int number, int64_t from) {
  int64_t bias = plan.code.getBias();
  if (from + bias)
    number = number + (from + bias);
  // Negative numbers have bits above those of the code.
  return low + double(bias) < 0
             ? number & ((int64_t(1) << plan.code.width()) - 1)
             : number;
}

/// For the scale before it is stored.
Int RuleArithmetic::codesInF32(const Scale &scale, Num x) {
  Num t = x;
  if (plan.offset)
    t = t - spread(scale.least, x);
  t = t * spread(scale.inverse, x);
  if (plan.offset)
    t = t + low;
  Int number; // Counted from `first`.
  int64_t first = 0;
  if (plan.rule.ties == Ties::up) {
    number = toInteger(t + double(0.5f - float(low)));
    first = int64_t(low);
  } else if (plan.rule.ties == Ties::even) {
    Int shifted = (t + magic).bits();
    number = shifted - shifted.number(llvm::bit_cast<int32_t>(float(magic)));
  } else {
    number = toInteger(t + withSign(t.number(belowHalf), t));
  }
  // An infinite inverse, of too small a scale, gives the lowest or 0; so does a
  // range beyond f32.
  Truth isUsable = plan.needsRange() ? isFinite(t) : spread(scale.isUsable, x);
  number = bounded(number, int64_t(low) - first, int64_t(high) - first);
  number = mathx::choose(isUsable, number, number.number(0));
  return codeOfInteger(number, first);
}

/// Of a number that f32 holds exactly, or that is odd where it does not.
Int RuleArithmetic::nearestInteger(Num t) {
  t = atMost(atLeast(t, low), high);
  Int number;
  switch (plan.rule.ties) {
  case Ties::up: {
    Int whole = toInteger(t);
    whole = mathx::choose(t < toNumber(whole), whole - 1, whole);
    Num rest = t - toNumber(whole);
    number = mathx::choose(rest < 0.5, whole, whole + 1);
    break;
  }
  case Ties::even: {
    Int shifted = (t + magic).bits();
    number = shifted - shifted.number(llvm::bit_cast<int32_t>(float(magic)));
    break;
  }
  default:
    number = toInteger(t + withSign(t.number(belowHalf), t));
  }
  return codeOfInteger(number);
}

/// A float of few bits: its significand as an integer, in steps of the type's
/// least one where it is subnormal.
Int RuleArithmetic::nearestSmallFloat(Num t) {
  const llvm::fltSemantics &semantics =
      cast<FloatType>(plan.code.getType()).getFloatSemantics();
  int64_t mantissa = llvm::APFloat::semanticsPrecision(semantics) - 1,
          least = llvm::APFloat::semanticsMinExponent(semantics);
  Num magnitude = atMost(absolute(t), high);
  Int exponent =
      bounded((magnitude.bits() >> f32Mantissa) - f32Bias, least, f32Bias);
  // Times a power of two, exactly.
  Int power = (exponent.number(mantissa + f32Bias) - exponent) << f32Mantissa;
  Num significand = magnitude * fromBits(power);
  Int whole = toInteger(significand);
  Num rest = significand - toNumber(whole);
  Truth isUp;
  switch (plan.rule.ties) {
  case Ties::first:
    isUp = rest > 0.5;
    break;
  case Ties::away:
    isUp = (rest > 0.5) | (rest == 0.5);
    break;
  default:
    isUp = (rest > 0.5) | ((rest == 0.5) & ((whole & 1) != 0));
  }
  whole = mathx::choose(isUp, whole + 1, whole);
  Int code = ((exponent - least) << mantissa) + whole;
  // -0 is there, but where the first of two codes counts.
  Int sign = (t.bits() >> 31) << int64_t(plan.code.width() - 1);
  if (plan.rule.ties == Ties::first)
    sign = mathx::choose(code == 0, code, sign);
  return code | sign;
}

/// By how many places between numbers lie below it.
Int RuleArithmetic::nearestOfTable(Num t) {
  SmallVector<std::pair<double, int64_t>> numbers;
  for (int64_t code = 0; code < int64_t(1) << plan.code.width(); ++code)
    numbers.push_back({numberOf(plan.code, code), code});
  llvm::stable_sort(numbers, llvm::less_first());
  // Of codes that mean the same, the first is used.
  numbers.erase(std::unique(numbers.begin(), numbers.end(),
                            [](const auto &x, const auto &y) {
                              return x.first == y.first;
                            }),
                numbers.end());
  Int code = t.bits().number(numbers.front().second);
  for (size_t i = 1; i < numbers.size(); ++i) {
    auto [below, belowCode] = numbers[i - 1];
    auto [above, aboveCode] = numbers[i];
    auto isAbove = [&](float x) {
      double down = x - below, up = above - x;
      bool tieGoesUp = plan.rule.ties == Ties::up ||
                       (plan.rule.ties == Ties::away && x > 0) ||
                       (plan.rule.ties == Ties::first && aboveCode < belowCode);
      if (plan.rule.ties == Ties::byType || plan.rule.ties == Ties::even)
        tieGoesUp = aboveCode % 2 == 0;
      return up < down || (up == down && tieGoesUp);
    };
    // The first f32 that becomes the upper one.
    auto threshold = float((below + above) / 2);
    constexpr float infinity = std::numeric_limits<float>::infinity();
    while (isAbove(threshold))
      threshold = std::nextafter(threshold, -infinity);
    while (!isAbove(threshold))
      threshold = std::nextafter(threshold, infinity);
    code = mathx::choose(t < threshold, code, code.number(aboveCode));
  }
  return code;
}

Int RuleArithmetic::nearest(Num t) {
  switch (plan.kind) {
  case CodeKind::integer:
    return nearestInteger(t);
  case CodeKind::smallFloat:
    return nearestSmallFloat(t);
  case CodeKind::table:
    return nearestOfTable(t);
  }
  llvm_unreachable("unknown kind of codes");
}

Int RuleArithmetic::codes(const Scale &scale, Num x) {
  return plan.isExact() ? exactCodes(scale, x) : codesInF32(scale, x);
}

Num RuleArithmetic::values(const Scale &scale, Int codes) {
  CodeNumbers numbers = deviceLookUp ? CodeNumbers(b, b.getLoc(), deviceLookUp)
                                     : CodeNumbers(b, b.getLoc());
  Num value{{&b, numbers.convert(plan.code, codes.value)}};
  if (plan.zero)
    value = value - spread(scale.zero, value);
  Num factor = spread(scale.scale, value);
  if (!plan.offset)
    return factor * value;
  Num offset = spread(scale.offset, value);
  // Devices may round the product: of an f16 and a code it is exact.
  if (deviceLookUp && plan.scale.getType().isF32())
    return fusedMultiplyAdd(factor, value, offset);
  return {{&b, math::FmaOp::create(b, factor.value, value.value, offset.value,
                                   arith::FastMathFlags::contract)}};
}
