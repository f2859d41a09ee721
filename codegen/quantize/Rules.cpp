//===- Rules.cpp - Scales and codes by a rule -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f32 stands where other implementations compute in f32, operation by
// operation.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/Rules.h"

#include "codegen/quantize/RowExtremes.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace rlx;
using namespace rlx::quantize;

using Method = QuantRule::Method;
using Arithmetic = QuantRule::Arithmetic;

uint32_t quantize::exactCode(const FieldNumbers &code,
                             const Solver::Parts &parts, double x) {
  if (parts.scale == 0 || !std::isfinite(parts.scale))
    return code.nearest(0);
  double quotient = (x - parts.offset) / parts.scale, t = quotient;
  // A sum with 0 would lose the sign of -0.
  if (parts.zero != 0)
    t += parts.zero;
  if (code.isInteger()) {
    // Far from the middle between two, there is no doubt.
    double number = code.nearestNumber(t);
    if (std::fabs(t - number) < 0.499 && std::fabs(quotient) < 1e9)
      return code.codeOfInteger(int64_t(number));
  }
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
  float magnitude, signedMost = 0, least, most;

  explicit Extremes(llvm::ArrayRef<float> x) {
    RowExtremes<float> extremes(x.data(), int64_t(x.size()));
    // Zeros are equal, whatever their sign.
    magnitude = std::fabs(extremes.magnitude());
    least = *llvm::find(x, extremes.least);
    most = *llvm::find(x, extremes.most);
    if (magnitude > 0)
      signedMost = *llvm::find_if(
          x, [&](float value) { return std::fabs(value) == magnitude; });
  }
};

using Chosen = ScaleOfRule;

class Follower {
public:
  Follower(const QuantRule &rule, const SchemeNumbers &numbers,
           llvm::ArrayRef<float> x)
      : rule(rule), numbers(numbers), x(x), extremes(x) {}

  Chosen choose() const;
  void codesInF32(const Chosen &chosen, std::vector<uint32_t> &codes) const;

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

ScaleOfRule quantize::scaleByRule(const QuantRule &rule,
                                  const SchemeNumbers &numbers,
                                  llvm::ArrayRef<float> x) {
  return Follower(rule, numbers, x).choose();
}

/// To an integer, with the operations that others use; `low` is the least.
static float rounded(QuantRule::Ties ties, float t, float low) {
  if (ties == QuantRule::Ties::up)
    return float(int32_t(t + (0.5f - low))) + low;
  if (ties == QuantRule::Ties::even) {
    // Adding it leaves no bits behind the point.
    constexpr float magic = 0x1.8p23f;
    return (t + magic) - magic;
  }
  auto number = float(int32_t(t));
  return std::fabs(t - number) >= 0.5f ? number + std::copysign(1.0f, t)
                                       : number;
}

/// Codes of integers, for the scale before it is stored.
void Follower::codesInF32(const Chosen &chosen,
                          std::vector<uint32_t> &codes) const {
  const FieldNumbers &code = numbers.code;
  auto low = float(code.lowest()), high = float(code.highest());
  bool hasOffset = numbers.list.fields.size() > 1 && numbers.list.isOffset(1);
  float least = hasOffset ? chosen.least : 0, start = hasOffset ? low : 0;
  // What no code reaches; an infinite inverse, of too small a scale, gives the
  // lowest or 0.
  constexpr float beyond = 1e6f;
  float fallback = rule.ties == QuantRule::Ties::up ? low : 0;
  for (size_t i = 0; i < x.size(); ++i) {
    float t = (x[i] - least) * chosen.inverse + start;
    bool isFinite = std::fabs(t) <= std::numeric_limits<float>::max();
    t = std::min(std::max(t, -beyond), beyond);
    float number = rounded(rule.ties, t, low);
    number = isFinite ? std::min(std::max(number, low), high) : fallback;
    codes[i] = code.codeOfInteger(int32_t(number));
  }
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
  if (!isExact) {
    follower.codesInF32(chosen, elementCodes);
    return;
  }
  Solver::Parts parts = Solver::partsOf(numbers, group, cellCodes);
  for (size_t i = 0; i < x.size(); ++i)
    elementCodes[i] = exactCode(numbers.code, parts, x[i]);
}
