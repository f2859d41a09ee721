//===- TrialSolver.cpp - Least error by many lines at once ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 1. The best line of each group by itself (GroupSearch.h).
// 2. The scales of the groups are numbers to be quantized as well: the shared
//    factor is the scale of the line that fits them best, and the groups' own
//    factors are its codes.
// 3. With shared factors fixed, own codes around the best, in one pass
//    (TrialCodes.cpp); shared factors anew by least squares; and again while
//    that helps.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/TrialSolver.h"

#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

static constexpr int trialLanes = LineLanes::count;
static constexpr double noError = std::numeric_limits<double>::infinity();

//===----------------------------------------------------------------------===//
// The kind of a problem
//===----------------------------------------------------------------------===//

bool TrialSolver::prepareProduct(llvm::ArrayRef<int> fields,
                                 Product &product) const {
  for (int field : fields) {
    bool isOwn = true, isShared = true;
    for (const Cell &cell : problem->cells)
      if (cell.field == field) {
        isOwn &= cell.groups.size() == 1;
        isShared &= cell.groups.size() == problem->groups.size();
      }
    // Of one group, the finest is its own.
    bool canBeOwn = isOwn && product.own < 0 && !fixedCodeOf(field);
    int &place = canBeOwn ? product.own : product.shared;
    if (!(isOwn || isShared) || place >= 0)
      return false;
    place = field;
  }
  if (product.own < 0 || fixedCodeOf(product.own))
    return false;
  bool hasTries = numbers.trialFields[product.own].levels() > 0;
  return product.shared < 0
             ? hasTries || numbers.fields[product.own].isWide()
             : hasTries && numbers.fields[product.shared].isWide();
}

bool TrialSolver::prepare(const Problem &given, FixedCodes codes) {
  problem = &given;
  fixed = codes;
  const FieldList &list = numbers.list;
  if (!numbers.trialCode.isUsable() || list.numScales == 0 || list.numZeros)
    return false;
  llvm::SmallVector<int> scales, offsets;
  for (int i = 0; i < int(list.fields.size()); ++i)
    (list.isScale(i) ? scales : offsets).push_back(i);
  hasBase = !offsets.empty();
  scale = base = Product();
  if (hasBase && numbers.scheme.attr().getOffsetNegative())
    base.sign = -1;
  if (!prepareProduct(scales, scale) ||
      (hasBase && !prepareProduct(offsets, base)))
    return false;
  tried = numbers.trialCode.tried(hasBase);
  size_t groups = problem->groups.size();
  found.resize(groups);
  for (State *each : {&state, &next, &best})
    each->groups.resize(groups);
  chooseLanes();
  return true;
}

/// Whether half of the lanes reach from the greatest scale to small ones, as
/// powers of two do.
bool TrialSolver::isSteep() const {
  const TrialNumbers &own = numbers.trialFields[scale.own];
  constexpr float small = 0x1p-4f;
  return own.numbers()[own.levels() - 1 - trialLanes / 2] <= small * own.high();
}

/// Two groups of the same size share lanes where half of these are enough, and
/// long groups are split. With importance, more is gained by more lines.
void TrialSolver::chooseLanes() {
  auto sizeOf = [](const Group &group) { return group.end - group.begin; };
  int64_t size = sizeOf(problem->groups.front());
  bool isEven = llvm::all_of(problem->groups, [&](const Group &group) {
    return sizeOf(group) == size;
  });
  constexpr int fewLevels = 8;
  constexpr int64_t longGroup = 64;
  bool hasFew = numbers.trialCode.levels() <= fewLevels;
  use = LaneUse::one;
  if (hasBase)
    return;
  if (isEven && problem->groups.size() % 2 == 0 &&
      (isDirect() || (hasFew && !isWeighted)))
    use = LaneUse::two;
  else if (problem->groups.size() == 1 && size % 2 == 0 &&
           ((hasFew && size >= longGroup) || (isDirect() && isSteep())))
    use = LaneUse::split;
}

llvm::SmallVector<LineSigns, 4> TrialSolver::hypotheses() const {
  auto isSigned = [&](int field) {
    return field >= 0 && numbers.fields[field].hasNegative() &&
           numbers.fields[field].hasPositive();
  };
  /// Where the sign lies in a shared factor, it is one choice for all groups.
  auto isChoice = [&](const Product &product) {
    return isSigned(product.shared) && !isSigned(product.own);
  };
  auto signOf = [&](const Product &product) {
    if (isSigned(product.own) || isSigned(product.shared))
      return 0;
    int sign = int(product.sign);
    for (int field : {product.own, product.shared})
      if (field >= 0 && numbers.fields[field].hasNegative())
        sign = -sign;
    return sign;
  };
  llvm::SmallVector<int, 2> scales = {signOf(scale)}, bases = {0};
  // Numbers of one sign that have a base reach values of both one way only.
  bool isOneSided = numbers.code.lowest() >= 0;
  if (isChoice(scale))
    scales = hasBase && isOneSided ? llvm::SmallVector<int, 2>{1}
                                   : llvm::SmallVector<int, 2>{1, -1};
  if (hasBase)
    bases = {signOf(base)};
  if (hasBase && isChoice(base)) {
    size_t positive = llvm::count_if(least, [](float x) { return x >= 0; });
    bases = {-1};
    if (!isOneSided || 2 * positive >= least.size())
      bases.push_back(1);
  }
  llvm::SmallVector<LineSigns, 4> result;
  for (int s : scales)
    for (int b : bases)
      result.push_back({s, b});
  return result;
}

//===----------------------------------------------------------------------===//
// The elements
//===----------------------------------------------------------------------===//

void TrialSolver::load(const float *from, const float *weights) {
  size_t count = problem->elements.size();
  if (isWeighted != (weights != nullptr)) {
    isWeighted = weights != nullptr;
    chooseLanes();
  }
  const LineTrials &trials = LineTrials::get();
  float largest = trials.largest(from, int64_t(count));
  int exponent = largest > 0 ? std::ilogb(largest) : 0;
  auto factor = float(std::ldexp(1.0, std::clamp(-exponent, -126, 126)));
  unit = 1 / double(factor);
  x.resize(count);
  trials.multiply(from, factor, x.data(), int64_t(count));
  // Weights are not negative.
  float heaviest = weights ? trials.largest(weights, int64_t(count)) : 0;
  w.resize(heaviest > 0 ? count : 0);
  if (heaviest > 0)
    trials.divide(weights, heaviest, w.data(), int64_t(count));
  sides.clear();
  least.clear();
  most.clear();
  for (const Group &group : problem->groups) {
    const float *values = x.data() + group.begin,
                *each = w.empty() ? nullptr : w.data() + group.begin;
    int64_t size = group.end - group.begin;
    SampleRange range = trials.measure(values, each, size);
    least.push_back(range.least);
    most.push_back(range.most);
    sides.push_back({range.weight, range.square});
  }
  samples.clear();
  size_t step = use == LaneUse::two ? 2 : 1;
  if (step == 2) {
    interleave(x, pairedX);
    if (!w.empty())
      interleave(w, pairedW);
  }
  const std::vector<float> &values = step == 2 ? pairedX : x,
                           &weighted = step == 2 ? pairedW : w;
  for (size_t g = 0; g < found.size(); g += step) {
    const Group &group = problem->groups[g];
    FloatSamples &of = samples.emplace_back();
    of.x = values.data() + group.begin;
    of.w = w.empty() ? nullptr : weighted.data() + group.begin;
    of.count = group.end - group.begin;
    of.use = use;
    if (use == LaneUse::split)
      of.count /= 2;
    for (int i = 0; i < 2; ++i)
      std::tie(of.weight[i], of.square[i]) = sides[g + (step == 2 ? i : 0)];
  }
}

/// Element after element of each two groups.
void TrialSolver::interleave(const std::vector<float> &from,
                             std::vector<float> &to) const {
  to.resize(from.size());
  for (size_t g = 0; g < found.size(); g += 2) {
    const Group &group = problem->groups[g];
    const float *first = from.data() + group.begin;
    int64_t count = group.end - group.begin;
    const float *second = first + count;
    float *pairs = to.data() + group.begin;
    for (int64_t i = 0; i < count; ++i) {
      pairs[2 * i] = first[i];
      pairs[2 * i + 1] = second[i];
    }
  }
}

//===----------------------------------------------------------------------===//
// Shared factors
//===----------------------------------------------------------------------===//

bool TrialSolver::isNear(double wanted, double stored) {
  constexpr double coarse = 0x1p-9;
  return std::fabs(wanted - stored) <= coarse * std::fabs(wanted);
}

/// The factor for which own numbers come nearest to what groups want.
bool TrialSolver::startProduct(const Product &product, bool isBase, int attempt,
                               double &number, uint32_t &code) const {
  if (product.shared < 0) {
    number = product.sign / unit;
    return true;
  }
  if (std::optional<uint32_t> given = fixedCodeOf(product.shared)) {
    code = *given;
    number = product.sign * numbers.fields[product.shared].number(code) / unit;
    return true;
  }
  size_t groups = found.size();
  constexpr size_t few = 32;
  llvm::SmallVector<float, few> wanted(groups), cost(groups);
  double dearest = 0;
  auto costOf = [&](size_t g) {
    return isBase ? double(sides[g].first) : found[g].qq;
  };
  for (size_t g = 0; g < groups; ++g)
    dearest = std::max(dearest, costOf(g));
  FloatSamples all{wanted.data(), cost.data(), int64_t(groups)};
  float extreme = 0, sum = 0;
  for (size_t g = 0; g < groups; ++g) {
    wanted[g] = float(isBase ? found[g].base : found[g].scale);
    cost[g] = dearest > 0 ? float(costOf(g) / dearest) : 1;
    all.weight[0] += cost[g];
    all.square[0] += cost[g] * wanted[g] * wanted[g];
    sum += wanted[g];
    if (std::fabs(wanted[g]) > std::fabs(extreme))
      extreme = wanted[g];
  }
  all.weight[1] = all.weight[0];
  all.square[1] = all.square[0];
  const FieldNumbers &field = numbers.fields[product.shared];
  if (!(all.square[0] > 0)) {
    number = 0;
    code = field.nearest(0);
    return true;
  }
  const TrialNumbers &own = numbers.trialFields[product.own];
  // The end that reaches further.
  float reach = -own.low() > own.high() ? own.low() : own.high();
  if (own.low() >= 0 && sum < 0)
    extreme = -std::fabs(extreme);
  auto store = [&](double want) {
    code = field.nearest(product.sign * want * unit);
    number = product.sign * field.number(code) / unit;
    return isNear(want, number);
  };
  // Of many numbers, some are near enough to whatever is wanted.
  if (!own.isUsable())
    return store(extreme / reach);
  // Factors for which the largest wanted gets one of the greatest numbers.
  constexpr float cut = 0.25f;
  constexpr int times = 2;
  TriedLines lines;
  LineResults results;
  for (int i = 0; i < trialLanes; ++i)
    lines.scale[i] =
        extreme / (reach * (1 - cut * float(i) / float(trialLanes)));
  LineTrials::get().improve(all, own.tried(false), false, 0, 0, times, lines,
                            results);
  if (attempt == 0)
    return store(lines.scale[results.best.lane[0]]);
  llvm::SmallVector<std::pair<float, float>, trialLanes> choices;
  for (int i = 0; i < trialLanes; ++i)
    if (std::isfinite(results.errors[i]))
      choices.push_back({results.errors[i], lines.scale[i]});
  if (choices.empty())
    return false;
  llvm::stable_sort(choices, llvm::less_first());
  // Some are the same.
  constexpr float same = 1e-3f;
  size_t at = 0;
  int left = attempt;
  for (size_t i = 1; i < choices.size() && left > 0; ++i)
    if (std::fabs(choices[i].second - choices[at].second) >
        same * std::fabs(choices[at].second)) {
      at = i;
      --left;
    }
  return store(choices[at].second);
}

bool TrialSolver::start(int attempt, State &state) const {
  return startProduct(scale, false, attempt, state.scale, state.scaleCode) &&
         (!hasBase ||
          startProduct(base, true, attempt, state.base, state.baseCode));
}

/// Least squares for the numbers that elements have. False where nothing
/// changes.
bool TrialSolver::improveShared(const State &from, State &to) const {
  double aa = 0, ab = 0, bb = 0, ga = 0, gb = 0;
  for (size_t g = 0; g < found.size(); ++g) {
    const Chosen &chosen = from.groups[g];
    double n = chosen.scale, s = from.scale * n;
    aa += n * n * chosen.best.qq;
    ga += n * s * chosen.qr;
    if (hasBase) {
      double m = chosen.base;
      ab += n * m * chosen.best.q;
      bb += m * m * sides[g].first;
      gb += m * s * chosen.r;
    }
  }
  to.scale = from.scale;
  to.base = from.base;
  to.scaleCode = from.scaleCode;
  to.baseCode = from.baseCode;
  bool movesScale = scale.shared >= 0 && !fixedCodeOf(scale.shared),
       movesBase = base.shared >= 0 && !fixedCodeOf(base.shared);
  double a = aa > 0 && movesScale ? -ga / aa : 0,
         b = bb > 0 && movesBase ? -gb / bb : 0;
  if (movesScale && movesBase) {
    double determinant = aa * bb - ab * ab;
    if (determinant > 1e-9 * aa * bb) {
      a = (ab * gb - bb * ga) / determinant;
      b = (ab * ga - aa * gb) / determinant;
    } else {
      b = 0;
    }
  }
  auto store = [&](const Product &product, double change, double &number,
                   uint32_t &code) {
    const FieldNumbers &field = numbers.fields[product.shared];
    code = field.nearest(product.sign * (number + change) * unit);
    number = product.sign * field.number(code) / unit;
  };
  if (movesScale)
    store(scale, a, to.scale, to.scaleCode);
  if (movesBase)
    store(base, b, to.base, to.baseCode);
  return to.scale != from.scale || to.base != from.base;
}

//===----------------------------------------------------------------------===//
// All together
//===----------------------------------------------------------------------===//

bool TrialSolver::solveFor(LineSigns signs) {
  SearchKind kind{signs, hasBase, isWeighted, use};
  auto known = llvm::find_if(
      searches, [&](const auto &search) { return search.first == kind; });
  if (known == searches.end()) {
    searches.push_back(
        {kind, {numbers.trialCode, hasBase, signs, use, isWeighted}});
    known = std::prev(searches.end());
  }
  if (isDirect()) {
    chooseDirectly(state);
    if (state.error < best.error)
      std::swap(best, state);
    return true;
  }
  known->second.run(samples, least.data(), most.data(), found.data());
  if (scale.shared < 0 && base.shared < 0) {
    if (!solveAlone(state))
      return false;
    if (state.error < best.error)
      std::swap(best, state);
    return true;
  }
  // Where bases have many levels, a second start is worth its time; where lanes
  // are shared, time counts.
  constexpr int manyLevels = 8;
  int attempts = hasBase && numbers.trialCode.levels() > manyLevels ? 2 : 1;
  int rounds = use == LaneUse::two ? 0 : hasBase ? 2 : 3;
  double first = 0;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    if (!start(attempt, state))
      return false;
    choose([&](size_t g) { return found[g]; }, state);
    // A start that is worse than the first does not overtake it.
    constexpr double hopeless = 1.02;
    if (attempt == 0)
      first = state.error;
    else if (state.error > hopeless * first)
      continue;
    for (int round = 0; round < rounds && improveShared(state, next); ++round) {
      choose([&](size_t g) { return state.groups[g].best; }, next);
      if (!(next.error < state.error))
        break;
      // Less than this is not worth a round.
      bool isLittle = next.error > state.error * (1 - 3e-4);
      std::swap(state, next);
      if (isLittle)
        break;
    }
    if (state.error < best.error)
      std::swap(best, state);
  }
  return true;
}

bool TrialSolver::solve(const float *from, const float *weights,
                        std::vector<uint32_t> &codes) {
  load(from, weights);
  best.error = noError;
  for (LineSigns signs : hypotheses())
    if (!solveFor(signs))
      return false;
  if (!(best.error < noError))
    return false;
  codes.resize(problem->cells.size());
  for (size_t i = 0; i < codes.size(); ++i) {
    const Cell &cell = problem->cells[i];
    const Chosen &chosen = best.groups[cell.groups.front()];
    codes[i] = cell.field == scale.own      ? chosen.scaleCode
               : cell.field == scale.shared ? best.scaleCode
               : cell.field == base.own     ? chosen.baseCode
                                            : best.baseCode;
  }
  return true;
}
