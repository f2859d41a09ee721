//===- RuleBlocks.cpp - Blocks by a rule, fast ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/RuleBlocks.h"

#include "codegen/quantize/Rules.h"

#include "llvm/ADT/bit.h"

#include <cmath>
#include <limits>

using namespace rlx;
using namespace rlx::quantize;

using Method = QuantRule::Method;
using Ties = QuantRule::Ties;
using Arithmetic = QuantRule::Arithmetic;

static constexpr int64_t longestBlock = 256;

std::unique_ptr<RuleBlocks> RuleBlocks::create(const WeightPlan &plan) {
  std::unique_ptr<RuleBlocks> blocks(new RuleBlocks(plan));
  return blocks->prepare() ? std::move(blocks) : nullptr;
}

bool RuleBlocks::prepare() {
  const QuantRule &rule = plan.rule;
  int64_t block = plan.scheme.block();
  bool isOneGroup = plan.blockProblems.size() == 1 &&
                    plan.blockProblems.front().groups.size() == 1 &&
                    plan.numbers.code.attr().width() <= 8 &&
                    block <= longestBlock;
  if (rule.method == Method::search || !isOneGroup ||
      plan.options.allowNonFinite)
    return false;
  if (!plan.codeRuns)
    return false;
  for (int64_t i = 0; i < block; ++i)
    if (plan.blockProblems.front().elements[i] != i)
      return false;
  if (rule.method == Method::powerOfTwo)
    return prepareThresholds();
  return rule.arithmetic == Arithmetic::reciprocal ||
         rule.arithmetic == Arithmetic::inverse;
}

/// Codes of quotients that f32 holds exactly, scales being powers of two, of
/// few bits.
bool RuleBlocks::prepareThresholds() {
  const FieldNumbers &code = plan.numbers.code;
  constexpr unsigned widest = 4;
  int exponent;
  if (code.attr().width() > widest || code.isInteger() ||
      plan.numbers.list.fields.size() != 1 ||
      std::frexp(plan.rule.reach, &exponent) != 0.5 ||
      code.nearest(0.0) != code.nearest(-0.0) ||
      !llvm::isa<mlir::Float8E8M0FNUType>(
          plan.numbers.list.fields[0].getType()))
    return false;
  // Floats in the order of their bits.
  auto ordered = [](int64_t place) {
    auto bits = uint32_t(place < 0 ? -place : place);
    return std::copysign(llvm::bit_cast<float>(bits), place < 0 ? -1.0f : 1.0f);
  };
  constexpr int64_t largest = 0x7f7fffff;
  int64_t last = -largest;
  codesByRank.push_back(uint8_t(code.nearest(ordered(last))));
  while (code.nearest(ordered(largest)) != codesByRank.back()) {
    int64_t same = last, other = largest;
    while (other - same > 1) {
      int64_t middle = same + (other - same) / 2;
      bool isSame = code.nearest(ordered(middle)) == codesByRank.back();
      (isSame ? same : other) = middle;
    }
    thresholds.push_back(ordered(other));
    codesByRank.push_back(uint8_t(code.nearest(ordered(other))));
    last = other;
    if (codesByRank.size() > size_t(1) << widest)
      return false;
  }
  return true;
}

namespace {
/// How codes in f32 follow from numbers (Rules.cpp).
struct ByRule {
  float least, inverse, start, low, high;
  int32_t bias, fallback;
};
} // namespace

/// `rounded` gives an integer as a float, of what codes reach and a little
/// more.
template <typename Rounded>
static void codesOf(const float *x, int64_t count, ByRule line, uint8_t *codes,
                    Rounded rounded) {
  constexpr float beyond = 1e6f, largest = std::numeric_limits<float>::max();
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    float t = (x[i] - line.least) * line.inverse + line.start;
    bool isFinite = std::fabs(t) <= largest;
    // In this order, a NaN, whose code is not from here, becomes a number.
    t = std::min(std::max(-beyond, t), beyond);
    float number = std::min(std::max(rounded(t), line.low), line.high);
    int32_t whole = isFinite ? int32_t(number) : line.fallback;
    codes[i] = uint8_t(whole + line.bias);
  }
}

void RuleBlocks::write(const float *x, uint8_t *block) const {
  const SchemeNumbers &numbers = plan.numbers;
  const Problem &problem = plan.blockProblems.front();
  int64_t count = plan.scheme.block();
  ScaleOfRule chosen = scaleByRule(plan.rule, numbers, {x, size_t(count)});
  uint32_t scaleCode = numbers.fields[0].converted(chosen.scale);
  const Group &group = problem.groups.front();
  auto writeField = [&](size_t field, uint32_t code) {
    plan.fieldBits[field]->write(
        block, problem.cells[group.cells[field]].element, code);
  };
  writeField(0, scaleCode);
  if (group.cells.size() > 1)
    writeField(1, numbers.fields[1].converted(chosen.base));
  uint8_t codes[longestBlock];
  if (!codesByRank.empty()) {
    auto scale = float(numbers.fields[0].number(scaleCode));
    for (int64_t i = 0; i < count; ++i)
      codes[i] = 0;
    for (float threshold : thresholds) {
#pragma omp simd
      for (int64_t i = 0; i < count; ++i)
        codes[i] = uint8_t(codes[i] + (x[i] / scale >= threshold));
    }
    for (int64_t i = 0; i < count; ++i)
      codes[i] = codesByRank[codes[i]];
    plan.codeRuns->store(codes, block);
    return;
  }
  bool hasOffset = numbers.list.fields.size() > 1 && numbers.list.isOffset(1);
  auto low = float(numbers.code.lowest()), high = float(numbers.code.highest());
  ByRule line{hasOffset ? chosen.least : 0,
              chosen.inverse,
              hasOffset ? low : 0,
              low,
              high,
              int32_t(numbers.code.attr().getBias()),
              plan.rule.ties == Ties::up ? int32_t(low) : 0};
  if (plan.rule.ties == Ties::up)
    codesOf(x, count, line, codes,
            [&](float t) { return float(int32_t(t + (0.5f - low))) + low; });
  else if (plan.rule.ties == Ties::even)
    codesOf(x, count, line, codes, [](float t) {
      constexpr float magic = 0x1.8p23f;
      return (t + magic) - magic;
    });
  else
    // Just less than a half, so that a sum is not rounded up to the next.
    codesOf(x, count, line, codes, [](float t) {
      return float(int32_t(t + std::copysign(0x1.fffffep-2f, t)));
    });
  plan.codeRuns->store(codes, block);
}
