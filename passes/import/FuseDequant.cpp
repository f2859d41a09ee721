//===- FuseDequant.cpp - Dequantize and contract becomes rlx.matmul -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds contractions y = x * w^T whose weight is a dequantized tensor, and lets
// rlx read the quantized one. Transposes and casts that are in the way of other
// forms are left alone: a weight is multiplied as it is stored, or not at all.
//
//===----------------------------------------------------------------------===//

#include "passes/import/ContractionInit.h"
#include "passes/support/QuantizedOperand.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rlx {
#define GEN_PASS_DEF_FUSEDEQUANTPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

static bool isF32(Value value) {
  return getElementTypeOrSelf(value.getType()).isF32();
}

namespace {

/// op(rlx.dequantize %w) ==> op(%w) for the operations of rlx.
template <typename OpT> struct FuseIntoWeight : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    OpOperand *weight = quantizedOperand(op);
    auto dequantize = weight->get().template getDefiningOp<DequantizeOp>();
    if (!dequantize || !isF32(dequantize))
      return rewriter.notifyMatchFailure(
          op, "the weight is not an rlx.dequantize to f32");
    rewriter.modifyOpInPlace(op, [&] {
      weight->set(dequantize.getWeight());
      setSides(op, SideValues::of(dequantize));
    });
    return success();
  }
};

/// A contraction whose loops are (m..., n, k).
struct WeightContraction {
  DequantizeOp dequantize;
  Value x;    ///< [M..., K]
  Value init; ///< [M..., N]
};

/// linalg's y[m..., n] += x[m..., k] * dequantize(w)[n, k] ==> rlx.matmul
struct FuseContraction : OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(linalg::LinalgOp op,
                                PatternRewriter &rewriter) const override;

private:
  FailureOr<WeightContraction> match(linalg::LinalgOp op, unsigned weightIndex,
                                     PatternRewriter &rewriter) const;
};

} // namespace

/// The rlx.dequantize behind `value`, through transposes. `map`, the index into
/// `value`, becomes the index into what is dequantized.
static DequantizeOp findDequantize(Value value, AffineMap &map) {
  while (true) {
    SmallVector<int64_t> permutation;
    Value input;
    if (auto transpose = value.getDefiningOp<linalg::TransposeOp>()) {
      permutation.assign(transpose.getPermutation().begin(),
                         transpose.getPermutation().end());
      input = transpose.getInput();
    } else if (auto generic = value.getDefiningOp<linalg::GenericOp>()) {
      if (auto found = linalg::isaTransposeOpInterface(generic)) {
        permutation = *found;
        input = generic.getInputs()[0];
      }
    }
    if (!input)
      return value.getDefiningOp<DequantizeOp>();
    SmallVector<AffineExpr> exprs(map.getNumResults());
    for (auto [axis, from] : llvm::enumerate(permutation))
      exprs[from] = map.getResult(axis);
    map = AffineMap::get(map.getNumDims(), 0, exprs, map.getContext());
    value = input;
  }
}

FailureOr<WeightContraction>
FuseContraction::match(linalg::LinalgOp op, unsigned weightIndex,
                       PatternRewriter &rewriter) const {
  OpOperand &weight = op->getOpOperand(weightIndex),
            &x = op->getOpOperand(1 - weightIndex);
  AffineMap weightMap = op.getMatchingIndexingMap(&weight);
  DequantizeOp dequantize = findDequantize(weight.get(), weightMap);
  if (!dequantize || !isF32(dequantize))
    return rewriter.notifyMatchFailure(
        op, "the operand is not an rlx.dequantize to f32");
  // Casts and other operations between the product and the sum would get lost.
  constexpr size_t multiplyAddYield = 3;
  if (!isF32(x.get()) || !isF32(op.getDpsInits()[0]) ||
      op.getBlock()->getOperations().size() != multiplyAddYield)
    return rewriter.notifyMatchFailure(op,
                                       "expected a product and a sum of f32");
  FailureOr<linalg::ContractionDimensions> dims =
      linalg::inferContractionDims(op);
  if (failed(dims) || dims->k.size() != 1 || !dims->batch.empty())
    return rewriter.notifyMatchFailure(
        op, "expected to contract over one dimension, without batches");

  // The weight is (n, k), x and the result share what is left: (m..., k),
  // (m..., n).
  AffineExpr k = rewriter.getAffineDimExpr(dims->k[0]);
  if (weightMap.getNumResults() != 2 || weightMap.getResult(1) != k)
    return rewriter.notifyMatchFailure(
        op, "the weight is not contracted over K, its last dimension");
  AffineMap xMap = op.getMatchingIndexingMap(&x);
  SmallVector<AffineExpr> expected(xMap.getResults());
  if (expected.empty() || expected.back() != k)
    return rewriter.notifyMatchFailure(
        op, "K is not the last dimension of the activations");
  expected.back() = weightMap.getResult(0);
  if (expected != op.getIndexingMapsArray().back().getResults())
    return rewriter.notifyMatchFailure(op, "the result is not [M, N]");
  return WeightContraction{dequantize, x.get(), op.getDpsInits()[0]};
}

LogicalResult
FuseContraction::matchAndRewrite(linalg::LinalgOp op,
                                 PatternRewriter &rewriter) const {
  if (!op.hasPureTensorSemantics() || !linalg::isaContractionOpInterface(op))
    return rewriter.notifyMatchFailure(op, "not a contraction of tensors");
  FailureOr<WeightContraction> found = match(op, 1, rewriter);
  if (failed(found))
    found = match(op, 0, rewriter);
  if (failed(found))
    return failure();

  Location loc = op.getLoc();
  Value weight = found->dequantize.getWeight(), x = found->x;
  ArrayRef<int64_t> weightShape =
      cast<RankedTensorType>(weight.getType()).getShape();
  auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<int64_t> shape(cast<RankedTensorType>(x.getType()).getShape());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, loc, x);
  int64_t rows = shape.size() - 1;
  shape.back() = weightShape[1];
  x = castShape(rewriter, loc, x, shape);

  // Any number of leading dimensions becomes one.
  SmallVector<ReassociationIndices> flattened = {
      llvm::to_vector(llvm::seq<int64_t>(0, rows)), {rows}};
  if (rows == 0) {
    flattened = {{0, 1}};
    x = tensor::ExpandShapeOp::create(
        rewriter, loc,
        RankedTensorType::get({1, shape[0]}, rewriter.getF32Type()), x,
        flattened);
  } else if (rows > 1) {
    x = tensor::CollapseShapeOp::create(rewriter, loc, x, flattened);
  }
  bool zero = isZeroTensor(found->init);
  Value bias = zero ? Value() : repeatedRow(found->init);
  if (bias)
    bias = castShape(rewriter, loc, bias, weightShape[0]);
  SideValues sides = SideValues::of(found->dequantize);
  int64_t m = cast<RankedTensorType>(x.getType()).getDimSize(0);
  auto flatType =
      RankedTensorType::get({m, weightShape[0]}, rewriter.getF32Type());
  Value y = MatmulOp::create(rewriter, loc, flatType, x, weight, sides.scales,
                             sides.zeroPoints, sides.globalScale, bias,
                             /*activations=*/TypeAttr(),
                             /*reencoded=*/UnitAttr(),
                             /*activationGroup=*/IntegerAttr());
  shape.back() = weightShape[0];
  sizes.back() = rewriter.getIndexAttr(weightShape[0]);
  if (rows == 0)
    y = tensor::CollapseShapeOp::create(rewriter, loc, y, flattened);
  else if (rows > 1)
    y = tensor::ExpandShapeOp::create(
        rewriter, loc, RankedTensorType::get(shape, rewriter.getF32Type()), y,
        flattened, sizes);
  y = castShape(rewriter, loc, y, resultType.getShape());
  if (!zero && !bias) {
    Value empty = tensor::EmptyOp::create(
        rewriter, loc, tensor::getMixedSizes(rewriter, loc, y),
        rewriter.getF32Type());
    empty = castShape(rewriter, loc, empty, resultType.getShape());
    y = linalg::AddOp::create(rewriter, loc, TypeRange(resultType),
                              ValueRange{y, found->init}, ValueRange{empty})
            .getResult(0);
  }
  rewriter.replaceOp(op, y);
  return success();
}

namespace {
struct FuseDequantPass : rlx::impl::FuseDequantPassBase<FuseDequantPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseIntoWeight<MatmulOp>, FuseIntoWeight<GatherMatmulOp>,
                 FuseIntoWeight<EmbeddingOp>, FuseContraction>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
