//===- Contraction.cpp - A linalg operation as a product of matrices ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/linalg/Contraction.h"

#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace rlx;

bool ContractionOperand::has(unsigned loop) const {
  return llvm::any_of(
      dims, [&](AffineExpr expr) { return expr.isFunctionOfDim(loop); });
}

std::optional<unsigned> ContractionOperand::dimensionOf(unsigned loop) const {
  for (auto [i, expr] : llvm::enumerate(dims))
    if (auto dim = dyn_cast<AffineDimExpr>(expr);
        dim && dim.getPosition() == loop)
      return i;
  return std::nullopt;
}

bool ContractionOperand::isContiguousAlong(std::optional<unsigned> loop) const {
  if (!loop || dims.empty())
    return false;
  SmallVector<int64_t> strides;
  int64_t offset;
  // Vectors are loaded along the last dimension, and no other one moves.
  if (failed(type().getStridesAndOffset(strides, offset)) ||
      strides.back() != 1 ||
      llvm::any_of(ArrayRef(dims).drop_back(), [&](AffineExpr expr) {
        return expr.isFunctionOfDim(*loop);
      }))
    return false;
  auto isLoop = [&](AffineExpr expr) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    return dim && dim.getPosition() == *loop;
  };
  if (isLoop(dims.back()))
    return true;
  auto sum = dyn_cast<AffineBinaryOpExpr>(dims.back());
  return sum && sum.getKind() == AffineExprKind::Add &&
         ((isLoop(sum.getLHS()) && !sum.getRHS().isFunctionOfDim(*loop)) ||
          (isLoop(sum.getRHS()) && !sum.getLHS().isFunctionOfDim(*loop)));
}

int64_t Contraction::size(std::optional<unsigned> loop) const {
  if (!loop)
    return 1;
  for (const ContractionOperand *operand :
       {static_cast<const ContractionOperand *>(&a),
        static_cast<const ContractionOperand *>(&b), &c})
    if (std::optional<unsigned> i = operand->dimensionOf(*loop)) {
      auto type = cast<ShapedType>(operand->memref.getType());
      if (!type.isDynamicDim(*i))
        return type.getDimSize(*i);
    }
  return ShapedType::kDynamic;
}

std::optional<int64_t> Contraction::products() const {
  int64_t count = 1;
  SmallVector<std::optional<unsigned>> all = {m, n, k};
  all.append(outer.begin(), outer.end());
  all.append(outerK.begin(), outerK.end());
  for (std::optional<unsigned> loop : all) {
    int64_t each = size(loop);
    if (ShapedType::isDynamic(each))
      return std::nullopt;
    if (llvm::MulOverflow(count, each, count))
      return std::numeric_limits<int64_t>::max();
  }
  return count;
}

//===----------------------------------------------------------------------===//
// The loops
//===----------------------------------------------------------------------===//

namespace {
/// The loops by what they do.
struct LoopGroups {
  SmallVector<unsigned> batch, m, n, k;
};
} // namespace

static bool readMap(AffineMap map, Value value, ContractionOperand &operand) {
  if (!isa<ShapedType>(value.getType()))
    return false;
  operand.memref = value;
  operand.dims.assign(map.getResults().begin(), map.getResults().end());
  return true;
}

/// Sorts loops by which operands they index. linalg::inferContractionDims takes
/// neither windows nor products with vectors, which have no m or no n.
static std::optional<LoopGroups> groupLoops(linalg::LinalgOp op,
                                            const Contraction &found) {
  LoopGroups groups;
  // linalg::inferContractionDims looks only at loops that index a dimension
  // alone; one that is a part of a window, i + j, is read all the same.
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    bool inA = found.a.has(loop), inB = found.b.has(loop),
         inC = found.c.has(loop);
    if (inC && (inA || inB))
      (inA && inB ? groups.batch : inA ? groups.m : groups.n).push_back(loop);
    else if (inA && inB)
      groups.k.push_back(loop);
    else
      return std::nullopt;
  }
  if (groups.k.empty())
    return std::nullopt;
  return groups;
}

/// Whether `second` follows `first` in `operand` so that both are one
/// dimension, or neither is in it.
static bool canCollapse(const ContractionOperand &operand, unsigned first,
                        unsigned second) {
  if (!operand.has(first) && !operand.has(second))
    return true;
  std::optional<unsigned> at = operand.dimensionOf(first);
  if (!at || operand.dimensionOf(second) != *at + 1)
    return false;
  SmallVector<ReassociationIndices> groups;
  for (auto [i, expr] : llvm::enumerate(operand.dims)) {
    bool isOther = i != *at && i != *at + 1;
    if (isOther &&
        (expr.isFunctionOfDim(first) || expr.isFunctionOfDim(second)))
      return false;
    if (i == *at + 1)
      groups.back().push_back(i);
    else
      groups.push_back({int64_t(i)});
  }
  return memref::CollapseShapeOp::isGuaranteedCollapsible(operand.type(),
                                                          groups);
}

static void collapse(OpBuilder &builder, Location loc,
                     ContractionOperand &operand, unsigned first,
                     unsigned second) {
  if (!operand.has(first))
    return;
  SmallVector<ReassociationIndices> groups;
  unsigned gone = *operand.dimensionOf(second);
  for (unsigned i = 0; i < operand.dims.size(); ++i)
    if (i == gone)
      groups.back().push_back(i);
    else
      groups.push_back({int64_t(i)});
  operand.memref =
      memref::CollapseShapeOp::create(builder, loc, operand.memref, groups);
  operand.dims.erase(operand.dims.begin() + gone);
}

/// Makes loops of `group` one where all operands allow it.
static void collapseGroup(OpBuilder &builder, Location loc, Contraction &found,
                          SmallVectorImpl<unsigned> &group) {
  SmallVector<ContractionOperand *> operands = {&found.a, &found.b, &found.c};
  if (found.epilogue) {
    for (ContractionOperand &input : found.epilogue->inputs)
      operands.push_back(&input);
    operands.push_back(&found.epilogue->result);
  }
  auto findPair = [&]() -> std::optional<std::pair<unsigned, unsigned>> {
    for (unsigned first : group)
      for (unsigned second : group)
        if (first != second &&
            llvm::all_of(operands, [&](ContractionOperand *operand) {
              return canCollapse(*operand, first, second);
            }))
          return std::make_pair(first, second);
    return std::nullopt;
  };
  while (auto pair = findPair()) {
    auto [first, second] = *pair;
    for (ContractionOperand *operand : operands)
      collapse(builder, loc, *operand, first, second);
    llvm::erase(group, second);
  }
}

/// The loop of `group` that is best by `isBetter`, taken out of it.
template <typename Better>
static std::optional<unsigned> take(SmallVectorImpl<unsigned> &group,
                                    Better isBetter) {
  if (group.empty())
    return std::nullopt;
  unsigned best = group.front();
  for (unsigned loop : group)
    if (loop != best && isBetter(loop, best))
      best = loop;
  llvm::erase(group, best);
  return best;
}

/// Chooses m, n and k among the loops; may change the roles of a and b.
static void chooseLoops(Contraction &found, LoopGroups &groups, int64_t lanes) {
  // What is not known is taken for large.
  auto size = [&](unsigned loop) {
    int64_t known = found.size(loop);
    return ShapedType::isDynamic(known) ? std::numeric_limits<int64_t>::max()
                                        : known;
  };
  auto position = [&](unsigned loop) { return *found.c.dimensionOf(loop); };
  // What c has side by side, unless vectors would be mostly empty while there
  // is something longer.
  auto isBetterN = [&](unsigned loop, unsigned best) {
    bool fills = size(loop) >= lanes / 2, filled = size(best) >= lanes / 2;
    if (fills != filled)
      return size(loop) > size(best);
    return position(loop) > position(best);
  };
  SmallVector<unsigned> both(groups.m);
  both.append(groups.n);
  found.n = take(both, isBetterN);
  if (found.n && llvm::is_contained(groups.m, *found.n)) {
    std::swap(found.a, found.b);
    std::swap(groups.m, groups.n);
  }
  if (found.n)
    llvm::erase(groups.n, *found.n);
  found.m = take(groups.m, [&](unsigned loop, unsigned best) {
    if (size(loop) != size(best))
      return size(loop) > size(best);
    return position(loop) > position(best);
  });
  found.k = take(groups.k, [&](unsigned loop, unsigned best) {
    bool fills = size(loop) >= lanes, filled = size(best) >= lanes;
    if (fills && filled)
      return found.b.isContiguousAlong(loop) &&
             !found.b.isContiguousAlong(best);
    return size(loop) > size(best);
  });
  found.outer = groups.batch;
  found.outer.append(groups.m);
  found.outer.append(groups.n);
  found.outerK = groups.k;
}

/// Whether what c has side by side is a batch, with little to add up for each:
/// vectors along it, as of any other operation, do more.
static bool isBetterInPlainLoops(const Contraction &found,
                                 const LoopGroups &groups, int64_t lanes) {
  // Each loop has a dimension of its own, which says how long it is.
  for (unsigned loop = 0; loop < found.numLoops; ++loop)
    if (!found.a.dimensionOf(loop) && !found.b.dimensionOf(loop) &&
        !found.c.dimensionOf(loop))
      return true;
  if (!llvm::any_of(groups.batch, [&](unsigned loop) {
        return found.c.isContiguousAlong(loop) && found.size(loop) != 1;
      }))
    return false;
  int64_t added = 1;
  for (unsigned loop : groups.k) {
    int64_t size = found.size(loop);
    if (ShapedType::isDynamic(size))
      return false;
    added *= std::min<int64_t>(size, lanes);
  }
  return added < lanes;
}

/// Reads what `op` multiplies and adds up.
static bool readOperands(linalg::LinalgOp op, Contraction &found) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1)
    return false;
  found.numLoops = op.getNumLoops();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  return readMap(maps[0], op->getOperand(0), found.a) &&
         readMap(maps[1], op->getOperand(1), found.b) &&
         readMap(maps[2], op->getOperand(2), found.c) &&
         maps[2].isProjectedPermutation() && readContractionBody(op, found);
}

std::optional<Contraction> Contraction::ofTensors(linalg::LinalgOp op,
                                                  int64_t lanes) {
  Contraction found;
  if (!op.hasPureTensorSemantics() || !readOperands(op, found) ||
      !llvm::all_of(op.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isProjectedPermutation(); }))
    return std::nullopt;
  std::optional<LoopGroups> groups = groupLoops(op, found);
  if (!groups || groups->k.size() != 1 || found.c.dims.empty())
    return std::nullopt;
  // As chooseLoops decides, where it has no choice.
  unsigned last = cast<AffineDimExpr>(found.c.dims.back()).getPosition();
  if (llvm::is_contained(groups->m, last)) {
    std::swap(found.a, found.b);
    std::swap(groups->m, groups->n);
  }
  if (groups->n != SmallVector<unsigned>{last} || !groups->batch.empty() ||
      found.size(last) < lanes / 2)
    return std::nullopt;
  found.n = last;
  found.k = groups->k.front();
  found.outer = groups->m;
  return found;
}

bool Contraction::isOne(linalg::LinalgOp op, int64_t lanes) {
  Contraction found;
  if (!op.hasPureBufferSemantics() || !readOperands(op, found))
    return false;
  std::optional<LoopGroups> groups = groupLoops(op, found);
  return groups && !isBetterInPlainLoops(found, *groups, lanes);
}

std::optional<Contraction>
Contraction::of(linalg::LinalgOp op, int64_t lanes,
                std::optional<ContractionEpilogue> epilogue) {
  Contraction found;
  if (!op.hasPureBufferSemantics() || !readOperands(op, found))
    return std::nullopt;
  std::optional<LoopGroups> groups = groupLoops(op, found);
  if (!groups || isBetterInPlainLoops(found, *groups, lanes))
    return std::nullopt;
  found.epilogue = std::move(epilogue);
  OpBuilder builder(op);
  for (SmallVectorImpl<unsigned> *group :
       {&groups->batch, &groups->m, &groups->n, &groups->k})
    collapseGroup(builder, op.getLoc(), found, *group);
  chooseLoops(found, *groups, lanes);
  return found;
}
