//===- LoopNest.cpp - How the loops of a linalg operation lie -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/linalg/LoopNest.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace rlx;

/// The loop that goes along the last dimension of a buffer and no other, one
/// element an iteration; none where there is no such.
static std::optional<unsigned> loopAlong(Value value, AffineMap map) {
  auto type = dyn_cast<MemRefType>(value.getType());
  if (!type || type.getRank() == 0)
    return std::nullopt;
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return std::nullopt;
  AffineExpr last = map.getResults().back();
  auto dim = dyn_cast<AffineDimExpr>(last);
  // A window: the position is a sum of two loops.
  auto sum = dyn_cast<AffineBinaryOpExpr>(last);
  if (sum && sum.getKind() == AffineExprKind::Add)
    dim = dyn_cast<AffineDimExpr>(sum.getLHS());
  if (!dim || (sum && sum.getRHS().isFunctionOfDim(dim.getPosition())))
    return std::nullopt;
  unsigned loop = dim.getPosition();
  bool isElsewhere =
      llvm::any_of(map.getResults().drop_back(),
                   [&](AffineExpr expr) { return expr.isFunctionOfDim(loop); });
  return isElsewhere ? std::nullopt : std::optional(loop);
}

/// What the operations of a body cost, in reads of a number: functions are some
/// twenty operations on vectors.
static int64_t costOf(linalg::LinalgOp op) {
  int64_t functions = 0, others = 0;
  op.getBlock()->walk([&](Operation *inner) {
    if (isa_and_nonnull<math::MathDialect>(inner->getDialect()) &&
        !isa<math::AbsFOp, math::FmaOp, math::SqrtOp>(inner))
      ++functions;
    else
      ++others;
  });
  return op->getNumOperands() + 4 * functions + others / 4;
}

LoopNest::LoopNest(linalg::LinalgOp op)
    : op(op), types(op.getIteratorTypesArray()), cost(costOf(op)) {
  sizes = op.getStaticLoopRanges();
  unsigned count = op.getNumLoops();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<int64_t> score(count);
  std::optional<unsigned> ofResult;
  for (OpOperand &operand : op->getOpOperands()) {
    std::optional<unsigned> loop =
        loopAlong(operand.get(), maps[operand.getOperandNumber()]);
    if (!loop)
      continue;
    if (op.isDpsInit(&operand) && !ofResult)
      ofResult = loop;
    // Writing costs more than reading, but what adds up is seldom written.
    bool addsUp = op.getNumParallelLoops() != count;
    score[*loop] += !op.isDpsInit(&operand) ? 2 : addsUp ? 1 : 3;
  }
  // Reductions keep their order: of a body nothing says that it may change.
  std::optional<unsigned> lastReduction;
  for (unsigned loop = 0; loop < count; ++loop)
    if (!isParallel(loop))
      lastReduction = loop;
  std::optional<unsigned> inner;
  for (unsigned loop = 0; loop < count; ++loop) {
    if (!isParallel(loop) && loop != lastReduction)
      continue;
    // Loops of one iteration say nothing.
    int64_t own = sizes[loop] == 1 ? -1 : score[loop];
    int64_t best = !inner ? -2 : sizes[*inner] == 1 ? -1 : score[*inner];
    if (own >= best)
      inner = loop;
  }
  auto readsOnlyParallel = [&](OpOperand &operand) {
    AffineMap map = maps[operand.getOperandNumber()];
    for (unsigned loop = 0; loop < count; ++loop)
      if (!isParallel(loop) && map.isFunctionOfDim(loop))
        return false;
    return true;
  };
  keepsResults = inner && !isParallel(*inner) &&
                 llvm::all_of(op.getDpsInitsMutable(), readsOnlyParallel);
  auto append = [&](bool parallel) {
    for (unsigned loop = 0; loop < count; ++loop)
      if (isParallel(loop) == parallel && loop != inner)
        order.push_back(loop);
  };
  append(true);
  append(false);
  if (inner)
    order.push_back(*inner);
  // Squares are of two loops of which neither adds up.
  if (!inner || !isParallel(*inner) || ofResult != inner ||
      op.getNumParallelLoops() != count)
    return;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    AffineMap map = maps[operand->getOperandNumber()];
    std::optional<unsigned> loop = loopAlong(operand->get(), map);
    if (loop && loop != inner && isParallel(*loop) && sizes[*loop] != 1 &&
        map.isFunctionOfDim(*inner))
      crossing = loop;
  }
  // It goes next to the innermost one.
  if (crossing) {
    llvm::erase(order, *crossing);
    order.insert(order.end() - 1, *crossing);
  }
}

std::optional<int64_t> LoopNest::work() const {
  int64_t all = cost;
  for (int64_t size : sizes) {
    if (ShapedType::isDynamic(size))
      return std::nullopt;
    if (llvm::MulOverflow(all, size, all))
      return std::numeric_limits<int64_t>::max();
  }
  return all;
}

std::string LoopNest::describe() const {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "loops in the order ";
  llvm::interleaveComma(order, out);
  if (keepsResults)
    out << ", results kept in registers";
  if (crossing)
    out << ", " << *crossing << " and " << order.back() << " in squares";
  out << "; an iteration costs " << cost << " reads";
  return text;
}

Value rlx::applyToLoops(LoopBuilder &b, AffineExpr expr, ArrayRef<Value> ivs) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return ivs[dim.getPosition()];
  SmallVector<AffineExpr> dims(ivs.size(), b.getAffineConstantExpr(0));
  SmallVector<Value> used;
  for (auto [i, iv] : llvm::enumerate(ivs))
    if (expr.isFunctionOfDim(i)) {
      dims[i] = b.getAffineDimExpr(used.size());
      used.push_back(iv);
    }
  return affine::AffineApplyOp::create(
      b, AffineMap::get(used.size(), 0, expr.replaceDims(dims)), used);
}
