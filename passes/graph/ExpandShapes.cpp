//===- ExpandShapes.cpp - memref.expand_shape with sizes as given ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/graph/ExpandShapes.h"
#include "passes/PassDetail.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rlx {
#define GEN_PASS_DEF_EXPANDSHAPESPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct ExpandShape : OpRewritePattern<memref::ExpandShapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::ExpandShapeOp op,
                                PatternRewriter &rewriter) const override {
    // Upstream keeps more static where it can tell the sizes.
    MemRefType type = op.getResultType();
    auto isUnclear = [&](ArrayRef<int64_t> group) {
      return llvm::count_if(group, [&](int64_t dim) {
               return type.isDynamicDim(dim);
             }) > 1;
    };
    if (llvm::none_of(op.getReassociationIndices(), isUnclear))
      return rewriter.notifyMatchFailure(op, "upstream's pattern takes it");
    Location loc = op.getLoc();
    auto source =
        memref::ExtractStridedMetadataOp::create(rewriter, loc, op.getSrc());
    SmallVector<OpFoldResult> sizes = op.getMixedOutputShape(),
                              strides(type.getRank()),
                              sourceStrides =
                                  source.getConstifiedMixedStrides();
    AffineExpr a, b;
    bindSymbols(rewriter.getContext(), a, b);
    for (auto [i, group] : llvm::enumerate(op.getReassociationIndices())) {
      OpFoldResult stride = sourceStrides[i];
      for (int64_t dim : llvm::reverse(group)) {
        strides[dim] = stride;
        stride = affine::makeComposedFoldedAffineApply(rewriter, loc, a * b,
                                                       {stride, sizes[dim]});
      }
    }
    // Sizes and strides that the type has are static, the others are not.
    auto [typeStrides, typeOffset] = type.getStridesAndOffset();
    auto asTyped = [&](OpFoldResult value, int64_t typed) -> OpFoldResult {
      if (!ShapedType::isDynamic(typed))
        return rewriter.getIndexAttr(typed);
      return getValueOrCreateConstantIndexOp(rewriter, loc, value);
    };
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      sizes[dim] = asTyped(sizes[dim], type.getDimSize(dim));
      strides[dim] = asTyped(strides[dim], typeStrides[dim]);
    }
    OpFoldResult offset =
        asTyped(source.getConstifiedMixedOffset(), typeOffset);
    rewriter.replaceOpWithNewOp<memref::ReinterpretCastOp>(
        op, type, source.getBaseBuffer(), offset, sizes, strides);
    return success();
  }
};
} // namespace

void rlx::expandShapes(Operation *root) {
  SmallVector<Operation *> shapes;
  root->walk([&](memref::ExpandShapeOp op) { shapes.push_back(op); });
  RewritePatternSet patterns(root->getContext());
  patterns.add<ExpandShape>(root->getContext());
  (void)applyOpPatternsGreedily(shapes, std::move(patterns));
}

namespace {
/// For pipelines that use upstream's --expand-strided-metadata.
struct ExpandShapesPass : rlx::impl::ExpandShapesPassBase<ExpandShapesPass> {
  void runOnOperation() override { expandShapes(getOperation()); }
};
} // namespace
