//===- DecomposeFakeQuantize.cpp - Round trips as linalg ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A reduction finds the extremes of each group, an elementwise operation says
// what its numbers become (RuleArithmetic.h). Devices may lack f64: quotients
// are exact without it. Schemes that several scales make a value of stay.
//
//===----------------------------------------------------------------------===//

#include "passes/rules/RuleArithmetic.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/Sequence.h"

#include <limits>

namespace rlx {
#define GEN_PASS_DEF_DECOMPOSEFAKEQUANTIZEPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;
using namespace rlx::mathx;

using Method = QuantRule::Method;

namespace {
class Decomposition {
public:
  Decomposition(FakeQuantizeOp op, const RulePlan &plan)
      : b(op.getLoc(), op), op(op), plan(plan),
        type(cast<RankedTensorType>(op.getType())) {}
  Value emit();

private:
  Value splitGroups();
  SmallVector<Value> reduce(Value groups);
  Value roundTrip(Value groups, ValueRange extremes);

  /// The loops over groups, and over their elements.
  SmallVector<AffineMap> maps(size_t wide, size_t narrow) {
    AffineMap all = b.getMultiDimIdentityMap(unsigned(type.getRank() + 1));
    SmallVector<AffineMap> result(wide, all);
    result.append(narrow, all.getMajorSubMap(unsigned(type.getRank())));
    return result;
  }

  ImplicitLocOpBuilder b;
  FakeQuantizeOp op;
  const RulePlan &plan;
  RankedTensorType type;
};
} // namespace

/// Rows as groups.
Value Decomposition::splitGroups() {
  int64_t rank = type.getRank(), k = type.getShape().back();
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), op.getX());
  sizes.back() = b.getIndexAttr(k / plan.group);
  sizes.push_back(b.getIndexAttr(plan.group));
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = k / plan.group;
  shape.push_back(plan.group);
  SmallVector<ReassociationIndices> parts;
  for (int64_t i : llvm::seq(rank))
    parts.push_back({i});
  parts.back().push_back(rank);
  return tensor::ExpandShapeOp::create(b, type.clone(shape), op.getX(), parts,
                                       sizes);
}

/// What the rule reads of each group; the first of equals counts.
SmallVector<Value> Decomposition::reduce(Value groups) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  SmallVector<double> initial = {0};
  if (plan.needsRange())
    initial = {infinity, -infinity};
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), groups);
  sizes.pop_back();
  SmallVector<Value> inits;
  for (double value : initial) {
    Value empty = tensor::EmptyOp::create(b, sizes, b.getF32Type());
    Value start = arith::ConstantOp::create(b, b.getF32FloatAttr(float(value)));
    inits.push_back(linalg::FillOp::create(b, start, empty).getResult(0));
  }
  SmallVector<utils::IteratorType> loops(type.getRank() + 1,
                                         utils::IteratorType::parallel);
  loops.back() = utils::IteratorType::reduction;
  auto body = [&](OpBuilder &builder, Location loc, ValueRange values) {
    ImplicitLocOpBuilder inner(loc, builder);
    Num x{{&inner, values[0]}}, best{{&inner, values[1]}};
    SmallVector<Value> next;
    if (plan.needsRange()) {
      Num most{{&inner, values[2]}};
      next = {choose(x < best, x, best).value, choose(x > most, x, most).value};
    } else if (plan.rule.method == Method::signedMax) {
      next = {choose(absolute(x) > absolute(best), x, best).value};
    } else {
      next = {choose(absolute(x) > best, absolute(x), best).value};
    }
    linalg::YieldOp::create(builder, loc, next);
  };
  auto reduction =
      linalg::GenericOp::create(b, TypeRange(ValueRange(inits)), groups, inits,
                                maps(1, inits.size()), loops, body);
  return SmallVector<Value>(reduction.getResults());
}

/// Of a table of at most 16 numbers.
static Value entryOf(ImplicitLocOpBuilder &b, ArrayRef<double> table,
                     Value code) {
  Int index{{&b, code}};
  auto numberAt = [&](size_t i) {
    return Num{{&b, index.constant(b.getF32FloatAttr(float(table[i])))}};
  };
  Num entry = numberAt(0);
  for (size_t i = 1; i < table.size(); ++i)
    entry = choose(index == int64_t(i), numberAt(i), entry);
  return entry.value;
}

Value Decomposition::roundTrip(Value groups, ValueRange extremes) {
  SmallVector<Value> inputs = {groups};
  llvm::append_range(inputs, extremes);
  Value empty = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), groups), b.getF32Type());
  SmallVector<AffineMap> all = maps(1, extremes.size());
  all.push_back(all.front());
  SmallVector<utils::IteratorType> loops(type.getRank() + 1,
                                         utils::IteratorType::parallel);
  auto body = [&](OpBuilder &builder, Location loc, ValueRange values) {
    ImplicitLocOpBuilder inner(loc, builder);
    RuleArithmetic arithmetic(inner, plan,
                              [&](ArrayRef<double> table, Value code) {
                                return entryOf(inner, table, code);
                              });
    Num x{{&inner, values[0]}}, first{{&inner, values[1]}};
    RuleArithmetic::Extremes found;
    if (plan.needsRange()) {
      found.least = first;
      found.most = {{&inner, values[2]}};
    } else {
      found.largest = first;
    }
    RuleArithmetic::Scale scale = arithmetic.choose(found);
    Num y = arithmetic.values(scale, arithmetic.codes(scale, x));
    linalg::YieldOp::create(builder, loc, y.value);
  };
  return linalg::GenericOp::create(b, empty.getType(), inputs, empty, all,
                                   loops, body)
      .getResult(0);
}

Value Decomposition::emit() {
  Value groups = splitGroups();
  Value result = roundTrip(groups, reduce(groups));
  SmallVector<ReassociationIndices> parts;
  for (int64_t i : llvm::seq(type.getRank()))
    parts.push_back({i});
  parts.back().push_back(type.getRank());
  return tensor::CollapseShapeOp::create(b, type, result, parts);
}

namespace {
struct DecomposeFakeQuantizePass
    : rlx::impl::DecomposeFakeQuantizePassBase<DecomposeFakeQuantizePass> {
  void runOnOperation() override {
    SmallVector<FakeQuantizeOp> found;
    getOperation().walk([&](FakeQuantizeOp op) { found.push_back(op); });
    for (FakeQuantizeOp op : found) {
      QuantScheme scheme(op.getScheme().getScheme());
      std::string reason;
      FailureOr<RulePlan> plan = RulePlan::of(
          scheme, ruleOf(scheme, op.getRuleAttr()),
          cast<RankedTensorType>(op.getType()).getShape().back(), reason);
      if (failed(plan) || !RuleArithmetic::fitsDevices(*plan))
        continue;
      op.replaceAllUsesWith(Decomposition(op, *plan).emit());
      op.erase();
    }
  }
};
} // namespace
