//===- TrialCodes.cpp - The own codes of groups ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of TrialSolver: for shared factors that are given, the codes of each group
// that give the least error, of those near to the best line.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/TrialSolver.h"

#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

static constexpr int ownLanes = LineLanes::count;

namespace {
/// Numbers of a field around one, by position.
struct Tries {
  const float *numbers;
  const uint32_t *codes;
  int count;
};
} // namespace

/// `number`, `code`: room for those of a field that is a float by itself.
static Tries triesOf(const FieldNumbers &field, const TrialNumbers &trials,
                     double t, int most, float &number, uint32_t &code) {
  if (field.isWide()) {
    code = field.nearest(t);
    number = float(field.number(code));
    return {&number, &code, 1};
  }
  int count = std::min(most, trials.levels());
  int first = std::clamp(trials.positionOf(float(t)) - (most - 1) / 2, 0,
                         trials.levels() - count);
  return {trials.numbers() + first, trials.codes() + first, count};
}

void TrialSolver::chooseForGroup(size_t g, const FoundLine &around,
                                 State &state) const {
  // So many of each fit into the lanes.
  constexpr int scalesTried = 5, basesTried = 3;
  TriedLines lines;
  float wideScale, wideBase;
  uint32_t wideScaleCode, wideBaseCode, scaleCodes[ownLanes],
      baseCodes[ownLanes];
  double wanted = state.scale != 0 ? around.scale / state.scale : 0;
  // Two neighbours are the same line where they split the group.
  int shift = use == LaneUse::split ? 1 : 0;
  Tries scales = triesOf(
      numbers.fields[scale.own], numbers.trialFields[scale.own], wanted,
      hasBase ? scalesTried : ownLanes >> shift, wideScale, wideScaleCode);
  auto shared = float(state.scale), sharedBase = float(state.base);
  const FloatSamples &of = samples[g];
  double groupWeight = of.weight[0];
  int used = 0;
  if (!hasBase) {
    used = scales.count;
    if (used == 1) {
      for (int i = 0; i < ownLanes; ++i)
        lines.scale[i] = shared * scales.numbers[0];
    } else {
      for (int i = 0; i < ownLanes; ++i)
        lines.scale[i] = shared * scales.numbers[i >> shift];
    }
  } else {
    double slope = groupWeight > 0 ? around.q / groupWeight : 0,
           inverse = state.base != 0 ? 1 / state.base : 0;
    for (int i = 0; i < scales.count; ++i) {
      double s = state.scale * scales.numbers[i];
      double b = around.base - (s - around.scale) * slope;
      Tries bases =
          triesOf(numbers.fields[base.own], numbers.trialFields[base.own],
                  b * inverse, basesTried, wideBase, wideBaseCode);
      for (int j = 0; j < bases.count; ++j) {
        scaleCodes[used] = scales.codes[i];
        baseCodes[used] = bases.codes[j];
        lines.scale[used] = float(s);
        lines.base[used++] = sharedBase * bases.numbers[j];
      }
    }
    for (int i = used; i < ownLanes; ++i) {
      lines.scale[i] = lines.scale[0];
      lines.base[i] = lines.base[0];
    }
  }
  LineResults results;
  LineTrials::get().evaluate(of, tried, lines, hasBase, results);
  const TrialSums &sums = results.sums;
  int lane = results.best.lane[0];
  Chosen &chosen = state.groups[g];
  state.error += results.errors[lane];
  double s = lines.scale[lane], qr = sums.qr[lane], qq = sums.qq[lane];
  lane >>= shift;
  if (lane >= used)
    lane = hasBase ? 0 : used - 1;
  chosen.scaleCode = hasBase ? scaleCodes[lane] : scales.codes[lane];
  chosen.scale = state.scale != 0 ? s / state.scale : 0;
  chosen.qr = qr;
  chosen.best = {s, 0, 0, 0, qq};
  if (!hasBase) {
    if (qq > 0)
      chosen.best.scale -= s * qr / qq;
    return;
  }
  chosen.baseCode = baseCodes[lane];
  chosen.base = state.base != 0 ? lines.base[lane] / state.base : 0;
  double r = sums.r[lane], q = sums.q[lane], weight = groupWeight;
  chosen.r = r;
  chosen.best.q = q;
  chosen.best.base = lines.base[lane];
  double determinant = weight * qq - q * q;
  if (determinant > 1e-6 * weight * qq) {
    chosen.best.scale += s * (q * r - weight * qr) / determinant;
    chosen.best.base += s * (q * qr - qq * r) / determinant;
  }
}

/// The same for two groups, without bases.
void TrialSolver::chooseForPair(size_t g, const FoundLine &first,
                                const FoundLine &second, State &state) const {
  TriedLines lines;
  Tries tries[2];
  float wide[2];
  uint32_t wideCodes[2];
  double inverse = state.scale != 0 ? 1 / state.scale : 0;
  auto shared = float(state.scale);
  constexpr int each = ownLanes / 2;
  for (int i = 0; i < 2; ++i) {
    double wanted = (i == 0 ? first : second).scale * inverse;
    tries[i] =
        triesOf(numbers.fields[scale.own], numbers.trialFields[scale.own],
                wanted, each, wide[i], wideCodes[i]);
    int last = tries[i].count - 1;
    for (int j = 0; j < each; ++j)
      lines.scale[2 * j + i] = shared * tries[i].numbers[std::min(j, last)];
  }
  LineResults results;
  LineTrials::get().evaluate(samples[g / 2], tried, lines, false, results);
  const TrialSums &sums = results.sums;
  for (int i = 0; i < 2; ++i) {
    int lane = results.best.lane[i];
    Chosen &chosen = state.groups[g + i];
    double s = lines.scale[lane], qr = sums.qr[lane], qq = sums.qq[lane];
    chosen.scaleCode = tries[i].codes[std::min(lane / 2, tries[i].count - 1)];
    chosen.scale = s * inverse;
    chosen.qr = qr;
    chosen.best = {qq > 0 ? s - s * qr / qq : s, 0, 0, 0, qq};
    state.error += results.errors[lane];
  }
}

void TrialSolver::choose(llvm::function_ref<FoundLine(size_t)> around,
                         State &state) const {
  state.error = 0;
  if (use == LaneUse::two) {
    for (size_t g = 0; g < found.size(); g += 2)
      chooseForPair(g, around(g), around(g + 1), state);
    return;
  }
  for (size_t g = 0; g < found.size(); ++g)
    chooseForGroup(g, around(g), state);
}

/// Whether all scales worth a try, of groups that share nothing, fit into the
/// lanes.
bool TrialSolver::isDirect() const {
  if (hasBase || scale.shared >= 0 || numbers.fields[scale.own].isWide() ||
      numbers.fields[scale.own].hasNegative())
    return false;
  const TrialNumbers &own = numbers.trialFields[scale.own];
  int last = own.levels() - 1,
      each = use == LaneUse::one ? ownLanes : ownLanes / 2;
  // Where numbers rise by so little that they reach only a part, no.
  constexpr float part = 0.6f;
  return last >= each && own.numbers()[last - each] <= part * own.high() &&
         own.numbers()[last / 2] <= part * own.high();
}

/// Groups' scales from that which reaches all elements down.
void TrialSolver::chooseDirectly(State &state) const {
  // Numbers with gaps at the end may leave the greatest unused.
  const float above = tried.isInteger ? 1.15f : 1.65f;
  state.scale = 1 / unit;
  const TrialNumbers &own = numbers.trialFields[scale.own];
  auto aroundOf = [&](size_t g) {
    float full = std::max(tried.high > 0 ? most[g] / tried.high : 0.0f,
                          tried.low < 0 ? least[g] / tried.low : 0.0f);
    // The greatest number is a little above it.
    int each = use == LaneUse::one ? ownLanes : ownLanes / 2;
    int top = own.positionOf(float(full * unit) * above);
    FoundLine line;
    line.scale = own.numbers()[std::max(top - each + each / 2, 0)] / unit;
    return line;
  };
  choose(aroundOf, state);
}

/// Without shared factors.
bool TrialSolver::solveAlone(State &state) const {
  state.scale = 1 / unit;
  state.base = base.sign / unit;
  const FieldNumbers &scaleField = numbers.fields[scale.own];
  const FieldNumbers *baseField = hasBase ? &numbers.fields[base.own] : nullptr;
  if (!scaleField.isWide() || (baseField && !baseField->isWide())) {
    choose([&](size_t g) { return found[g]; }, state);
    return true;
  }
  state.error = 0;
  for (size_t g = 0; g < found.size(); ++g) {
    const FoundLine &line = found[g];
    Chosen &chosen = state.groups[g];
    chosen.scaleCode = scaleField.nearest(line.scale * unit);
    double s = scaleField.number(chosen.scaleCode) / unit;
    if (!isNear(line.scale, s))
      return false;
    state.error += line.error;
    if (!baseField)
      continue;
    double b = line.base;
    if (sides[g].first > 0)
      b -= (s - line.scale) * line.q / sides[g].first;
    chosen.baseCode = baseField->nearest(base.sign * b * unit);
    if (!isNear(b, base.sign * baseField->number(chosen.baseCode) / unit))
      return false;
  }
  return true;
}
