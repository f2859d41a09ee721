//===- GatherLoops.cpp - tensor.gather and scatter by elements ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/checks/GatherLoops.h"

#include "passes/checks/SizeChecks.h"

using namespace mlir;
using namespace rlx;

namespace {
/// A gather or a scatter: `slices` has an element for each of the leading sizes
/// of `indices` and each element of a slice of `whole`.
class GatherLoops {
public:
  GatherLoops(Operation *op, Value whole, Value indices,
              ArrayRef<int64_t> dimensions, RankedTensorType slices)
      : b(op->getLoc(), op), whole(whole), indices(indices),
        dimensions(dimensions), slices(slices) {}

  /// The sizes of `slices`.
  SmallVector<OpFoldResult> sizes();
  /// Where in `whole` the element at `position` of `slices` is.
  SmallVector<Value> positionInWhole(OpBuilder &inner, ValueRange position);

  ImplicitLocOpBuilder b;

private:
  int64_t leading() const { return tensorOf(indices).getRank() - 1; }
  /// Dimensions that are taken from the indices may be left out.
  bool isReduced() const {
    return slices.getRank() < leading() + tensorOf(whole).getRank();
  }
  bool isIndexed(int64_t dimension) const {
    return llvm::is_contained(dimensions, dimension);
  }

  Value whole, indices;
  ArrayRef<int64_t> dimensions;
  RankedTensorType slices;
};
} // namespace

SmallVector<OpFoldResult> GatherLoops::sizes() {
  SmallVector<OpFoldResult> result;
  for (int64_t i = 0; i < leading(); ++i)
    result.push_back(tensor::getMixedSize(b, b.getLoc(), indices, i));
  for (int64_t i = 0; i < tensorOf(whole).getRank(); ++i)
    if (!isIndexed(i))
      result.push_back(tensor::getMixedSize(b, b.getLoc(), whole, i));
    else if (!isReduced())
      result.push_back(b.getIndexAttr(1));
  return result;
}

SmallVector<Value> GatherLoops::positionInWhole(OpBuilder &inner,
                                                ValueRange position) {
  Location loc = b.getLoc();
  SmallVector<Value> result(tensorOf(whole).getRank());
  int64_t next = leading();
  for (auto [i, at] : llvm::enumerate(result)) {
    auto given = llvm::find(dimensions, int64_t(i));
    if (given == dimensions.end()) {
      at = position[next++];
      continue;
    }
    next += !isReduced();
    SmallVector<Value> tuple(position.take_front(leading()));
    tuple.push_back(
        arith::ConstantIndexOp::create(inner, loc, given - dimensions.begin()));
    at = tensor::ExtractOp::create(inner, loc, indices, tuple);
    if (!at.getType().isIndex())
      at = arith::IndexCastOp::create(inner, loc, inner.getIndexType(), at);
  }
  return result;
}

static void replaceGather(tensor::GatherOp op) {
  RankedTensorType type = op.getResultType();
  GatherLoops loops(op, op.getSource(), op.getIndices(), op.getGatherDims(),
                    type);
  ImplicitLocOpBuilder &b = loops.b;
  Value empty =
      tensor::EmptyOp::create(b, loops.sizes(), type.getElementType());
  if (empty.getType() != type)
    empty = tensor::CastOp::create(b, type, empty);
  SmallVector<utils::IteratorType> parallel(type.getRank(),
                                            utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      b, type, ValueRange(), empty, b.getMultiDimIdentityMap(type.getRank()),
      parallel, [&](OpBuilder &inner, Location loc, ValueRange) {
        SmallVector<Value> position;
        for (int64_t i = 0; i < type.getRank(); ++i)
          position.push_back(linalg::IndexOp::create(inner, loc, i));
        auto element = tensor::ExtractOp::create(
            inner, loc, op.getSource(), loops.positionInWhole(inner, position));
        linalg::YieldOp::create(inner, loc, element.getResult());
      });
  generic.walk([&](tensor::ExtractOp extract) {
    if (extract.getTensor() == op.getSource())
      SizeChecks(extract).insert();
  });
  op->replaceAllUsesWith(generic.getResults());
  op.erase();
}

static void replaceScatter(tensor::ScatterOp op) {
  GatherLoops loops(op, op.getDest(), op.getIndices(), op.getScatterDims(),
                    op.getSourceType());
  ImplicitLocOpBuilder &b = loops.b;
  SmallVector<Value> bounds = getValueOrCreateConstantIndexOp(
      b, b.getLoc(), tensor::getMixedSizes(b, b.getLoc(), op.getSource()));
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value one = arith::ConstantIndexOp::create(b, 1);
  size_t rank = bounds.size();
  scf::LoopNest nest = scf::buildLoopNest(
      b, b.getLoc(), SmallVector<Value>(rank, zero), bounds,
      SmallVector<Value>(rank, one), op.getDest(),
      [&](OpBuilder &inner, Location loc, ValueRange position,
          ValueRange carried) -> scf::ValueVector {
        Value element =
            tensor::ExtractOp::create(inner, loc, op.getSource(), position);
        auto insert =
            tensor::InsertOp::create(inner, loc, element, carried.front(),
                                     loops.positionInWhole(inner, position));
        SizeChecks(insert).insert();
        return {insert.getResult()};
      });
  op->replaceAllUsesWith(ValueRange(nest.results));
  op.erase();
}

bool rlx::replaceByElements(Operation *op) {
  auto gather = dyn_cast<tensor::GatherOp>(op);
  auto scatter = dyn_cast<tensor::ScatterOp>(op);
  if (gather && gather.getIndicesType().getRank() > 0)
    replaceGather(gather);
  else if (scatter && scatter.getIndicesType().getRank() > 0)
    replaceScatter(scatter);
  else
    return false;
  return true;
}
