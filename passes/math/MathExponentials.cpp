//===- MathExponentials.cpp - Powers, logarithms and their relatives ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/math/MathFunctions.h"

namespace rlx::mathx {
namespace {

constexpr double ln2 = 0.693147180559945309;
/// ln2 in two parts, the first so short that its product with an exponent is
/// exact.
constexpr double ln2High = 0.693359375, ln2Low = -2.12194440e-4;
constexpr double log2e = 1.44269504088896341;

/// `2^n` for n of -126 to 127; infinity for 128.
Num powerOfTwo(Int n) { return fromBits((n + 127) << 23); }

/// `x * 2^n`, rounded once: in two steps, of which the first is exact.
Num scale(Num x, Int n) {
  Int half = n.shiftSigned(1);
  return x * powerOfTwo(half) * powerOfTwo(n - half);
}

/// The integer nearest to `x * factor`, whose magnitude is below 2^22, as both
/// types.
std::pair<Num, Int> nearest(Num x, double factor = 1) {
  constexpr double one = 12582912; // 1.5 * 2^23, where steps are 1.
  Num moved = factor == 1 ? x + one : multiplyAdd(x, factor, x.number(one));
  return {moved - one, moved.bits() - x.number(one).bits()};
}

/// `exp(x) - 1` for |x| <= ln2 / 2.
Num expm1OfFraction(Num x) {
  Num q = polynomial(x, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                         4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1});
  return multiplyAdd(q, x * x, x);
}

/// `x = n * ln2 + rest`
std::pair<Num, Int> dividedByLn2(Num x) {
  auto [n, integer] = nearest(x, log2e);
  Num rest = multiplyAdd(n, -ln2High, x);
  return {multiplyAdd(n, -ln2Low, rest), integer};
}

/// `x = m * 2^e` with m of sqrt(1/2) to sqrt(2), for positive finite x.
std::pair<Num, Num> splitExponent(Num x) {
  constexpr int64_t rootOfHalf = 0x3f3504f3, least = 0x00800000;
  // A subnormal is an integer times 2^-149, and the bits of that integer.
  Truth isSubnormal = x.bits() < least;
  Int bits = choose(isSubnormal, toNumber(x.bits()).bits(), x.bits());
  Num bias = choose(isSubnormal, x.number(-149), x.number(0));
  Int moved = bits - rootOfHalf;
  Num m = fromBits((moved & 0x7fffff) + rootOfHalf);
  return {m, toNumber(moved.shiftSigned(23)) + bias};
}

/// `log(1 + z) - z` for 1 + z of sqrt(1/2) to sqrt(2), in two parts: what is
/// small, and what is not.
std::pair<Num, Num> logTail(Num z) {
  Num square = z * z;
  Num q = polynomial(z, {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1,
                         -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
                         2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1});
  return {q * z * square, square * 0.5};
}

/// The result of a logarithm, `y` for positive finite `x`.
Num logOrLimit(Num x, Num y) {
  Num result = choose(x < infinityLike(x), y, x);
  result = choose(x == 0, x.number(-std::numeric_limits<double>::infinity()),
                  result);
  return choose(x < 0, nanLike(x), result);
}

/// The 12 highest bits of a number: products of two of them are exact.
Num highPart(Num x) { return fromBits(x.bits() & ~int64_t(0xfff)); }

/// `x * y` as a sum of two.
std::pair<Num, Num> exactProduct(Num x, Num y) {
  Num product = x * y;
  Num xHigh = highPart(x), xLow = x - xHigh;
  Num yHigh = highPart(y), yLow = y - yHigh;
  Num rest =
      ((xHigh * yHigh - product) + xHigh * yLow + xLow * yHigh) + xLow * yLow;
  return {product, rest};
}

} // namespace

Num exp(Num x, int64_t adjust) {
  auto [rest, n] = dividedByLn2(atLeast(atMost(x, 90), -105));
  return scale(expm1OfFraction(rest) + 1, n + adjust);
}

Num exp2(Num x) {
  Num bounded = atLeast(atMost(x, 129), -151);
  auto [whole, n] = nearest(bounded);
  return scale(expm1OfFraction((bounded - whole) * ln2) + 1, n);
}

Num expm1(Num x) {
  auto [rest, n] = dividedByLn2(atLeast(atMost(x, 88.9), -18));
  Num p = expm1OfFraction(rest);
  // 2^n (p + 1) - 1, halved so that 2^n is finite.
  Num half = powerOfTwo(n - 1);
  Num y = half * p + (half - 0.5);
  return choose(n == 0, choose(x == 0, x, p), y + y);
}

Num log(Num x) {
  auto [m, e] = splitExponent(x);
  Num z = m - 1;
  auto [small, half] = logTail(z);
  Num y = z + (multiplyAdd(e, ln2Low, small) - half);
  return logOrLimit(x, multiplyAdd(e, ln2High, y));
}

Num log2(Num x) {
  constexpr double rest = log2e - 1;
  auto [m, e] = splitExponent(x);
  Num z = m - 1;
  auto [small, half] = logTail(z);
  Num tail = small - half;
  return logOrLimit(x, (((tail * rest + z * rest) + tail) + z) + e);
}

Num log10(Num x) {
  // log10(e) and log10(2), each as a short number and the rest.
  constexpr double log10eHigh = 4.3359375e-1,
                   log10eLow = 7.00731903251827651e-4;
  constexpr double log10Of2High = 3.0078125e-1,
                   log10Of2Low = 2.48745663981195214e-4;
  auto [m, e] = splitExponent(x);
  Num z = m - 1;
  auto [small, half] = logTail(z);
  Num tail = small - half;
  Num y = (z + tail) * log10eLow + tail * log10eHigh;
  y = (y + e * log10Of2Low) + z * log10eHigh;
  return logOrLimit(x, y + e * log10Of2High);
}

/// `log(u) * x / (u - 1)` for u = 1 + x as it is rounded.
Num log1p(Num x) {
  Num u = x + 1, difference = u - 1, y = log(u);
  Num result = choose(u < infinityLike(x), y * (x / difference), y);
  return choose(difference == 0, x, result);
}

/// `x^y` for positive finite x: 2^(y log2 x), the logarithm as a sum of two.
static Num powerOfMagnitude(Num x, Num y) {
  auto [m, e] = splitExponent(x);
  // Beside 1, or beside 3/2 with the logarithm of that.
  constexpr double high = 0.5849609375, low = 1.56322085e-6;
  Truth isLow = m < 0.8660254, isBeside = isLow | (m > 1.2247449);
  m = choose(isLow, m + m, m);
  e = choose(isLow, e - 1, e);
  e = choose(isBeside, e + high, e);
  Num base = choose(isBeside, x.number(1.5), x.number(1));
  Num shift = choose(isBeside, x.number(low), x.number(0));
  // s = (m - base) / (m + base), as sHigh + sLow.
  Num above = m - base, below = base + m, belowLow = m - (below - base);
  Num s = above / below, sHigh = highPart(s), belowHigh = highPart(below);
  Num belowRest = (below - belowHigh) + belowLow;
  Num sLow = ((above - sHigh * belowHigh) - sHigh * belowRest) / below;
  // log2(m / base) = 2 / ln2 (s + s^3 / 3 + s^5 / 5 + ...)
  Num square = s * s;
  Num series = polynomial(
      square, {0.0909090909, 0.111111111, 0.142857142857, 0.2, 0.333333333, 0});
  Num rest = sLow + s * series;
  constexpr double factor = 2.885390081777927, factorHigh = 2.884765625;
  Num main = sHigh * factorHigh;
  Num minor = (sHigh * (factor - factorHigh) + rest * factor) + shift;
  Num sum = e + main;
  Num sumRest = (main - (sum - e)) + minor;
  Num log = sum + sumRest, logRest = sumRest - (log - sum);
  Num logHigh = highPart(log), yHigh = highPart(y), product = y * log;
  Num power = yHigh * logHigh;
  Num powerRest = (y - yHigh) * logHigh + y * ((log - logHigh) + logRest);
  // Beyond all of f32; y may be infinite.
  Truth isWithin = absolute(product) < 200;
  Num beyond = choose(product > 0, x.number(200), x.number(-200));
  power = choose(isWithin, power, beyond);
  powerRest = choose(isWithin, powerRest, x.number(0));
  auto [whole, n] = nearest(power + powerRest);
  Num fraction = (power - whole) + powerRest;
  return scale(expm1OfFraction(fraction * ln2) + 1, n);
}

Num pow(Num x, Num y) {
  Num magnitude = absolute(x), infinity = infinityLike(x);
  Num one = x.number(1), zero = x.number(0);
  Num result = powerOfMagnitude(magnitude, y);
  Truth isZero = magnitude == 0, isRising = y > 0;
  Num limit = choose(isRising, choose(isZero, zero, infinity),
                     choose(isZero, infinity, zero));
  result = choose((magnitude > 0) & (magnitude < infinity), result, limit);
  // Every number from 2^24 on is an even integer.
  Truth isSmall = absolute(y) < 16777216;
  Num small = choose(isSmall, y, zero);
  Int integer = toInteger(small);
  Truth isInteger = toNumber(integer) == small;
  Truth isOdd = isInteger & ((integer & 1) != 0);
  result = choose(hasSign(x) & isOdd, negated(result), result);
  Truth isFraction = isSmall & (absolute(small - toNumber(integer)) > 0);
  result =
      choose((x < 0) & isFraction & (magnitude < infinity), nanLike(x), result);
  result = choose((magnitude == 1) & (absolute(y) == infinity), one, result);
  result = choose(isNan(x) | isNan(y), nanLike(x), result);
  return choose((y == 0) | (x == 1), one, result);
}

Num sinh(Num x) {
  Num magnitude = absolute(x), e = expm1(magnitude);
  Num small = (e + e / (e + 1)) * 0.5;
  Num large = exp(magnitude, /*adjust=*/-1);
  return withSign(choose(magnitude > 9, large, small), x);
}

Num cosh(Num x) {
  Num half = exp(absolute(x), /*adjust=*/-1);
  return half + 0.25 / half;
}

Num tanh(Num x) {
  Num magnitude = atMost(absolute(x), 10);
  Num e = expm1(magnitude + magnitude);
  return withSign(e / (e + 2), x);
}

/// From here on the square of a number is all there is beside it.
static constexpr double large = 1e6;

Num asinh(Num x) {
  Num magnitude = absolute(x), bounded = atMost(magnitude, large);
  Num square = bounded * bounded;
  Num small = log1p(bounded + square / (squareRoot(square + 1) + 1));
  return withSign(choose(magnitude > large, log(magnitude) + ln2, small), x);
}

Num acosh(Num x) {
  Num above = atMost(x, large) - 1;
  Num small = log1p(above + squareRoot((above + above) + above * above));
  Num result = choose(x > large, log(x) + ln2, small);
  return choose(x < 1, nanLike(x), result);
}

Num atanh(Num x) {
  Num magnitude = absolute(x);
  Num y = log1p((magnitude + magnitude) / (1 - magnitude)) * 0.5;
  return withSign(choose(magnitude > 1, nanLike(x), y), x);
}

Num erf(Num x) {
  Num t = atMost(absolute(x), 4), square = t * t;
  Num q = multiplyAdd(polynomial(t, {-1.72853470e-5, 3.83197126e-4}), square,
                      polynomial(t, {-3.88396438e-3, 2.42546219e-2}));
  q = multiplyAdd(q, t, -1.06777877e-1);
  q = multiplyAdd(q, t, -6.34846687e-1);
  q = multiplyAdd(q, t, -1.28717512e-1);
  Num large = 1 - exp(multiplyAdd(q, t, negated(t)));
  Num p = polynomial(square, {-5.96761703e-4, 4.99119423e-3, -2.67681349e-2,
                              1.12819925e-1, -3.76125336e-1, 1.28379166e-1});
  return withSign(choose(t > 0.927734375, large, multiplyAdd(p, t, t)), x);
}

/// `exp(-a^2) (1 + p(q)) / (1 + 2 a)` with q = (a - 2) / (a + 2), a = |x|.
Num erfc(Num x) {
  Num a = atMost(absolute(x), 12), zero = x.number(0);
  Num above = a - 2, below = a + 2, reciprocal = 1 / below;
  Num aboveRest = choose(a < 2, a - (above + 2), zero);
  Num belowRest = choose(a > 2, 2 - (below - a), a - (below - 2));
  Num q = above * reciprocal;
  auto [product, productRest] = exactProduct(q, below);
  q = q + reciprocal *
              (((above - product) - productRest) + (aboveRest - q * belowRest));
  Num p = polynomial(q, {-4.01139259e-4, -1.23075210e-3, 1.31355342e-3,
                         8.63227434e-3, -8.05991981e-3, -5.42046614e-2,
                         1.64055392e-1, -1.66031361e-1, -9.27639827e-2,
                         2.76978403e-1});
  Num twice = a + a, divisor = twice + 1;
  Num divisorRest =
      choose(a > 0.5, 1 - (divisor - twice), twice - (divisor - 1));
  reciprocal = 1 / divisor;
  Num dividend = p + 1, dividendRest = p - (dividend - 1);
  Num y = dividend * reciprocal;
  std::tie(product, productRest) = exactProduct(y, divisor);
  Num yRest = (((dividend - product) - productRest) +
               (dividendRest - y * divisorRest)) *
              reciprocal;
  auto [square, squareRest] = exactProduct(a, a);
  Num power = exp(zero - square);
  Num result = y * power + power * (yRest - y * squareRest);
  result = choose(a > 10.0546875, zero, result);
  return choose(x < 0, 2 - result, result);
}

} // namespace rlx::mathx
