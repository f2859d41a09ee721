//===- ExactCodes.cpp - The nearest codes for scales as stored ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The quotient of a number and a scale decides between codes, and must not be
// rounded to a number between them that is none: it is computed in f64, or bit
// after bit where a device has none, and rounded to odd.
//
//===----------------------------------------------------------------------===//

#include "passes/math/ExactSums.h"
#include "passes/math/FloatConversions.h"
#include "passes/rules/RuleNumbers.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::mathx;

using Ties = QuantRule::Ties;

namespace {
/// An f64, or a vector of it.
struct Double : Term {
  static Double of(Num x) {
    return {
        {x.b, arith::ExtFOp::create(*x.b, x.like(x.b->getF64Type()), x.value)}};
  }
  Double number(double value) const {
    return {{b, constant(b->getF64FloatAttr(value))}};
  }
  Truth compare(arith::CmpFPredicate predicate, Double other) const {
    return {{b, arith::CmpFOp::create(*b, predicate, value, other.value)}};
  }
  Double magnitude() const { return {{b, math::AbsFOp::create(*b, value)}}; }
  Double floor() const { return {{b, math::FloorOp::create(*b, value)}}; }
  friend Double operator+(Double x, Double y) {
    return {{x.b, arith::AddFOp::create(*x.b, x.value, y.value)}};
  }
  friend Double operator-(Double x, Double y) {
    return {{x.b, arith::SubFOp::create(*x.b, x.value, y.value)}};
  }
  friend Double operator*(Double x, Double y) {
    return {{x.b, arith::MulFOp::create(*x.b, x.value, y.value)}};
  }
  friend Double operator/(Double x, Double y) {
    return {{x.b, arith::DivFOp::create(*x.b, x.value, y.value)}};
  }
  friend Truth operator<(Double x, Double y) {
    return x.compare(arith::CmpFPredicate::OLT, y);
  }
};
} // namespace

/// Integers of which an offset is a part: where the quotient, which is rounded,
/// lies near the middle of two, their errors decide.
Int RuleArithmetic::codesOnLine(const Scale &scale, Num x) {
  Double value = Double::of(x);
  Double factor = spread(Double::of(scale.scale), x),
         offset = spread(Double::of(scale.offset), x);
  Double t = (value - offset) / factor;
  auto rounded = [&](Double y) {
    y = mathx::choose(y < y.number(low), y.number(low), y);
    y = mathx::choose(y.number(high) < y, y.number(high), y);
    Double whole = y.floor(), half = y.number(0.5), rest = y - whole;
    Truth isHalf = rest.compare(arith::CmpFPredicate::OEQ, half), tieIsUp;
    if (plan.rule.ties == Ties::up) {
      tieIsUp = isHalf;
    } else if (plan.rule.ties == Ties::even) {
      Double pairs = (whole * half).floor();
      tieIsUp = isHalf & (pairs + pairs < whole);
    } else {
      tieIsUp = isHalf & (y.number(0) < y);
    }
    return mathx::choose((half < rest) | tieIsUp, whole + y.number(1), whole);
  };
  auto errorOf = [&](Double number) {
    return (factor * number + offset - value).magnitude();
  };
  Double doubt = t.number(1e-14) * t.magnitude();
  Double best = rounded(t);
  for (Double other : {rounded(t - doubt), rounded(t + doubt)})
    best = mathx::choose(errorOf(other) < errorOf(best), other, best);
  Int number{
      {&b, arith::FPToSIOp::create(b, x.like(b.getI32Type()), best.value)}};
  return codeOfInteger(number);
}

namespace {
/// |x| = significand * 2^(exponent - 23), the significand of 24 bits.
struct Normalized {
  Int exponent, significand;
};
} // namespace

static Normalized normalized(Num x) {
  constexpr int64_t fraction = 0x7fffff, leading = 0x800000;
  Int bits = x.bits() & f32Magnitude, stored = bits >> f32Mantissa;
  Truth isSubnormal = stored == 0;
  // As a number it is normal in any case.
  Int whole = (bits & fraction) |
              choose(isSubnormal, bits.number(0), bits.number(leading));
  Int of = toNumber(whole).bits();
  return {(of >> f32Mantissa) - (f32Bias + f32Mantissa + f32Bias) +
              choose(isSubnormal, stored.number(1), stored),
          (of & fraction) | leading};
}

/// x / scale without f64 and without a division that devices round as they
/// like: bit after bit, in integers. What f32 does not hold is rounded to the
/// odd neighbour towards 0; what is beyond its exponents, to numbers that are
/// as far from all codes. A scale of 0 gives some number.
static Num quotientToOdd(Num x, Num scale) {
  Normalized above = normalized(x), below = normalized(scale);
  auto reaches = [&](Int rest) {
    return rest.compare(arith::CmpIPredicate::sge, below.significand);
  };
  Truth isLess =
      above.significand.compare(arith::CmpIPredicate::slt, below.significand);
  Int exponent = above.exponent - below.exponent, rest = above.significand;
  exponent = choose(isLess, exponent - 1, exponent);
  rest = choose(isLess, rest << 1, rest) - below.significand;
  Int quotient = rest.number(1);
  for (int64_t i = 0; i < f32Mantissa; ++i) {
    rest = rest << 1;
    Truth isOne = reaches(rest);
    quotient = (quotient << 1) + choose(isOne, rest.number(1), rest.number(0));
    rest = choose(isOne, rest - below.significand, rest);
  }
  quotient = quotient | choose(rest == 0, rest.number(0), rest.number(1));
  exponent = bounded(exponent, 1 - f32Bias, f32Bias);
  Int bits = ((exponent + f32Bias) << f32Mantissa) | (quotient & 0x7fffff);
  bits = choose((x.bits() & f32Magnitude) == 0, bits.number(0), bits);
  return fromBits(bits | ((x.bits() ^ scale.bits()) & int64_t(0x80000000)));
}

/// Of the sum of a number that is rounded to odd and an integer, which f32 need
/// not hold.
Int RuleArithmetic::nearestIntegerBeside(Num t, Num zero) {
  // More is beyond all codes, whatever is added.
  constexpr double most = 0x1p20;
  t = atMost(atLeast(t, -most), most);
  Int whole = toInteger(t);
  Num rest = t - toNumber(whole);
  whole = whole + toInteger(zero);
  Truth isUp = rest > 0.5, isDown = rest < -0.5, isHalf = rest == 0.5,
        isMinusHalf = rest == -0.5;
  switch (plan.rule.ties) {
  case Ties::up:
    isUp = isUp | isHalf;
    break;
  case Ties::even:
    isUp = isUp | (isHalf & ((whole & 1) != 0));
    isDown = isDown | (isMinusHalf & ((whole & 1) != 0));
    break;
  default: // Away from 0, which a half is never.
    isUp = isUp | (isHalf & (whole > -1));
    isDown = isDown | (isMinusHalf & (whole < 1));
  }
  whole =
      mathx::choose(isUp, whole + 1, mathx::choose(isDown, whole - 1, whole));
  return codeOfInteger(bounded(whole, int64_t(low), int64_t(high)));
}

/// x * 2^power without subnormal numbers, which devices may take for 0: 0 where
/// the result would be one.
static Num timesPowerOfTwo(Num x, Int power) {
  Normalized parts = normalized(x);
  Int exponent = parts.exponent + power;
  Truth isZero = ((x.bits() & f32Magnitude) == 0) | (exponent < 1 - f32Bias);
  exponent = bounded(exponent, 1 - f32Bias, f32Bias);
  Int bits =
      ((exponent + f32Bias) << f32Mantissa) | (parts.significand & 0x7fffff);
  bits = choose(isZero, bits.number(0), bits);
  return fromBits(bits | (x.bits() & int64_t(0x80000000)));
}

/// codesOnLine without f64: a quotient in f32 says between which two integers a
/// number lies, and the sign of x - offset - (below + 1/2) * scale which of
/// them is nearer. A scale is split in two, so that its products are exact.
Int RuleArithmetic::codesOnLineInF32(const Scale &scale, Num x) {
  Num factor = spread(scale.scale, x), offset = spread(scale.offset, x);
  Int exponent = normalized(factor).exponent,
      power = exponent.number(0) - exponent;
  x = timesPowerOfTwo(x, power);
  offset = timesPowerOfTwo(offset, power);
  factor = timesPowerOfTwo(factor, power); // 1 to 2
  Num t = atMost(atLeast((x - offset) / factor, low - 1), high + 1);
  Int below = toInteger(t);
  below = mathx::choose(t < toNumber(below), below - 1, below);
  constexpr int64_t upperBits = int64_t(0xfffff000);
  Num middle = toNumber(below) + 0.5,
      upper = fromBits(factor.bits() & upperBits), lower = factor - upper;
  Num side = signOfSum(
      {x, negated(offset), negated(middle * upper), negated(middle * lower)});
  Truth isUp = side > 0, isTie = side == 0;
  if (plan.rule.ties == Ties::up)
    isUp = isUp | isTie;
  else if (plan.rule.ties == Ties::even)
    isUp = isUp | (isTie & ((below & 1) != 0));
  else
    isUp = isUp | (isTie & (below > -1));
  Int number = mathx::choose(isUp, below + 1, below);
  return codeOfInteger(bounded(number, int64_t(low), int64_t(high)));
}

bool RuleArithmetic::fitsDevices(const RulePlan &plan) {
  if (!plan.isExact() || plan.dividesExactly())
    return true;
  // So that products with a half of a scale's bits are exact.
  constexpr unsigned mostBits = 8;
  if (plan.offset)
    return !plan.zero && plan.kind == CodeKind::integer &&
           plan.code.width() <= mostBits;
  return !plan.zero || plan.kind == CodeKind::integer;
}

/// The nearest for the scale as it is stored.
Int RuleArithmetic::exactCodes(const Scale &scale, Num x) {
  if (plan.dividesExactly())
    return nearest(x / spread(scale.scale, x));
  Int code;
  if (deviceLookUp && plan.offset) {
    code = codesOnLineInF32(scale, x);
  } else if (deviceLookUp) {
    Num t = quotientToOdd(x, spread(scale.scale, x));
    code =
        plan.zero ? nearestIntegerBeside(t, spread(scale.zero, x)) : nearest(t);
  } else if (plan.offset) {
    code = codesOnLine(scale, x);
  } else {
    Double t = Double::of(x) / spread(Double::of(scale.scale), x);
    if (plan.zero)
      t = t + spread(Double::of(scale.zero), x);
    code = nearest(roundToOdd(b, t.value));
  }
  Num nothing = number(0);
  return mathx::choose(spread(scale.isUsable, x), code,
                       spread(nearest(nothing), x));
}
