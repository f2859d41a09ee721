//===- MathAngles.cpp - Angles, cube roots, and which function is which ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/math/MathFunctions.h"

#include "llvm/ADT/TypeSwitch.h"

namespace rlx::mathx {
namespace {

/// pi / 2 as the nearest f32 and the rest.
constexpr double halfPi = 1.57079637050628662109375,
                 halfPiRest = -4.37113900018624283e-8;
constexpr double quarterPi = 0.785398185253143310546875,
                 quarterPiRest = -2.18556950009312142e-8;
/// Where polynomials of odd powers are what they are of.
constexpr double tiny = 1e-4;

/// The words of 1 / (2 pi), the first after the point.
constexpr uint32_t turns[] = {0x28be60db, 0x9391054a, 0x7f09d5f4, 0x7d4d3770,
                              0x36d8a566, 0x4f10e410, 0x7f9458ea};

/// Word `first + i` of the above, with a zero before the first. `first` is 0 to
/// 4, as exponents of f32 are below 160.
Int wordOfTurns(Int first, int64_t i) {
  constexpr int64_t last = 4;
  auto entry = [&](int64_t at) {
    return first.number(at < 0 ? 0 : int64_t(turns[at]));
  };
  Int word = entry(i);
  for (int64_t at = 1; at <= last; ++at)
    word = choose(first == at, entry(at + i), word);
  return word;
}

/// `high:low` shifted left by `count` of 0 to 31, its higher word.
Int shiftedLeft(Int high, Int low, Int count) {
  return (high << count) | ((low >> 1) >> (count.number(31) - count));
}

std::pair<Int, Int> multiplied(Int x, Int y) {
  auto product = mlir::arith::MulUIExtendedOp::create(*x.b, x.value, y.value);
  return {{{x.b, product.getLow()}}, {{x.b, product.getHigh()}}};
}

/// 1 where `sum`, of `x` and another, has a carry.
Int carry(Int sum, Int x) {
  Truth carries = sum.compare(mlir::arith::CmpIPredicate::ult, x);
  return choose(carries, x.number(1), x.number(0));
}

/// `x = quadrant * pi / 2 + rest`, |rest| <= pi / 4, for all x but infinities
/// and NaNs, for which the rest is NaN. The fraction of x / (2 pi) is what the
/// mantissa times those words of 1 / (2 pi) is that are not whole turns.
std::pair<Num, Int> reducedToQuadrant(Num x) {
  Int bits = x.bits() & 0x7fffffff;
  Int mantissa = (bits << 8) | int64_t(0x80000000);
  Int exponent = (bits >> 23) - 126;
  exponent = choose(exponent < 0, exponent.number(0), exponent);
  Int first = exponent >> 5, shift = exponent & 31;
  Int words[4];
  for (int64_t i = 0; i < 4; ++i)
    words[i] = wordOfTurns(first, i - 1);
  Int high = shiftedLeft(words[0], words[1], shift);
  Int middle = shiftedLeft(words[1], words[2], shift);
  Int low = shiftedLeft(words[2], words[3], shift);
  auto [unused, lowest] = multiplied(mantissa, low);
  auto [fractionLow, carried] = multiplied(mantissa, middle);
  Int sumLow = fractionLow + lowest;
  Int sumHigh = (mantissa * high + carried) + carry(sumLow, lowest);
  Int quadrant = sumHigh >> 30;
  // What is left of the quadrant, as a signed fraction.
  Int left = (sumHigh << 2) | (sumLow >> 30), leftLow = sumLow << 2;
  Truth isNegative = left < 0;
  quadrant = choose(isNegative, quadrant + 1, quadrant);
  Int ones = left.shiftSigned(31);
  left = left ^ ones;
  leftLow = leftLow ^ ones;
  // No f32 is so near to a multiple of pi / 2 that all of a word is zero.
  Int zeros{{x.b, mlir::math::CountLeadingZerosOp::create(*x.b, left.value)}};
  zeros = zeros & 31;
  Int top = shiftedLeft(left, leftLow, zeros);
  Num main = toNumber(top >> 8);
  Num rest = toNumber(((top & 0xff) << 16) | ((leftLow << zeros) >> 16));
  // main * pi / 2, and what is lost of it.
  constexpr double halfPiHigh = 1.5703125;
  Num mainHigh = fromBits(main.bits() & ~int64_t(0xfff));
  Num mainLow = main - mainHigh, product = main * halfPi;
  Num lost = ((mainHigh * halfPiHigh - product) +
              mainHigh * (halfPi - halfPiHigh) + mainLow * halfPiHigh) +
             mainLow * (halfPi - halfPiHigh);
  product = product + ((lost + main * halfPiRest) + rest * (halfPi * 0x1p-24));
  Num reduced = product * fromBits((zeros.number(127 - 24) - zeros) << 23);
  reduced = choose(isNegative, negated(reduced), reduced);
  Truth isBelow = hasSign(x);
  reduced = choose(isBelow, negated(reduced), reduced);
  quadrant = choose(isBelow, quadrant.number(0) - quadrant, quadrant);
  Num magnitude = absolute(x);
  Truth isSmall = magnitude < quarterPi;
  reduced = choose(isSmall, x, reduced);
  quadrant = choose(isSmall, quadrant.number(0), quadrant);
  reduced = choose(magnitude < infinityLike(x), reduced, nanLike(x));
  return {reduced, quadrant};
}

Num sinOfFraction(Num x) {
  Num square = x * x;
  Num q =
      polynomial(square, {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1});
  return choose(absolute(x) < tiny, x, multiplyAdd(q * square, x, x));
}

Num cosOfFraction(Num x) {
  Num square = x * x;
  Num q = polynomial(square, {2.443315711809948e-5, -1.388731625493765e-3,
                              4.166664568298827e-2});
  return multiplyAdd(q, square * square, square * -0.5) + 1;
}

/// `sin(rest + quadrant * pi / 2)`
Num sinOfQuadrant(Num rest, Int quadrant) {
  Num y = choose((quadrant & 1) != 0, cosOfFraction(rest), sinOfFraction(rest));
  return fromBits(y.bits() ^ ((quadrant & 2) << 30));
}

/// `asin(x) - x` for |x| <= 1 / 2.
Num asinTail(Num x) {
  Num square = x * x;
  Num q = polynomial(square, {4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2,
                              7.4953002686e-2, 1.6666752422e-1});
  return q * square * x;
}

/// `atan(q)` for q of 0 to 1.
Num atanOfFraction(Num q) {
  constexpr double tangent = 0.4142135623730950488; // Of pi / 8.
  Truth isLarge = q > tangent;
  Num t = choose(isLarge, (q - 1) / (q + 1), q), square = t * t;
  Num tail = polynomial(square, {8.05374449538e-2, -1.38776856032e-1,
                                 1.99777106478e-1, -3.33329491539e-1}) *
             square * t;
  return choose(isLarge, quarterPi + (t + (tail + quarterPiRest)), t + tail);
}

} // namespace

Num sin(Num x) {
  auto [rest, quadrant] = reducedToQuadrant(x);
  return sinOfQuadrant(rest, quadrant);
}

Num cos(Num x) {
  auto [rest, quadrant] = reducedToQuadrant(x);
  return sinOfQuadrant(rest, quadrant + 1);
}

Num tan(Num x) {
  auto [rest, quadrant] = reducedToQuadrant(x);
  Num square = rest * rest;
  Num q = polynomial(square,
                     {9.38540185543e-3, 3.11992232697e-3, 2.44301354525e-2,
                      5.34112807005e-2, 1.33387994085e-1, 3.33331568548e-1});
  Num y =
      choose(absolute(rest) < tiny, rest, multiplyAdd(q * square, rest, rest));
  return choose((quadrant & 1) != 0, -1 / y, y);
}

/// Near 1, twice the angle of half the distance from 1.
Num asin(Num x) {
  Num magnitude = absolute(x);
  Truth isLarge = magnitude > 0.5;
  Num v = choose(isLarge, squareRoot((1 - magnitude) * 0.5), magnitude);
  Num tail = asinTail(v);
  Num large = halfPi - (v * 2 + (tail * 2 - halfPiRest));
  return withSign(choose(isLarge, large, v + tail), x);
}

Num acos(Num x) {
  Num magnitude = absolute(x);
  Truth isLarge = magnitude > 0.5;
  Num v = choose(isLarge, squareRoot((1 - magnitude) * 0.5), x);
  Num tail = asinTail(v);
  Num middle = halfPi - (v + (tail - halfPiRest));
  Num above = v * 2 + tail * 2;
  Num below = 2 * halfPi - (v * 2 + (tail * 2 - 2 * halfPiRest));
  return choose(isLarge, choose(x < 0, below, above), middle);
}

Num atan(Num x) {
  Num magnitude = absolute(x);
  Truth isLarge = magnitude > 1;
  Num y = atanOfFraction(choose(isLarge, 1 / magnitude, magnitude));
  return withSign(choose(isLarge, halfPi - (y - halfPiRest), y), x);
}

Num atan2(Num y, Num x) {
  Num width = absolute(x), height = absolute(y);
  Truth isSteep = height > width;
  Num quotient =
      choose(isSteep, width, height) / choose(isSteep, height, width);
  // Both zero, or both infinite.
  Num equal = choose(width == 0, x.number(0), x.number(1));
  Num angle = atanOfFraction(choose(width == height, equal, quotient));
  angle = choose(isSteep, halfPi - (angle - halfPiRest), angle);
  angle = choose(hasSign(x), 2 * halfPi - (angle - 2 * halfPiRest), angle);
  return choose(isNan(x) | isNan(y), nanLike(x), withSign(angle, y));
}

Num cbrt(Num x) {
  Num magnitude = absolute(x);
  // A subnormal is its bits, an integer, times 2^-149.
  constexpr int64_t least = 0x00800000;
  Truth isSubnormal = magnitude.bits() < least;
  Num v = choose(isSubnormal, toNumber(magnitude.bits()) * 2, magnitude);
  // A third of the exponent, then Newton's steps.
  Int third{{x.b, mlir::arith::DivUIOp::create(*x.b, v.bits().value,
                                               v.bits().number(3).value)}};
  Num t = fromBits(third + 709921077);
  for (int step = 0; step < 3; ++step)
    t = t - (t - v / (t * t)) * (1.0 / 3);
  Num y = choose(isSubnormal, t * 0x1p-50, t);
  Truth isPlain = (magnitude > 0) & (magnitude < infinityLike(x));
  return withSign(choose(isPlain, y, magnitude), x);
}

} // namespace rlx::mathx

/// Has products and sums from `first` to `last` rounded one by one.
static void forbidFusion(mlir::Operation *first, mlir::Operation *last) {
  using namespace mlir::arith;
  for (; first != last; first = first->getNextNode())
    llvm::TypeSwitch<mlir::Operation *>(first).Case<AddFOp, MulFOp>(
        [](auto op) { op.setFastmath(FastMathFlags::none); });
}

mlir::Value rlx::expandMath(mlir::Operation *op, bool mayFuse) {
  using namespace mathx;
  using namespace mlir::math;
  if (!llvm::isa_and_nonnull<MathDialect>(op->getDialect()) ||
      op->getNumResults() != 1 ||
      !mlir::getElementTypeOrSelf(op->getOperand(0)).isF32())
    return mlir::Value();
  mathx::Builder b(op->getLoc(), op);
  Num x{{&b, op->getOperand(0)}};
  auto y = [&] { return Num{{&b, op->getOperand(1)}}; };
  mlir::Operation *before = op->getPrevNode();
  mlir::Value result =
      llvm::TypeSwitch<mlir::Operation *, mlir::Value>(op)
          .Case([&](ExpOp) { return mathx::exp(x).value; })
          .Case([&](Exp2Op) { return mathx::exp2(x).value; })
          .Case([&](ExpM1Op) { return mathx::expm1(x).value; })
          .Case([&](LogOp) { return mathx::log(x).value; })
          .Case([&](Log2Op) { return mathx::log2(x).value; })
          .Case([&](Log10Op) { return mathx::log10(x).value; })
          .Case([&](Log1pOp) { return mathx::log1p(x).value; })
          .Case([&](PowFOp) { return mathx::pow(x, y()).value; })
          .Case([&](SinhOp) { return mathx::sinh(x).value; })
          .Case([&](CoshOp) { return mathx::cosh(x).value; })
          .Case([&](TanhOp) { return mathx::tanh(x).value; })
          .Case([&](AsinhOp) { return mathx::asinh(x).value; })
          .Case([&](AcoshOp) { return mathx::acosh(x).value; })
          .Case([&](AtanhOp) { return mathx::atanh(x).value; })
          .Case([&](ErfOp) { return mathx::erf(x).value; })
          .Case([&](ErfcOp) { return mathx::erfc(x).value; })
          .Case([&](SinOp) { return mathx::sin(x).value; })
          .Case([&](CosOp) { return mathx::cos(x).value; })
          .Case([&](TanOp) { return mathx::tan(x).value; })
          .Case([&](AsinOp) { return mathx::asin(x).value; })
          .Case([&](AcosOp) { return mathx::acos(x).value; })
          .Case([&](AtanOp) { return mathx::atan(x).value; })
          .Case([&](Atan2Op) { return mathx::atan2(x, y()).value; })
          .Case([&](CbrtOp) { return mathx::cbrt(x).value; })
          .Case([&](RsqrtOp) { return (1 / squareRoot(x)).value; })
          .Case([&](IsNaNOp) { return isNan(x).value; })
          .Case([&](IsInfOp) {
            return ((x.bits() & 0x7fffffff) == 0x7f800000).value;
          })
          .Case([&](IsFiniteOp) {
            return ((x.bits() & 0x7fffffff) < 0x7f800000).value;
          })
          .Case([&](IsNormalOp) {
            Int bits = x.bits() & 0x7fffffff;
            return ((bits < 0x7f800000) & (bits > 0x007fffff)).value;
          })
          .Default(mlir::Value());
  if (!mayFuse)
    forbidFusion(before ? before->getNextNode() : &op->getBlock()->front(), op);
  return result;
}
