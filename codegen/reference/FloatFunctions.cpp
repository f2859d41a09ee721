//===- FloatFunctions.cpp - Functions of one float ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function is its value, its slope, and how many half ulps it may be off, of
// its result and of its argument. What its argument is off by is looked at
// beyond the slope (Reach.h).
//
//===----------------------------------------------------------------------===//

#include "codegen/reference/Elementwise.h"
#include "codegen/reference/Reach.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace rlx;

namespace {
constexpr double pi = 3.14159265358979323846;
/// What the functions of any target reach, in half ulps.
constexpr double ofFunctions = 8, ofArguments = 2;

double square(double x) { return x * x; }

#define RLX_FUNCTION(NAME, VALUE, SLOPE, ROUNDINGS, OF_ARGUMENT)               \
  struct NAME {                                                                \
    static double value(double x) { return VALUE; }                            \
    static double slope(double x, double y) {                                  \
      (void)x, (void)y;                                                        \
      return SLOPE;                                                            \
    }                                                                          \
    static constexpr double roundings = ROUNDINGS, ofArgument = OF_ARGUMENT;   \
  };
#define RLX_SMOOTH(NAME, VALUE, SLOPE)                                         \
  RLX_FUNCTION(NAME, VALUE, SLOPE, ofFunctions, ofArguments)

RLX_FUNCTION(Abs, std::fabs(x), x < 0 ? -1 : 1, 0, 0)
RLX_FUNCTION(Sqrt, std::sqrt(x), 0.5 / y, 4, 0)
RLX_FUNCTION(Rsqrt, 1 / std::sqrt(x), -0.5 * y / x, 4, 0)
RLX_SMOOTH(Cbrt, std::cbrt(x), y / (3 * x))
RLX_SMOOTH(Exp, std::exp(x), y)
RLX_SMOOTH(Exp2, std::exp2(x), y *std::log(2.0))
RLX_SMOOTH(ExpM1, std::expm1(x), y + 1)
RLX_SMOOTH(Log, std::log(x), 1 / x)
RLX_SMOOTH(Log2, std::log2(x), 1 / (x * std::log(2.0)))
RLX_SMOOTH(Log10, std::log10(x), 1 / (x * std::log(10.0)))
RLX_SMOOTH(Log1P, std::log1p(x), 1 / (1 + x))
RLX_SMOOTH(Sin, std::sin(x), std::cos(x))
RLX_SMOOTH(Cos, std::cos(x), -std::sin(x))
RLX_SMOOTH(Tan, std::tan(x), 1 + y * y)
RLX_SMOOTH(Asin, std::asin(x), 1 / std::sqrt(1 - x * x))
RLX_SMOOTH(Acos, std::acos(x), -1 / std::sqrt(1 - x * x))
RLX_SMOOTH(Atan, std::atan(x), 1 / (1 + x * x))
RLX_SMOOTH(Sinh, std::sinh(x), std::cosh(x))
RLX_SMOOTH(Cosh, std::cosh(x), std::sinh(x))
RLX_SMOOTH(Tanh, std::tanh(x), 1 - y * y)
RLX_SMOOTH(Asinh, std::asinh(x), 1 / std::sqrt(x * x + 1))
RLX_SMOOTH(Acosh, std::acosh(x), 1 / std::sqrt(x * x - 1))
RLX_SMOOTH(Atanh, std::atanh(x), 1 / (1 - x * x))
RLX_SMOOTH(Erf, std::erf(x), 2 / std::sqrt(pi) * std::exp(-square(x)))
RLX_SMOOTH(Erfc, std::erfc(x), -2 / std::sqrt(pi) * std::exp(-square(x)))
#undef RLX_SMOOTH
#undef RLX_FUNCTION

template <typename F>
void evaluateColumn(const ColumnView &x, int64_t count, Numbers &result) {
  Rounding rounding(result.type);
  constexpr bool rounds = F::roundings > 0;
  if (!rounds && x.isExact()) {
    for (int64_t i = 0; i < count; ++i)
      result.values[i] = F::value(x.value(i));
    return;
  }
  std::vector<double> &deviations = result.allDeviations();
  for (int64_t i = 0; i < count; ++i) {
    double at = x.value(i), value = F::value(at), deviation = 0;
    double slope = F::slope(at, value);
    if (x.deviation(i) != 0)
      deviation = reachOfUnary(F::value, at, x.deviation(i), value,
                               std::fabs(slope * x.deviation(i)));
    double steep = F::ofArgument * rounding.unit() * slope * at;
    if (F::ofArgument > 0 && std::isfinite(steep))
      deviation = combineDeviations(deviation, steep);
    if (std::isnan(deviation))
      deviation = std::numeric_limits<double>::infinity();
    if (rounds)
      rounding.apply(value, deviation, F::roundings);
    result.values[i] = value;
    deviations[i] = deviation;
  }
}

template <typename F> LogicalResult unary(const ElementwiseCall &call) {
  evaluateColumn<F>(call.operands[0], call.count, call.result());
  return success();
}

LogicalResult sineAndCosine(const ElementwiseCall &call) {
  evaluateColumn<Sin>(call.operands[0], call.count, call.results[0]);
  evaluateColumn<Cos>(call.operands[0], call.count, call.results[1]);
  return success();
}

/// A function to whole numbers. Where the program's number may lie on the other
/// side of a step, it may be one off.
template <double (*F)(double)>
LogicalResult toWhole(const ElementwiseCall &call) {
  ColumnView x = call.operands[0];
  constexpr double around = 8;
  for (int64_t i = 0; i < call.count; ++i) {
    double at = x.value(i), value = F(at), reach = around * x.deviation(i);
    call.result().values[i] = value;
    if (reach > 0 && (F(at - reach) != value || F(at + reach) != value))
      call.result().allDeviations()[i] = std::max(1.0, x.deviation(i));
  }
  return success();
}

double roundEven(double x) { return std::nearbyint(x); }

template <bool (*F)(double)>
LogicalResult question(const ElementwiseCall &call) {
  for (int64_t i = 0; i < call.count; ++i)
    call.result().bits[i] = F(call.operands[0].value(i));
  return success();
}

double power(double base, int64_t exponent) {
  double result = 1;
  for (uint64_t left = exponent < 0 ? -uint64_t(exponent) : exponent; left;
       left /= 2, base *= base)
    if (left % 2)
      result *= base;
  return exponent < 0 ? 1 / result : result;
}

/// math.fpowi: as many roundings as multiplications.
LogicalResult integerPower(const ElementwiseCall &call) {
  ColumnView x = call.operands[0], n = call.operands[1];
  Rounding rounding(call.result().type);
  std::vector<double> &deviations = call.result().allDeviations();
  for (int64_t i = 0; i < call.count; ++i) {
    int64_t exponent = n.signedValue(i);
    double at = x.value(i), value = power(at, exponent), deviation = 0;
    if (x.deviation(i) != 0)
      deviation = reachOfUnary(
          [exponent](double base) { return power(base, exponent); }, at,
          x.deviation(i), value,
          std::fabs(double(exponent) * power(at, exponent - 1) *
                    x.deviation(i)));
    rounding.apply(value, deviation, ofFunctions + std::fabs(double(exponent)));
    call.result().values[i] = value;
    deviations[i] = deviation;
  }
  return success();
}

bool isNan(double x) { return std::isnan(x); }
bool isInfinite(double x) { return std::isinf(x); }
bool isFinite(double x) { return std::isfinite(x); }

/// What is normal depends on the type.
LogicalResult isNormal(const ElementwiseCall &call) {
  ColumnView x = call.operands[0];
  auto type = cast<FloatType>(x.numbers->type);
  double smallest = std::ldexp(
      1.0, llvm::APFloat::semanticsMinExponent(type.getFloatSemantics()));
  for (int64_t i = 0; i < call.count; ++i)
    call.result().bits[i] =
        std::isfinite(x.value(i)) && std::fabs(x.value(i)) >= smallest;
  return success();
}
} // namespace

void rlx::addFloatFunctions(ElementwiseTable &table) {
  table["math.absf"] = unary<Abs>;
  table["math.sqrt"] = unary<Sqrt>;
  table["math.rsqrt"] = unary<Rsqrt>;
  table["math.cbrt"] = unary<Cbrt>;
  table["math.exp"] = unary<Exp>;
  table["math.exp2"] = unary<Exp2>;
  table["math.expm1"] = unary<ExpM1>;
  table["math.log"] = unary<Log>;
  table["math.log2"] = unary<Log2>;
  table["math.log10"] = unary<Log10>;
  table["math.log1p"] = unary<Log1P>;
  table["math.sin"] = unary<Sin>;
  table["math.cos"] = unary<Cos>;
  table["math.tan"] = unary<Tan>;
  table["math.asin"] = unary<Asin>;
  table["math.acos"] = unary<Acos>;
  table["math.atan"] = unary<Atan>;
  table["math.sinh"] = unary<Sinh>;
  table["math.cosh"] = unary<Cosh>;
  table["math.tanh"] = unary<Tanh>;
  table["math.asinh"] = unary<Asinh>;
  table["math.acosh"] = unary<Acosh>;
  table["math.atanh"] = unary<Atanh>;
  table["math.erf"] = unary<Erf>;
  table["math.erfc"] = unary<Erfc>;
  table["math.sincos"] = sineAndCosine;
  table["math.floor"] = toWhole<std::floor>;
  table["math.ceil"] = toWhole<std::ceil>;
  table["math.trunc"] = toWhole<std::trunc>;
  table["math.round"] = toWhole<std::round>;
  table["math.roundeven"] = toWhole<roundEven>;
  table["math.isnan"] = question<isNan>;
  table["math.isinf"] = question<isInfinite>;
  table["math.isfinite"] = question<isFinite>;
  table["math.isnormal"] = isNormal;
  table["math.fpowi"] = integerPower;
}
