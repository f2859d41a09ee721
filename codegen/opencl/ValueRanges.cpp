//===- ValueRanges.cpp - Between which bounds integers are ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/opencl/ValueRanges.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::opencl;

static bool isInteger(Value value) {
  return getElementTypeOrSelf(value.getType()).isSignlessIntOrIndex();
}

ConstantIntRanges ValueRanges::of(Value value) const {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  auto all = ConstantIntRanges::maxRange(
      ConstantIntRanges::getStorageBitwidth(value.getType()));
  if (!getElementTypeOrSelf(value.getType()).isIndex())
    return all;
  // By contract.
  return ConstantIntRanges::fromSigned(APInt::getSignedMinValue(32).sext(64),
                                       APInt::getSignedMaxValue(32).sext(64));
}

void ValueRanges::set(Value value, ConstantIntRanges range) {
  if (getElementTypeOrSelf(value.getType()).isIndex())
    range = range.intersection(of(value));
  known.insert_or_assign(value, std::move(range));
}

void ValueRanges::infer(Operation *op) {
  auto inferable = dyn_cast<InferIntRangeInterface>(op);
  if (!inferable ||
      !isa<arith::ArithDialect, gpu::GPUDialect>(op->getDialect()))
    return;
  if (!llvm::all_of(op->getOperands(), isInteger) ||
      !llvm::all_of(op->getResults(), isInteger))
    return;
  SmallVector<ConstantIntRanges> operands;
  for (Value operand : op->getOperands())
    operands.push_back(of(operand));
  inferable.inferResultRanges(
      operands,
      [&](Value value, const ConstantIntRanges &range) { set(value, range); });
}

void ValueRanges::inferLoop(scf::ForOp loop) {
  ConstantIntRanges lower = of(loop.getLowerBound());
  ConstantIntRanges upper = of(loop.getUpperBound());
  if (loop.getUnsignedCmp() || upper.smax().isMinSignedValue())
    return;
  APInt last = upper.smax() - 1;
  if (lower.smin().sle(last))
    set(loop.getInductionVar(),
        ConstantIntRanges::fromSigned(lower.smin(), last));
}

bool ValueRanges::isNonNegative(Value value) const {
  return of(value).smin().isNonNegative();
}

bool ValueRanges::mayOverflow(Operation *op) const {
  if (getElementTypeOrSelf(op->getResult(0).getType()).isIndex())
    return false;
  if (auto flags = dyn_cast<arith::ArithIntegerOverflowFlagsInterface>(op);
      flags && flags.hasNoSignedWrap())
    return false;
  ConstantIntRanges left = of(op->getOperand(0)), right = of(op->getOperand(1));
  for (const APInt &a : {left.smin(), left.smax()})
    for (const APInt &b : {right.smin(), right.smax()}) {
      bool overflows = false;
      if (isa<arith::AddIOp>(op))
        (void)a.sadd_ov(b, overflows);
      else if (isa<arith::SubIOp>(op))
        (void)a.ssub_ov(b, overflows);
      else
        (void)a.smul_ov(b, overflows);
      if (overflows)
        return true;
    }
  return false;
}
