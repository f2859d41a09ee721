//===- RulePlan.cpp - Which rules become code -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/rules/RulePlan.h"

#include "ir/SideIndex.h"

#include <cmath>
#include <numeric>
#include <set>

using namespace mlir;
using namespace rlx;

using Method = QuantRule::Method;
using Ties = QuantRule::Ties;

QuantRule rlx::ruleOf(QuantScheme scheme, StringAttr attribute) {
  return attribute ? llvm::cantFail(QuantRule::parse(attribute.getValue()))
                   : QuantRule::of(scheme);
}

/// Whether `field` is a float of 16 or 32 bits that is stored as it is.
static bool isWideFloat(FieldAttr field) {
  Type type = field.getType();
  return (type.isF32() || type.isF16() || type.isBF16()) &&
         !field.getCodebook() && !field.getBias() && !field.getNanAsZero() &&
         field.width() == type.getIntOrFloatBitWidth();
}

static bool isPowerOfTwo(double value) {
  int exponent;
  return std::frexp(value, &exponent) == 0.5;
}

/// Whether a power of two that `rule` chooses is one that `field` holds.
static bool holdsPowerOfTwo(FieldAttr field, const QuantRule &rule) {
  return isa<Float8E8M0FNUType>(field.getType()) && !field.getCodebook() &&
         !field.getBias() && !field.getNanAsZero() && field.width() == 8 &&
         rule.method == Method::powerOfTwo && isPowerOfTwo(rule.reach);
}

/// How codes are found; nothing where no code does so.
static std::optional<CodeKind> kindOf(FieldAttr code, Ties ties) {
  constexpr unsigned widestCode = 8, widestTable = 4;
  unsigned width = code.width();
  if (width > widestCode)
    return std::nullopt;
  if (code.isInteger())
    return ties == Ties::first ? std::nullopt
                               : std::optional(CodeKind::integer);
  if (code.getBias())
    return std::nullopt;
  if (DenseF64ArrayAttr codebook = code.getCodebook()) {
    // Zeros of both signs would need a look at the sign.
    bool hasZeros[2] = {false, false};
    for (double number : codebook.asArrayRef())
      if (number == 0)
        hasZeros[std::signbit(number)] = true;
    bool fits = width <= widestTable && !(hasZeros[0] && hasZeros[1]);
    return fits ? std::optional(CodeKind::table) : std::nullopt;
  }
  bool fits = isa<Float4E2M1FNType, Float6E2M3FNType, Float6E3M2FNType,
                  Float8E4M3FNType, Float8E5M2Type>(code.getType()) &&
              width == code.getType().getIntOrFloatBitWidth() &&
              ties != Ties::up;
  return fits ? std::optional(CodeKind::smallFloat) : std::nullopt;
}

/// Whether no two runs of `group` elements read the same cell of `field`, in a
/// block or, of a side tensor, in all rows.
static bool hasOwnCells(QuantScheme scheme, FieldAttr field, int64_t group,
                        int64_t k) {
  if (!field.isSide()) {
    std::set<SmallVector<int64_t>> seen;
    for (int64_t i = 0; i < scheme.block(); i += group) {
      SmallVector<int64_t> bits;
      for (PlaneAttr plane : field.getPlanes())
        bits.push_back(firstBit(plane, i));
      if (!seen.insert(bits).second)
        return false;
    }
    return true;
  }
  AffineMap index = field.getPlanes().front().getPosition();
  bool namesRow = llvm::any_of(index.getResults(), [](AffineExpr expr) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    return dim && dim.getPosition() == 0;
  });
  auto at = [&](int64_t i) {
    return llvm::map_to_vector(index.getResults(), [&](AffineExpr expr) {
      return evaluate(expr, {0, i});
    });
  };
  for (int64_t i = group; namesRow && i < k; i += group)
    if (at(i) == at(i - group))
      return false;
  return namesRow;
}

FailureOr<RulePlan> RulePlan::of(QuantScheme scheme, const QuantRule &rule,
                                 int64_t k, std::string &reason) {
  auto refuse = [&](StringRef why) {
    reason = why.str();
    return failure();
  };
  SchemeAttr attribute = scheme.attr();
  if (rule.method == Method::search)
    return refuse("its scales are searched for");
  RulePlan plan{scheme, rule, attribute.getCode(), {}, {}, {}};
  if (attribute.getScale().size() != 1 || attribute.getOffset().size() > 1)
    return refuse("it has several scales");
  plan.scale = attribute.getScale().front();
  plan.zero = attribute.getZero();
  if (!attribute.getOffset().empty())
    plan.offset = attribute.getOffset().front();
  std::optional<CodeKind> kind = kindOf(plan.code, rule.ties);
  if (!kind || plan.code.isSide())
    return refuse("loops do not know codes of this kind");
  plan.kind = *kind;
  if (!holdsPowerOfTwo(plan.scale, rule) &&
      (!isWideFloat(plan.scale) || rule.method == Method::powerOfTwo))
    return refuse("loops do not know scales of this kind");
  for (FieldAttr field : {plan.zero, plan.offset}) {
    if (!field)
      continue;
    bool fits = isWideFloat(field) || (field == plan.zero && field.isInteger());
    if (!fits)
      return refuse("loops do not know zeros or offsets of this kind");
  }
  plan.hasSides = plan.scale.isSide();
  int64_t block = scheme.block();
  for (FieldAttr field : {plan.scale, plan.zero, plan.offset}) {
    if (!field)
      continue;
    int64_t group = groupLength(scheme, field, k);
    if (field.isSide() != plan.hasSides ||
        (plan.group && group != plan.group) ||
        !hasOwnCells(scheme, field, group, k))
      return refuse("its scales are no matter of a part of a row alone");
    plan.group = group;
  }
  plan.unit = plan.hasSides ? plan.group : block;
  // What is held in registers at once.
  constexpr int64_t longest = 256;
  if (block > longest || k % plan.unit != 0 || plan.unit % block != 0 ||
      plan.unit % plan.group != 0)
    return refuse("its groups are too long");
  bool inRegisters = plan.unit <= longest;
  // The first of equals is found where all are at hand.
  if (!inRegisters &&
      (rule.method == Method::signedMax || (plan.needsRange() && plan.offset)))
    return refuse("its groups are too long");
  if (rule.sums && (plan.hasSides || !llvm::isPowerOf2_64(rule.sums->length) ||
                    plan.kind != CodeKind::integer))
    return refuse("loops do not know such sums of codes");
  return plan;
}

std::optional<RulePlan> rlx::rulePlanOf(BlockQuantizeOp op) {
  QuantScheme scheme(op.getScheme().getScheme());
  std::string reason;
  if (op.getImportance())
    return std::nullopt;
  FailureOr<RulePlan> plan = RulePlan::of(
      scheme, ruleOf(scheme, op.getRuleAttr()),
      cast<ShapedType>(op.getX().getType()).getShape().back(), reason);
  return succeeded(plan) ? std::optional(*plan) : std::nullopt;
}

std::optional<RulePlan> rlx::rulePlanOf(BlockFakeQuantizeOp op) {
  QuantScheme scheme(op.getScheme().getScheme());
  std::string reason;
  FailureOr<RulePlan> plan = RulePlan::of(
      scheme, ruleOf(scheme, op.getRuleAttr()),
      cast<ShapedType>(op.getX().getType()).getShape().back(), reason);
  return succeeded(plan) ? std::optional(*plan) : std::nullopt;
}
