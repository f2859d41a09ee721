//===- Decompose.cpp - Composite operations to plain linalg ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations that MLIR describes by others, which is where their numbers come
// from: neither loops nor kernels are made for them as a whole.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rlx {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// Whether `op` is on tensors, all of known rank; only those are rewritten.
static bool isOnRankedTensors(Operation *op) {
  auto fits = [](Type type) {
    return !isa<ShapedType>(type) || isa<RankedTensorType>(type);
  };
  return op->getNumResults() > 0 && llvm::all_of(op->getOperandTypes(), fits) &&
         llvm::all_of(op->getResultTypes(), fits);
}

/// tensor.reshape ==> one dimension of all elements, then the new ones. That
/// the sizes fit was checked.
static void lowerReshape(RewriterBase &b, tensor::ReshapeOp op) {
  auto source = cast<RankedTensorType>(op.getSource().getType());
  auto result = cast<RankedTensorType>(op.getType());
  Location loc = op.getLoc();
  auto all = [](RankedTensorType type) {
    SmallVector<ReassociationIndices> groups;
    if (type.getRank() != 0)
      groups.push_back(llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())));
    return groups;
  };
  // What the result's type knows of the number of elements.
  int64_t count =
      result.hasStaticShape() ? result.getNumElements() : ShapedType::kDynamic;
  auto flatType = RankedTensorType::get({count}, result.getElementType());
  Value flat = op.getSource();
  if (source.getRank() == 0)
    flat = tensor::ExpandShapeOp::create(
        b, loc, RankedTensorType::get({1}, source.getElementType()), flat,
        all(source));
  else if (source.getRank() > 1)
    flat = tensor::CollapseShapeOp::create(b, loc, flat, all(source));
  if (flat.getType() != flatType)
    flat = tensor::CastOp::create(b, loc, flatType, flat);
  if (result.getRank() == 0) {
    b.replaceOpWithNewOp<tensor::CollapseShapeOp>(op, result, flat,
                                                  all(result));
    return;
  }
  if (result.getRank() == 1)
    return b.replaceOp(op, flat);
  SmallVector<OpFoldResult> sizes;
  for (auto [i, size] : llvm::enumerate(result.getShape())) {
    if (!ShapedType::isDynamic(size)) {
      sizes.push_back(b.getIndexAttr(size));
      continue;
    }
    Value index = arith::ConstantIndexOp::create(b, loc, i);
    Value given = tensor::ExtractOp::create(b, loc, op.getShape(), index);
    if (!given.getType().isIndex())
      given = arith::IndexCastOp::create(b, loc, b.getIndexType(), given);
    sizes.push_back(given);
  }
  b.replaceOpWithNewOp<tensor::ExpandShapeOp>(op, result, flat, all(result),
                                              sizes);
}

/// ub.poison, which stands where control flow has no value for a tensor, ==> an
/// empty one: nobody reads it.
static void lowerPoison(RewriterBase &b, ub::PoisonOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<Value> sizes;
  if (type.getNumDynamicDims() > 0)
    sizes.assign(type.getNumDynamicDims(),
                 arith::ConstantIndexOp::create(b, op.getLoc(), 0));
  b.replaceOpWithNewOp<tensor::EmptyOp>(op, type, sizes);
}

namespace {
struct DecomposePass : rlx::impl::DecomposePassBase<DecomposePass> {
  void runOnOperation() override {
    SmallVector<Operation *> found;
    getOperation().walk([&](Operation *op) {
      if (isa<linalg::AggregatedOpInterface, linalg::PackOp, linalg::UnPackOp,
              tensor::ReshapeOp, ub::PoisonOp>(op) &&
          isOnRankedTensors(op))
        found.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : found) {
      rewriter.setInsertionPoint(op);
      // What cannot be decomposed stays, for --rlx-check-tensors to refuse.
      if (auto poison = dyn_cast<ub::PoisonOp>(op)) {
        auto type = dyn_cast<RankedTensorType>(poison.getType());
        if (type && !type.getEncoding())
          lowerPoison(rewriter, poison);
      } else if (auto reshape = dyn_cast<tensor::ReshapeOp>(op)) {
        lowerReshape(rewriter, reshape);
      } else if (auto pack = dyn_cast<linalg::PackOp>(op)) {
        (void)linalg::lowerPack(rewriter, pack);
      } else if (auto unpack = dyn_cast<linalg::UnPackOp>(op)) {
        (void)linalg::lowerUnPack(rewriter, unpack);
      } else {
        auto parts = cast<linalg::AggregatedOpInterface>(op).decomposeOperation(
            rewriter);
        if (succeeded(parts))
          rewriter.replaceOp(op, *parts);
      }
    }
  }
};
} // namespace
