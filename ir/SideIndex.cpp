//===- SideIndex.cpp - How far an index into a side tensor reaches --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/SideIndex.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

std::optional<int64_t>
rlx::evaluateWithin(AffineExpr expr, ArrayRef<int64_t> dims, int64_t limit) {
  auto within = [&](int64_t value) -> std::optional<int64_t> {
    if (value > limit || value < -limit)
      return std::nullopt;
    return value;
  };
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return within(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return within(dims[dim.getPosition()]);
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::optional<int64_t> lhs = evaluateWithin(binary.getLHS(), dims, limit),
                         rhs = evaluateWithin(binary.getRHS(), dims, limit);
  if (!lhs || !rhs)
    return std::nullopt;
  int64_t result;
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return llvm::AddOverflow(*lhs, *rhs, result) ? std::nullopt
                                                 : within(result);
  case AffineExprKind::Mul:
    return llvm::MulOverflow(*lhs, *rhs, result) ? std::nullopt
                                                 : within(result);
  // Divisions and remainders by positive numbers grow nothing.
  case AffineExprKind::FloorDiv:
    return *rhs < 1 ? 0 : llvm::divideFloorSigned(*lhs, *rhs);
  case AffineExprKind::CeilDiv:
    return *rhs < 1 ? 0 : llvm::divideCeilSigned(*lhs, *rhs);
  case AffineExprKind::Mod:
    return *rhs < 1 ? 0 : llvm::mod(*lhs, *rhs);
  default:
    llvm_unreachable("not a binary affine expression");
  }
}

/// Whether a division or remainder in `expr` depends on the row and on k.
static bool mixesRowAndK(AffineExpr expr) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  bool divides = binary.getKind() != AffineExprKind::Add &&
                 binary.getKind() != AffineExprKind::Mul;
  if (divides && binary.getLHS().isFunctionOfDim(0) &&
      binary.getLHS().isFunctionOfDim(1))
    return true;
  return mixesRowAndK(binary.getLHS()) || mixesRowAndK(binary.getRHS());
}

/// The greatest common divisor of `group` and of all places of K where `expr`,
/// which never falls, changes; 0 is that of none. Runs that do not change cost
/// two evaluations.
static int64_t groupOf(AffineExpr expr, int64_t k, int64_t group) {
  auto at = [&](int64_t i) { return evaluate(expr, {0, i}); };
  for (int64_t begin = 0; begin < k && group != 1;) {
    int64_t end = group ? std::min(begin + group, k) : k;
    if (at(begin) == at(end - 1)) {
      begin = end;
      continue;
    }
    int64_t same = begin, other = end - 1;
    while (other - same > 1) {
      int64_t middle = same + (other - same) / 2;
      (at(middle) == at(begin) ? same : other) = middle;
    }
    group = std::gcd(group, other);
    begin = other;
  }
  return group;
}

int64_t rlx::groupLength(const QuantScheme &scheme, FieldAttr field,
                         int64_t k) {
  if (!field.isSide())
    return scheme.groupLength(field);
  AffineMap map = field.getPlanes().front().getPosition();
  int64_t group = 0;
  for (AffineExpr expr : map.getResults()) {
    // Then the changes along K depend on the row.
    if (mixesRowAndK(expr))
      return 1;
    if (expr.isFunctionOfDim(1))
      group = groupOf(expr, k, group);
  }
  return group ? group : k;
}
