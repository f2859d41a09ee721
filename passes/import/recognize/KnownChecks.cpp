//===- KnownChecks.cpp - Checks of indices that need not be made ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/recognize/KnownChecks.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace rlx;

/// Whether `check`, in the body of `loops`, holds or is made elsewhere.
static bool isKnown(CheckOp check, linalg::LinalgOp loops,
                    ArrayRef<int64_t> sizes, ArrayRef<CheckedIds> checked) {
  auto compare = check.getCondition().getDefiningOp<arith::CmpIOp>();
  APInt bound;
  if (!compare || compare.getPredicate() != arith::CmpIPredicate::ult ||
      !matchPattern(compare.getRhs(), m_ConstantInt(&bound)))
    return false;
  IndexAlgebra algebra(check.getContext(), sizes);
  ElementEvaluator evaluator(algebra, /*elements=*/1, /*isUnrounded=*/false);
  ElementEvaluator::Frame frame{loops, {}};
  for (unsigned i = 0; i < sizes.size(); ++i)
    frame.loops.push_back(algebra.simplify(algebra.dim(i)));
  std::optional<ElementValue> value =
      evaluator.scalar(compare.getLhs(), &frame);
  if (!value)
    return false;
  if (std::optional<AffineExpr> index = evaluator.indexOf(*value)) {
    IndexAlgebra::Range range = exactRange(algebra, *index);
    return range.low >= 0 && range.high < bound.getSExtValue();
  }
  auto *bits = std::get_if<Bits>(&*value);
  if (!bits || bits->leftShift != 0 || bits->hasMore ||
      bits->read.bit != algebra.constant(0) ||
      bits->read.width !=
          getElementTypeOrSelf(bits->read.tensor).getIntOrFloatBitWidth())
    return false;
  return llvm::any_of(checked, [&](const CheckedIds &ids) {
    return ids.tensor == bits->read.tensor && ids.wrap == bits->wrap &&
           ids.count <= bound.getSExtValue();
  });
}

/// Erases what computes values that nothing uses, in the body of `loops`.
static void eraseDead(linalg::LinalgOp loops) {
  for (Operation &op :
       llvm::make_early_inc_range(llvm::reverse(*loops.getBlock())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

void rlx::eraseKnownChecks(Operation *root, ArrayRef<CheckedIds> checked) {
  SmallVector<linalg::LinalgOp> all;
  root->walk([&](linalg::LinalgOp op) {
    if (llvm::any_of(*op.getBlock(),
                     [](Operation &inner) { return isa<CheckOp>(inner); }))
      all.push_back(op);
  });
  // Those that compute indices of others come before them.
  for (linalg::LinalgOp op : llvm::reverse(all)) {
    if (!op.hasPureTensorSemantics() ||
        op.getNumParallelLoops() != op.getNumLoops())
      continue;
    constexpr int64_t anySize = int64_t(1) << 40;
    SmallVector<int64_t> sizes = op.getStaticLoopRanges();
    for (int64_t &size : sizes)
      size = ShapedType::isDynamic(size) ? anySize : size;
    SmallVector<CheckOp> known;
    for (Operation &inner : *op.getBlock())
      if (auto check = dyn_cast<CheckOp>(inner))
        if (isKnown(check, op, sizes, checked))
          known.push_back(check);
    for (CheckOp check : known)
      check.erase();
    if (known.empty())
      continue;
    eraseDead(op);
    if (isOpTriviallyDead(op))
      op->erase();
  }
}
