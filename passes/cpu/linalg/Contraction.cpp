//===- Contraction.cpp - A linalg operation as a product of matrices ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/linalg/Contraction.h"

#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace rlx;

bool ContractionOperand::isContiguousAlong(std::optional<unsigned> loop) const {
  if (!loop || !has(*loop))
    return false;
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type().getStridesAndOffset(strides, offset)))
    return false;
  // Vectors are loaded along the last dimension.
  return loops.back() == *loop && strides.back() == 1;
}

int64_t Contraction::size(std::optional<unsigned> loop) const {
  if (!loop)
    return 1;
  for (const ContractionOperand *operand :
       {static_cast<const ContractionOperand *>(&a),
        static_cast<const ContractionOperand *>(&b), &c})
    for (auto [i, each] : llvm::enumerate(operand->loops))
      if (each == *loop && !operand->type().isDynamicDim(i))
        return operand->type().getDimSize(i);
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
// The body
//===----------------------------------------------------------------------===//

/// Whether an operation of a body can be applied to vectors.
static bool isOfSingleNumbers(Operation *op) {
  auto isNumber = [](Type type) { return type.isIntOrFloat(); };
  return op->getNumResults() == 1 && op->getNumRegions() == 0 &&
         (isa<arith::ConstantOp>(op) ||
          OpTrait::hasElementwiseMappableTraits(op)) &&
         isMemoryEffectFree(op) &&
         llvm::all_of(op->getOperandTypes(), isNumber) &&
         isNumber(op->getResult(0).getType());
}

/// Collects what `value` is computed by from `element` alone.
static bool collectConversion(Value value, ContractionFactor &factor,
                              llvm::SmallPtrSetImpl<Operation *> &ops) {
  if (value == factor.element)
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != factor.element.getOwner())
    return false;
  if (!isOfSingleNumbers(op))
    return false;
  ops.insert(op);
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return collectConversion(operand, factor, ops);
  });
}

static bool readFactor(Value value, BlockArgument element,
                       ContractionFactor &factor) {
  factor.element = element;
  factor.result = value;
  llvm::SmallPtrSet<Operation *, 4> ops;
  if (!collectConversion(value, factor, ops))
    return false;
  for (Operation &op : *element.getOwner())
    if (ops.contains(&op))
      factor.conversion.push_back(&op);
  return true;
}

/// Reads c + f(a) * g(b) from the body, in any order.
static bool readBody(linalg::LinalgOp op, Contraction &found) {
  Block &body = *op.getBlock();
  if (body.getNumArguments() != 3)
    return false;
  Operation *add = body.getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::AddFOp, arith::AddIOp>(add))
    return false;
  BlockArgument sum = body.getArgument(2);
  if (!sum.hasOneUse() || !llvm::is_contained(add->getOperands(), sum))
    return false;
  Value product = add->getOperand(add->getOperand(0) == sum ? 1 : 0);
  Operation *multiply = product.getDefiningOp();
  if (!isa_and_nonnull<arith::MulFOp, arith::MulIOp>(multiply))
    return false;
  found.type = product.getType();
  auto read = [&](unsigned first) {
    found.a.conversion.clear();
    found.b.conversion.clear();
    return readFactor(multiply->getOperand(first), body.getArgument(0),
                      found.a) &&
           readFactor(multiply->getOperand(1 - first), body.getArgument(1),
                      found.b);
  };
  return read(0) || read(1);
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
  if (!isa<MemRefType>(value.getType()) || !map.isProjectedPermutation())
    return false;
  operand.memref = value;
  for (AffineExpr expr : map.getResults())
    operand.loops.push_back(cast<AffineDimExpr>(expr).getPosition());
  return true;
}

/// Sorts loops by which operands they index. Beside what
/// linalg::inferContractionDims takes these are products with vectors, which
/// have no m or no n.
static std::optional<LoopGroups> groupLoops(linalg::LinalgOp op,
                                            const Contraction &found) {
  LoopGroups groups;
  if (auto dims = linalg::inferContractionDims(op); succeeded(dims)) {
    groups.batch.assign(dims->batch.begin(), dims->batch.end());
    groups.m.assign(dims->m.begin(), dims->m.end());
    groups.n.assign(dims->n.begin(), dims->n.end());
    groups.k.assign(dims->k.begin(), dims->k.end());
  } else {
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
      bool inA = found.a.has(loop), inB = found.b.has(loop),
           inC = found.c.has(loop);
      if (inC)
        (inA && inB ? groups.batch : inA ? groups.m : groups.n).push_back(loop);
      else if (inA && inB)
        groups.k.push_back(loop);
      if (inC && !inA && !inB)
        return std::nullopt;
    }
  }
  if (groups.k.empty() || groups.batch.size() + groups.m.size() +
                                  groups.n.size() + groups.k.size() !=
                              op.getNumLoops())
    return std::nullopt;
  return groups;
}

/// Whether `second` follows `first` in `operand` so that both are one
/// dimension, or neither is in it.
static bool canCollapse(const ContractionOperand &operand, unsigned first,
                        unsigned second) {
  auto at = llvm::find(operand.loops, first);
  if (at == operand.loops.end())
    return !operand.has(second);
  if (at + 1 == operand.loops.end() || *(at + 1) != second)
    return false;
  SmallVector<ReassociationIndices> dims;
  for (auto [i, loop] : llvm::enumerate(operand.loops)) {
    if (loop == second)
      dims.back().push_back(i);
    else
      dims.push_back({int64_t(i)});
  }
  return memref::CollapseShapeOp::isGuaranteedCollapsible(operand.type(), dims);
}

static void collapse(OpBuilder &builder, Location loc,
                     ContractionOperand &operand, unsigned first,
                     unsigned second) {
  if (!operand.has(first))
    return;
  SmallVector<ReassociationIndices> dims;
  SmallVector<unsigned> left;
  for (auto [i, loop] : llvm::enumerate(operand.loops)) {
    if (loop == second) {
      dims.back().push_back(i);
      continue;
    }
    dims.push_back({int64_t(i)});
    left.push_back(loop);
  }
  operand.memref =
      memref::CollapseShapeOp::create(builder, loc, operand.memref, dims);
  operand.loops = left;
}

/// Makes loops of `group` one where all operands allow it.
static void collapseGroup(OpBuilder &builder, Location loc, Contraction &found,
                          SmallVectorImpl<unsigned> &group) {
  auto findPair = [&]() -> std::optional<std::pair<unsigned, unsigned>> {
    for (unsigned first : group)
      for (unsigned second : group)
        if (first != second && canCollapse(found.a, first, second) &&
            canCollapse(found.b, first, second) &&
            canCollapse(found.c, first, second))
          return std::make_pair(first, second);
    return std::nullopt;
  };
  while (auto pair = findPair()) {
    auto [first, second] = *pair;
    collapse(builder, loc, found.a, first, second);
    collapse(builder, loc, found.b, first, second);
    collapse(builder, loc, found.c, first, second);
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
  auto position = [&](unsigned loop) {
    return llvm::find(found.c.loops, loop) - found.c.loops.begin();
  };
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
    return size(loop) > size(best);
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

std::optional<Contraction> Contraction::of(linalg::LinalgOp op, int64_t lanes) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInputs() != 2 ||
      op.getNumDpsInits() != 1)
    return std::nullopt;
  Contraction found;
  found.numLoops = op.getNumLoops();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (!readMap(maps[0], op->getOperand(0), found.a) ||
      !readMap(maps[1], op->getOperand(1), found.b) ||
      !readMap(maps[2], op->getOperand(2), found.c) || !readBody(op, found))
    return std::nullopt;
  std::optional<LoopGroups> groups = groupLoops(op, found);
  if (!groups)
    return std::nullopt;
  OpBuilder builder(op);
  for (SmallVectorImpl<unsigned> *group :
       {&groups->batch, &groups->m, &groups->n, &groups->k})
    collapseGroup(builder, op.getLoc(), found, *group);
  chooseLoops(found, *groups, lanes);
  return found;
}
