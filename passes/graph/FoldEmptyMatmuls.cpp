//===- FoldEmptyMatmuls.cpp - Products over nothing, or of nothing --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels cut K and N into tiles and count on at least one of each. A sum over
// no elements is its bias, or zero; a result without columns is empty. Nor do
// buffers have views behind their last element, where parts without elements
// may lie.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/support/QuantizedOperand.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

namespace rlx {
#define GEN_PASS_DEF_FOLDEMPTYMATMULSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// `sizes` as a tensor of the type `type`, filled with zeros or with the rows
/// of `bias`.
static Value createSums(ImplicitLocOpBuilder &b, RankedTensorType type,
                        ArrayRef<OpFoldResult> sizes, Value bias) {
  Value sums = tensor::EmptyOp::create(b, sizes, type.getElementType());
  if (bias) {
    int64_t rank = type.getRank();
    sums = linalg::BroadcastOp::create(
               b, bias, sums, llvm::to_vector(llvm::seq<int64_t>(0, rank - 1)))
               ->getResult(0);
  } else {
    Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
    sums = linalg::FillOp::create(b, zero, sums).getResult(0);
  }
  if (sums.getType() != type)
    sums = tensor::CastOp::create(b, type, sums);
  return sums;
}

static bool isEmpty(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && llvm::is_contained(tensor.getShape(), 0);
}

/// The sizes of what `op` gives, a reshape of a tensor that has no elements.
static SmallVector<OpFoldResult> sizesOf(ImplicitLocOpBuilder &b,
                                         tensor::CollapseShapeOp op) {
  SmallVector<OpFoldResult> source =
      tensor::getMixedSizes(b, b.getLoc(), op.getSrc());
  SmallVector<OpFoldResult> sizes;
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    auto isZero = [&](int64_t i) { return op.getSrcType().getDimSize(i) == 0; };
    if (llvm::any_of(group, isZero)) {
      sizes.push_back(b.getIndexAttr(0));
      continue;
    }
    Value size = arith::ConstantIndexOp::create(b, 1);
    for (int64_t i : group)
      size = b.createOrFold<arith::MulIOp>(
          size, getValueOrCreateConstantIndexOp(b, b.getLoc(), source[i]));
    sizes.push_back(getAsOpFoldResult(size));
  }
  return sizes;
}

/// Replaces what takes, puts or pads parts of a tensor that have no elements,
/// and reshapes of it, whose sizes upstream tells in two ways.
static void foldEmptyParts(Operation *op) {
  ImplicitLocOpBuilder b(op->getLoc(), op);
  auto replace = [&](Value value) {
    Type type = op->getResult(0).getType();
    if (value.getType() != type)
      value = tensor::CastOp::create(b, type, value);
    op->replaceAllUsesWith(ValueRange{value});
    op->erase();
  };
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    if (isEmpty(insert.getSourceType()))
      replace(insert.getDest());
    return;
  }
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  Type element = result.getElementType();
  auto collapse = dyn_cast<tensor::CollapseShapeOp>(op);
  if (collapse && isEmpty(collapse.getSrcType()))
    return replace(tensor::EmptyOp::create(b, sizesOf(b, collapse), element));
  auto expand = dyn_cast<tensor::ExpandShapeOp>(op);
  if (expand && isEmpty(result))
    return replace(
        tensor::EmptyOp::create(b, expand.getMixedOutputShape(), element));
  if (isEmpty(result)) {
    ReifiedRankedShapedTypeDims sizes;
    if (succeeded(reifyResultShapes(b, op, sizes)))
      replace(tensor::EmptyOp::create(b, sizes.front(), element));
    return;
  }
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    Value number = pad.getConstantPaddingValue();
    ReifiedRankedShapedTypeDims sizes;
    if (!isEmpty(pad.getSourceType()) || !number ||
        failed(reifyResultShapes(b, op, sizes)))
      return;
    // It may be a constant of the region.
    Operation *constant = number.getDefiningOp();
    if (constant && pad->isProperAncestor(constant))
      number = b.clone(*constant)->getResult(0);
    Value all = tensor::EmptyOp::create(b, sizes.front(), element);
    return replace(linalg::FillOp::create(b, number, all).getResult(0));
  }
  auto concat = dyn_cast<tensor::ConcatOp>(op);
  if (!concat)
    return;
  SmallVector<Value> parts(
      llvm::make_filter_range(concat.getInputs(), [&](Value part) {
        auto type = cast<RankedTensorType>(part.getType());
        return type.getDimSize(concat.getDim()) != 0;
      }));
  if (parts.empty() || parts.size() == concat.getInputs().size())
    return;
  replace(parts.size() == 1
              ? parts.front()
              : Value(tensor::ConcatOp::create(b, concat.getDim(), parts)));
}

namespace {
struct FoldEmptyMatmulsPass
    : rlx::impl::FoldEmptyMatmulsPassBase<FoldEmptyMatmulsPass> {
  void runOnOperation() override {
    SmallVector<Operation *> all, parts;
    getOperation().walk([&](Operation *op) {
      if (isa<MatmulOp, GatherMatmulOp>(op))
        all.push_back(op);
      else if (isa<tensor::CollapseShapeOp, tensor::ConcatOp,
                   tensor::ExpandShapeOp, tensor::ExtractSliceOp,
                   tensor::InsertSliceOp, tensor::PadOp>(op))
        parts.push_back(op);
    });
    for (Operation *op : parts)
      foldEmptyParts(op);
    for (Operation *op : all) {
      LogicalResult result = success();
      if (auto matmul = dyn_cast<MatmulOp>(op))
        result = fold(matmul);
      else
        result = fold(cast<GatherMatmulOp>(op));
      if (failed(result))
        return signalPassFailure();
    }
  }

  template <typename OpT> static LogicalResult fold(OpT op) {
    auto weight = cast<RankedTensorType>(op.getWeight().getType());
    int64_t n = weight.getShape().end()[-2], k = weight.getShape().back();
    if ((n != 0 && k != 0) || !isNormalMatmul(op))
      return success();
    ImplicitLocOpBuilder b(op.getLoc(), op);
    SmallVector<OpFoldResult> sizes;
    Value bias = op.getBias();
    if constexpr (std::is_same_v<OpT, GatherMatmulOp>) {
      sizes = tensor::getMixedSizes(b, b.getLoc(), op.getIds());
      if (bias && n != 0)
        return op.emitOpError("expected experts with at least one column of "
                              "the weight where there is a bias, but got ")
               << weight;
      bias = nullptr;
    } else {
      sizes = {tensor::getMixedSize(b, b.getLoc(), op.getX(), 0)};
    }
    sizes.push_back(tensor::getMixedSize(b, b.getLoc(), op.getWeight(),
                                         weight.getRank() - 2));
    if (bias && tensor::getMixedSize(b, b.getLoc(), bias, 0) != sizes.back())
      bias = tensor::CastOp::create(
          b, RankedTensorType::get({n}, b.getF32Type()), bias);
    op.replaceAllUsesWith(
        createSums(b, cast<RankedTensorType>(op.getType()), sizes, bias));
    op.erase();
    return success();
  }
};
} // namespace
