//===- Rules.cpp - Scales and codes by a rule -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f32 stands where other implementations compute in f32, operation by
// operation.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/Rules.h"

#include <algorithm>
#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

using Method = QuantRule::Method;
using Arithmetic = QuantRule::Arithmetic;

llvm::Error quantize::checkRule(const QuantRule &rule,
                                const SchemeNumbers &numbers) {
  auto fail = [&](const llvm::Twine &expected) {
    return llvm::createStringError("expected scheme '" +
                                   numbers.scheme.displayName() + "' to have " +
                                   expected + " for its rule");
  };
  const FieldList &list = numbers.list;
  if (rule.method == Method::search)
    return llvm::Error::success();
  size_t further = list.fields.size() - list.numScales;
  if (list.numScales != 1 || further > 1)
    return fail("one scale, and at most one zero or offset,");
  if (further == 1) {
    if (rule.method != Method::minMax)
      return fail("a scale and nothing else");
  } else if (rule.method == Method::minMax) {
    return fail("a zero or an offset");
  }
  if (numbers.scheme.attr().getOffsetNegative())
    return fail("an offset that is added");
  if (numbers.list.fields.size() == 2 && numbers.list.fields[0].getOperand() &&
      numbers.list.fields[0].getOperand() ==
          numbers.list.fields[1].getOperand())
    return fail("a scale and a zero of their own");
  return llvm::Error::success();
}

uint32_t quantize::exactCode(const FieldNumbers &code,
                             const Solver::Parts &parts, double x) {
  if (parts.scale == 0 || !std::isfinite(parts.scale))
    return code.nearest(0);
  double quotient = (x - parts.offset) / parts.scale, t = quotient + parts.zero;
  uint32_t nearest = code.nearest(t);
  // The quotient is rounded: near the middle between two numbers, their errors
  // decide.
  double doubt = 1e-14 * (std::fabs(quotient) + std::fabs(parts.zero));
  auto error = [&](uint32_t candidate) {
    return std::fabs(parts.scale * (code.number(candidate) - parts.zero) +
                     parts.offset - x);
  };
  for (double near : {t - doubt, t + doubt})
    if (uint32_t other = code.nearest(near);
        other != nearest && error(other) < error(nearest))
      nearest = other;
  return nearest;
}

namespace {
/// Extremes of the data; the first of equals counts.
struct Extremes {
  float magnitude = 0, signedMost = 0, least, most;

  explicit Extremes(llvm::ArrayRef<float> x) : least(x[0]), most(x[0]) {
    for (float value : x) {
      if (magnitude < std::fabs(value)) {
        magnitude = std::fabs(value);
        signedMost = value;
      }
      if (value < least)
        least = value;
      if (value > most)
        most = value;
    }
  }
};

/// What a rule says of a group: numbers to be stored, and what x is multiplied
/// with.
struct Chosen {
  double scale = 0, base = 0;
  float inverse = 0, least = 0;
};

class Follower {
public:
  Follower(const QuantRule &rule, const SchemeNumbers &numbers,
           llvm::ArrayRef<float> x)
      : rule(rule), numbers(numbers), x(x), extremes(x) {}

  Chosen choose() const;
  uint32_t codeInF32(float value, const Chosen &chosen) const;

private:
  Chosen byQuotient(float extreme) const;
  Chosen byRange() const;
  double powerOfTwo() const;

  const QuantRule &rule;
  const SchemeNumbers &numbers;
  llvm::ArrayRef<float> x;
  Extremes extremes;
};
} // namespace

Chosen Follower::byQuotient(float extreme) const {
  auto reach = float(rule.reach);
  Chosen chosen;
  if (rule.arithmetic == Arithmetic::inverse) {
    if (extreme == 0)
      return chosen;
    chosen.inverse = reach / extreme;
    chosen.scale = 1 / chosen.inverse;
    return chosen;
  }
  float scale = extreme / reach;
  chosen.inverse = scale == 0 ? 0 : 1 / scale;
  chosen.scale = scale;
  return chosen;
}

Chosen Follower::byRange() const {
  auto low = float(numbers.code.lowest()), high = float(numbers.code.highest());
  float least = extremes.least, most = extremes.most;
  Chosen chosen;
  bool isZero = numbers.list.numZeros == 1;
  if (isZero) { // 0 becomes 0 exactly.
    least = std::min(least, 0.0f);
    most = std::max(most, 0.0f);
  }
  float scale = (most - least) / (high - low);
  chosen.inverse = scale == 0 ? 0 : 1 / scale;
  chosen.scale = scale;
  chosen.least = least;
  if (!isZero)
    chosen.base = low == 0 ? least : least - scale * low;
  else if (scale != 0)
    chosen.base = std::clamp(std::round(low - least / scale), low, high);
  return chosen;
}

double Follower::powerOfTwo() const {
  if (extremes.magnitude == 0)
    return 0;
  int exponent = rule.arithmetic == Arithmetic::log2f
                     ? int(std::floor(std::log2(extremes.magnitude)))
                     : std::ilogb(extremes.magnitude);
  return std::ldexp(1.0, exponent) / rule.reach;
}

Chosen Follower::choose() const {
  Chosen chosen;
  switch (rule.method) {
  case Method::signedMax:
    return byQuotient(extremes.signedMost);
  case Method::absMax:
    return byQuotient(extremes.magnitude);
  case Method::minMax:
    return byRange();
  case Method::powerOfTwo:
    chosen.scale = powerOfTwo();
    return chosen;
  case Method::search:
    break;
  }
  return chosen;
}

uint32_t Follower::codeInF32(float value, const Chosen &chosen) const {
  auto low = float(numbers.code.lowest());
  float t = numbers.list.isOffset(1) && numbers.list.fields.size() > 1
                ? (value - chosen.least) * chosen.inverse + low
                : value * chosen.inverse;
  float number;
  switch (rule.ties) {
  case QuantRule::Ties::up: {
    float shifted = t + (0.5f - low);
    // Too small a scale has an infinite inverse.
    number = std::isfinite(shifted) ? std::trunc(shifted) + low : low;
    break;
  }
  case QuantRule::Ties::even:
    number = std::isfinite(t) ? std::nearbyint(t) : 0;
    break;
  default:
    number = std::isfinite(t) ? std::round(t) : 0;
  }
  return numbers.code.nearest(number);
}

void quantize::followRule(const QuantRule &rule, const SchemeNumbers &numbers,
                          const Problem &problem, llvm::ArrayRef<float> x,
                          std::vector<uint32_t> &cellCodes,
                          std::vector<uint32_t> &elementCodes) {
  Follower follower(rule, numbers, x);
  Chosen chosen = follower.choose();
  const Group &group = problem.groups.front();
  cellCodes.assign(problem.cells.size(), 0);
  cellCodes[group.cells[0]] = numbers.fields[0].converted(chosen.scale);
  if (group.cells.size() > 1)
    cellCodes[group.cells[1]] = numbers.fields[1].converted(chosen.base);
  elementCodes.resize(x.size());
  bool isExact = rule.arithmetic == Arithmetic::exact ||
                 rule.arithmetic == Arithmetic::log2f;
  Solver::Parts parts = Solver::partsOf(numbers, group, cellCodes);
  for (size_t i = 0; i < x.size(); ++i)
    elementCodes[i] = isExact ? exactCode(numbers.code, parts, x[i])
                              : follower.codeInF32(x[i], chosen);
}
