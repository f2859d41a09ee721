//===- FloatArithmetic.cpp - Sums, products, choices of floats ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each operation is a value and its slopes: by these deviations of operands
// become one of the result.
//
//===----------------------------------------------------------------------===//

#include "codegen/reference/Elementwise.h"
#include "codegen/reference/Reach.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace rlx;

namespace {
struct Slopes {
  double a, b;
};

struct Add {
  static double value(double a, double b) { return a + b; }
  static Slopes slopes(double, double, double) { return {1, 1}; }
  static constexpr double roundings = 1;
  static constexpr bool isLine = true;
};
struct Subtract {
  static double value(double a, double b) { return a - b; }
  static Slopes slopes(double, double, double) { return {1, -1}; }
  static constexpr double roundings = 1;
  static constexpr bool isLine = true;
};
struct Multiply {
  static double value(double a, double b) { return a * b; }
  static Slopes slopes(double a, double b, double) { return {b, a}; }
  static constexpr double roundings = 1;
};
struct Divide {
  static double value(double a, double b) { return a / b; }
  static Slopes slopes(double, double b, double r) { return {1 / b, -r / b}; }
  static constexpr double roundings = 4; // of devices
};
struct Remainder {
  static double value(double a, double b) { return std::fmod(a, b); }
  static Slopes slopes(double a, double b, double) {
    return {1, -std::trunc(a / b)};
  }
  static constexpr double roundings = 1;
};
struct Power {
  static double value(double a, double b) { return std::pow(a, b); }
  static Slopes slopes(double a, double b, double r) {
    return {a != 0 ? r * b / a : b == 1,
            r != 0 ? r * std::log(std::fabs(a)) : 0};
  }
  static constexpr double roundings = 8;
  static constexpr bool isFunction = true;
};
struct ArcTangent2 {
  static double value(double a, double b) { return std::atan2(a, b); }
  static Slopes slopes(double a, double b, double) {
    double square = a * a + b * b;
    return {b / square, -a / square};
  }
  static constexpr double roundings = 8;
  static constexpr bool isFunction = true;
};
struct CopySign {
  static double value(double a, double b) { return std::copysign(a, b); }
  static Slopes slopes(double, double, double) { return {1, 0}; }
  static constexpr double roundings = 0;
};

/// Of two numbers the larger or smaller; a NaN is the result or is passed over.
template <bool isLarger, bool passesNans> struct Choice {
  static double value(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) {
      if (passesNans)
        return std::isnan(a) ? b : a;
      return std::numeric_limits<double>::quiet_NaN();
    }
    if (a == b)
      return std::signbit(a) != isLarger ? a : b;
    return (a > b) == isLarger ? a : b;
  }
  static Slopes slopes(double a, double b, double r) {
    bool isFirst = a == r;
    return {double(isFirst), double(!isFirst)};
  }
  static constexpr double roundings = 0;
};

/// A slope times a deviation: what has none adds none, however steep.
double spread(double slope, double deviation) {
  return deviation == 0 ? 0 : slope * deviation;
}

template <typename F> LogicalResult binary(const ElementwiseCall &call) {
  ColumnView a = call.operands[0], b = call.operands[1];
  Numbers &result = call.result();
  Rounding rounding(result.type);
  bool rounds = F::roundings > 0, isExact = a.isExact() && b.isExact();
  bool isSquare = call.isSquare();
  std::vector<double> *deviations =
      rounds || !isExact ? &result.allDeviations() : nullptr;
  for (int64_t i = 0; i < call.count; ++i) {
    double x = a.value(i), y = b.value(i), r = F::value(x, y), deviation = 0;
    double roundings = F::roundings;
    if (!isExact) {
      Slopes slopes = F::slopes(x, y, r);
      deviation = isSquare
                      ? std::fabs(spread(slopes.a + slopes.b, a.deviation(i)))
                      : combineDeviations(spread(slopes.a, a.deviation(i)),
                                          spread(slopes.b, b.deviation(i)));
      if constexpr (!requires { F::isLine; })
        deviation = isSquare
                        ? reachOfUnary([](double z) { return F::value(z, z); },
                                       x, a.deviation(i), r, deviation)
                        : reachOfBinary(F::value, x, a.deviation(i), y,
                                        b.deviation(i), r, deviation);
    }
    if constexpr (requires { F::isFunction; }) {
      Slopes slopes = F::slopes(x, y, r);
      double steep = std::max(std::fabs(slopes.a * x), std::fabs(slopes.b * y));
      if (std::isfinite(steep))
        deviation = combineDeviations(deviation, 2 * rounding.unit() * steep);
    }
    if (rounds)
      rounding.apply(r, deviation, roundings);
    result.values[i] = r;
    if (deviations)
      (*deviations)[i] = std::isnan(deviation)
                             ? std::numeric_limits<double>::infinity()
                             : deviation;
  }
  return success();
}

LogicalResult negate(const ElementwiseCall &call) {
  ColumnView a = call.operands[0];
  for (int64_t i = 0; i < call.count; ++i)
    call.result().values[i] = -a.value(i);
  if (!a.isExact())
    for (int64_t i = 0; i < call.count; ++i)
      call.result().allDeviations()[i] = a.deviation(i);
  return success();
}

/// a * b + c, rounded once or twice.
LogicalResult multiplyAdd(const ElementwiseCall &call) {
  ColumnView a = call.operands[0], b = call.operands[1], c = call.operands[2];
  Rounding rounding(call.result().type);
  std::vector<double> &deviations = call.result().allDeviations();
  for (int64_t i = 0; i < call.count; ++i) {
    // Rounded once, of f64 too.
    double product = a.value(i) * b.value(i),
           value = std::fma(a.value(i), b.value(i), c.value(i));
    double deviation = combineDeviations(spread(b.value(i), a.deviation(i)),
                                         spread(a.value(i), b.deviation(i)));
    deviation = reachOfBinary(Multiply::value, a.value(i), a.deviation(i),
                              b.value(i), b.deviation(i), product, deviation);
    deviation = combineDeviations(deviation, c.deviation(i));
    rounding.apply(value, deviation);
    call.result().values[i] = value;
    deviations[i] = deviation;
  }
  return success();
}

/// The larger of x and the lower bound, then the smaller of that and the upper.
LogicalResult clamp(const ElementwiseCall &call) {
  ColumnView x = call.operands[0], low = call.operands[1],
             high = call.operands[2];
  auto clamped = [](double x, double low, double high) {
    double above = x < low ? low : x;
    return above > high ? high : above;
  };
  for (int64_t i = 0; i < call.count; ++i) {
    double at = x.value(i), least = low.value(i), most = high.value(i),
           result = clamped(at, least, most), deviation = 0;
    call.result().values[i] = result;
    for (int place = 0; place < 3; ++place) {
      const ColumnView &operand = call.operands[place];
      if (operand.deviation(i) == 0)
        continue;
      auto along = [&](double value) {
        return clamped(place == 0 ? value : at, place == 1 ? value : least,
                       place == 2 ? value : most);
      };
      // The slope is 1 of the one that is the result.
      double slope = operand.value(i) == result ? operand.deviation(i) : 0;
      deviation = combineDeviations(
          deviation, reachOfUnary(along, operand.value(i), operand.deviation(i),
                                  result, slope));
    }
    if (deviation != 0)
      call.result().allDeviations()[i] = deviation;
  }
  return success();
}

LogicalResult compareFloats(const ElementwiseCall &call) {
  using Predicate = arith::CmpFPredicate;
  ColumnView a = call.operands[0], b = call.operands[1];
  auto how = cast<arith::CmpFOp>(call.op).getPredicate();
  auto holds = [how](double a, double b) {
    bool isUnordered = std::isnan(a) || std::isnan(b);
    switch (how) {
    case Predicate::AlwaysFalse:
      return false;
    case Predicate::AlwaysTrue:
      return true;
    case Predicate::ORD:
      return !isUnordered;
    case Predicate::UNO:
      return isUnordered;
    case Predicate::OEQ:
      return a == b;
    case Predicate::UEQ:
      return isUnordered || a == b;
    case Predicate::ONE:
      return !isUnordered && a != b;
    case Predicate::UNE:
      return isUnordered || a != b;
    case Predicate::OGT:
      return a > b;
    case Predicate::UGT:
      return isUnordered || a > b;
    case Predicate::OGE:
      return a >= b;
    case Predicate::UGE:
      return isUnordered || a >= b;
    case Predicate::OLT:
      return a < b;
    case Predicate::ULT:
      return isUnordered || a < b;
    case Predicate::OLE:
      return a <= b;
    case Predicate::ULE:
      return isUnordered || a <= b;
    }
    llvm_unreachable("all predicates are handled");
  };
  for (int64_t i = 0; i < call.count; ++i)
    call.result().bits[i] = holds(a.value(i), b.value(i));
  if (!a.isExact() || !b.isExact())
    for (int64_t i = 0; i < call.count; ++i)
      call.result().allDeviations()[i] =
          call.isSquare()
              ? 0
              : doubtOf(a.value(i) - b.value(i),
                        combineDeviations(a.deviation(i), b.deviation(i)));
  return success();
}

/// One of two, floats or integers. Where the condition is in doubt, it may be
/// the other.
LogicalResult select(const ElementwiseCall &call) {
  ColumnView condition = call.operands[0];
  Numbers &result = call.result();
  auto numberOf = [&](const ColumnView &view, int64_t i) {
    return result.isFloat() ? view.value(i) : double(view.signedValue(i));
  };
  for (int64_t i = 0; i < call.count; ++i) {
    bool isFirst = condition.bits(i);
    const ColumnView &chosen = call.operands[isFirst ? 1 : 2];
    const ColumnView &other = call.operands[isFirst ? 2 : 1];
    if (result.isFloat())
      result.values[i] = chosen.value(i);
    else
      result.bits[i] = chosen.bits(i);
    double deviation = chosen.deviation(i), doubt = condition.deviation(i);
    if (doubt > 0)
      deviation =
          std::fmax(deviation, reachOf(other.deviation(i), numberOf(chosen, i),
                                       numberOf(other, i), 1 / doubt));
    if (deviation != 0)
      result.allDeviations()[i] = deviation;
  }
  return success();
}
} // namespace

void rlx::addFloatArithmetic(ElementwiseTable &table) {
  table["arith.addf"] = binary<Add>;
  table["arith.subf"] = binary<Subtract>;
  table["arith.mulf"] = binary<Multiply>;
  table["arith.divf"] = binary<Divide>;
  table["arith.remf"] = binary<Remainder>;
  table["arith.maximumf"] = binary<Choice<true, false>>;
  table["arith.minimumf"] = binary<Choice<false, false>>;
  table["arith.maxnumf"] = binary<Choice<true, true>>;
  table["arith.minnumf"] = binary<Choice<false, true>>;
  table["arith.negf"] = negate;
  table["arith.cmpf"] = compareFloats;
  table["arith.select"] = select;
  table["math.powf"] = binary<Power>;
  table["math.atan2"] = binary<ArcTangent2>;
  table["math.copysign"] = binary<CopySign>;
  table["math.fma"] = multiplyAdd;
  table["math.clampf"] = clamp;
}
