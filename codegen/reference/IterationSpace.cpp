//===- IterationSpace.cpp - The points of linalg's loops ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/IterationSpace.h"

#include "ir/Scheme.h"

using namespace mlir;
using namespace rlx;

/// Adds `scale` times an expression that is a sum of multiples of loops.
static bool addLinear(AffineExpr expr, int64_t scale,
                      std::vector<int64_t> &factors, int64_t &constant) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    factors[dim.getPosition()] += scale;
    return true;
  }
  if (auto number = dyn_cast<AffineConstantExpr>(expr)) {
    constant += scale * number.getValue();
    return true;
  }
  auto both = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!both)
    return false;
  if (both.getKind() == AffineExprKind::Add)
    return addLinear(both.getLHS(), scale, factors, constant) &&
           addLinear(both.getRHS(), scale, factors, constant);
  auto factor = dyn_cast<AffineConstantExpr>(both.getRHS());
  return both.getKind() == AffineExprKind::Mul && factor &&
         addLinear(both.getLHS(), scale * factor.getValue(), factors, constant);
}

OperandAccess::OperandAccess(AffineMap map, ArrayRef<int64_t> shape)
    : map(map), shape(shape), strides(stridesOf(shape)) {
  std::vector<int64_t> all(map.getNumDims());
  bool isLinear = true;
  for (auto [expr, stride] : llvm::zip(map.getResults(), strides))
    isLinear = isLinear && addLinear(expr, stride, all, constant);
  if (isLinear)
    factors = std::move(all);
}

void OperandAccess::positions(ArrayRef<std::vector<int64_t>> points,
                              int64_t count,
                              SmallVectorImpl<int64_t> &result) const {
  if (factors) {
    result.assign(count, constant);
    for (auto [factor, column] : llvm::zip(*factors, points))
      if (factor)
        for (int64_t i = 0; i < count; ++i)
          result[i] += factor * column[i];
    return;
  }
  result.assign(count, 0);
  SmallVector<int64_t> point(points.size());
  for (int64_t i = 0; i < count; ++i) {
    for (auto [index, column] : llvm::zip(point, points))
      index = column[i];
    for (auto [expr, stride] : llvm::zip(map.getResults(), strides))
      result[i] += evaluate(expr, point) * stride;
  }
}

/// The least and the largest value of an expression of loops, or nothing where
/// it divides by 0. Exact for what operands are indexed with.
static std::optional<std::pair<int64_t, int64_t>>
rangeOf(AffineExpr expr, ArrayRef<int64_t> lengths) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return std::pair<int64_t, int64_t>(0, lengths[dim.getPosition()] - 1);
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return std::pair(number.getValue(), number.getValue());
  auto both = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!both)
    return std::nullopt;
  auto a = rangeOf(both.getLHS(), lengths), b = rangeOf(both.getRHS(), lengths);
  if (!a || !b)
    return std::nullopt;
  if (both.getKind() == AffineExprKind::Add)
    return std::pair(a->first + b->first, a->second + b->second);
  auto number = dyn_cast<AffineConstantExpr>(both.getRHS());
  if (!number)
    return std::nullopt;
  int64_t by = number.getValue();
  switch (both.getKind()) {
  case AffineExprKind::Mul:
    return std::pair(std::min(a->first * by, a->second * by),
                     std::max(a->first * by, a->second * by));
  case AffineExprKind::FloorDiv:
    if (by <= 0)
      return std::nullopt;
    return std::pair(llvm::divideFloorSigned(a->first, by),
                     llvm::divideFloorSigned(a->second, by));
  case AffineExprKind::CeilDiv:
    if (by <= 0)
      return std::nullopt;
    return std::pair(llvm::divideCeilSigned(a->first, by),
                     llvm::divideCeilSigned(a->second, by));
  case AffineExprKind::Mod:
    if (by <= 0)
      return std::nullopt;
    if (a->second - a->first < by &&
        llvm::mod(a->first, by) <= llvm::mod(a->second, by))
      return std::pair(llvm::mod(a->first, by), llvm::mod(a->second, by));
    return std::pair<int64_t, int64_t>(0, by - 1);
  default:
    return std::nullopt;
  }
}

LogicalResult OperandAccess::check(Operation *op, unsigned operand,
                                   ArrayRef<int64_t> lengths) const {
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    auto range = rangeOf(expr, lengths);
    if (!range)
      return op->emitOpError()
             << "cannot be verified: how far dimension " << i << " of operand "
             << operand << " is indexed is not known";
    if (range->first < 0 || range->second >= shape[i])
      return op->emitOpError()
             << "expected dimension " << i << " of operand " << operand
             << " to have at least " << range->second + 1
             << " elements for its loops, but got " << shape[i];
  }
  return success();
}

FailureOr<std::vector<int64_t>> rlx::loopLengths(linalg::LinalgOp op,
                                                 ArrayRef<Datum> operands) {
  std::vector<int64_t> lengths(op.getNumLoops(), -1);
  std::vector<std::pair<unsigned, unsigned>> sources(op.getNumLoops());
  for (auto [operand, map] : llvm::enumerate(op.getIndexingMapsArray()))
    for (auto [i, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim)
        continue;
      int64_t &length = lengths[dim.getPosition()];
      auto &source = sources[dim.getPosition()];
      int64_t size = operands[operand].shape()[i];
      if (length < 0) {
        length = size;
        source = {operand, i};
      } else if (length != size) {
        return op->emitOpError()
               << "expected dimension " << i << " of operand " << operand
               << " to have " << length << " elements as dimension "
               << source.second << " of operand " << source.first
               << " has, but got " << size;
      }
    }
  for (auto [i, length] : llvm::enumerate(lengths))
    if (length < 0)
      return op->emitOpError() << "cannot be verified: nothing says how long "
                                  "loop "
                               << i << " is";
  return lengths;
}

PointBatches::PointBatches(ArrayRef<unsigned> loops, ArrayRef<int64_t> all,
                           int64_t most)
    : loops(loops), index(loops.size()), left(1), most(most) {
  for (unsigned loop : loops) {
    lengths.push_back(all[loop]);
    left *= all[loop];
  }
}

int64_t PointBatches::next(std::vector<std::vector<int64_t>> &points) {
  int64_t count = std::min(left, most);
  left -= count;
  for (unsigned loop : loops)
    points[loop].resize(most);
  size_t last = loops.size();
  for (int64_t at = 0; at < count;) {
    if (last == 0)
      return count;
    // Runs of the innermost loop.
    int64_t &inner = index[last - 1];
    int64_t length = std::min(count - at, lengths[last - 1] - inner);
    for (size_t i = 0; i + 1 < last; ++i)
      std::fill_n(points[loops[i]].begin() + at, length, index[i]);
    for (int64_t i = 0; i < length; ++i)
      points[loops[last - 1]][at + i] = inner + i;
    at += length;
    inner += length;
    for (size_t i = last; i-- > 0 && index[i] == lengths[i];) {
      index[i] = 0;
      if (i > 0)
        ++index[i - 1];
    }
  }
  return count;
}
