//===- IndexSteps.cpp - An affine expression as a list of steps -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/IndexSteps.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace rlx;

int64_t IndexSteps::apply(AffineExprKind kind, int64_t lhs, int64_t rhs) {
  int64_t result;
  switch (kind) {
  case AffineExprKind::Add:
    llvm::AddOverflow(lhs, rhs, result);
    return result;
  case AffineExprKind::Mul:
    llvm::MulOverflow(lhs, rhs, result);
    return result;
  case AffineExprKind::FloorDiv:
    return rhs < 1 ? 0 : llvm::divideFloorSigned(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return rhs < 1 ? 0 : llvm::divideCeilSigned(lhs, rhs);
  case AffineExprKind::Mod:
    return rhs < 1 ? 0 : llvm::mod(lhs, rhs);
  default:
    llvm_unreachable("not a binary affine expression");
  }
}

IndexSteps::IndexSteps(AffineExpr expr) {
  AffineExprKind kind = expr.getKind();
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    steps.push_back({kind, constant.getValue()});
    return;
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    steps.push_back({kind, dim.getPosition()});
    return;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  steps = IndexSteps(binary.getLHS()).steps;
  steps.append(IndexSteps(binary.getRHS()).steps);
  steps.push_back({kind, 0});
}

int64_t IndexSteps::at(ArrayRef<int64_t> dims) const {
  SmallVector<int64_t, 16> stack;
  for (auto [kind, number] : steps) {
    if (kind == AffineExprKind::Constant) {
      stack.push_back(number);
    } else if (kind == AffineExprKind::DimId) {
      stack.push_back(dims[number]);
    } else {
      int64_t rhs = stack.pop_back_val();
      stack.back() = apply(kind, stack.back(), rhs);
    }
  }
  return stack.front();
}
