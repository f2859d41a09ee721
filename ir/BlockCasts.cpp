//===- BlockCasts.cpp - Matmuls on stored bytes read what was cast --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR folds tensor.cast into every operation with a destination, by a clone
// that expects regions to have blocks, which an epilogue that is not there does
// not. These patterns come first.
//
//   %x = tensor.cast %a : tensor<3x64xf32> to tensor<?x64xf32>
//   %y = rlx.block_matmul ins(%x, %w) outs(%i) ...
//   ==>
//   %y = rlx.block_matmul ins(%a, %w) outs(%i) ...
//
//===----------------------------------------------------------------------===//

#include "ir/Dialect.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace rlx;

namespace {
template <typename OpT> struct FoldCasts : OpRewritePattern<OpT> {
  explicit FoldCasts(MLIRContext *context)
      : OpRewritePattern<OpT>(context, /*benefit=*/2) {}

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> operands(op->getOperands());
    bool changed = false;
    for (Value &operand : operands) {
      auto cast = operand.getDefiningOp<tensor::CastOp>();
      if (!cast || !tensor::canFoldIntoConsumerOp(cast))
        continue;
      operand = cast.getSource();
      changed = true;
    }
    if (!changed)
      return rewriter.notifyMatchFailure(op, "no operand is a cast");
    OperationState state(op.getLoc(), op->getName());
    state.addOperands(operands);
    if (op->getNumResults())
      state.addTypes(
          operands[op.getInitMutable().getOperandNumber()].getType());
    state.addAttributes(llvm::to_vector(op->getDiscardableAttrs()));
    state.propertiesAttr = op->getPropertiesAsAttribute();
    state.addRegion();
    auto read = llvm::cast<OpT>(rewriter.create(state));
    rewriter.inlineRegionBefore(op.getEpilogue(), read.getEpilogue(),
                                read.getEpilogue().begin());
    SmallVector<Value> results;
    for (auto [before, after] :
         llvm::zip_equal(op->getResults(), read->getResults()))
      results.push_back(before.getType() == after.getType()
                            ? Value(after)
                            : tensor::CastOp::create(rewriter, op.getLoc(),
                                                     before.getType(), after));
    rewriter.replaceOp(op, results);
    return success();
  }
};
} // namespace

void BlockMatmulOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                                MLIRContext *context) {
  patterns.add<FoldCasts<BlockMatmulOp>>(context);
}

void PackedMatmulOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                                 MLIRContext *context) {
  patterns.add<FoldCasts<PackedMatmulOp>>(context);
}
