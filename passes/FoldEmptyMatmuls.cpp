//===- FoldEmptyMatmuls.cpp - Products over nothing, or of nothing --------===//
//
// Kernels cut K and N into tiles and count on at least one of each. A sum over
// no elements is its bias, or zero; a result without columns is empty.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

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

namespace {
struct FoldEmptyMatmulsPass
    : rlx::impl::FoldEmptyMatmulsPassBase<FoldEmptyMatmulsPass> {
  void runOnOperation() override {
    SmallVector<Operation *> all;
    getOperation().walk([&](Operation *op) {
      if (isa<MatmulOp, GatherMatmulOp>(op))
        all.push_back(op);
    });
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
    if (n != 0 && k != 0)
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
