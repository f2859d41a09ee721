//===- NormalizeMatmuls.cpp - Matmuls as kernels take them ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels multiply rows of f32. Leading dimensions of activations are rows, and
// activations, bias and results of fewer bits are converted before and behind,
// where the conversions become part of what is fused.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/support/QuantizedOperand.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx {
#define GEN_PASS_DEF_NORMALIZEMATMULSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// `value` with elements of f32, which has all numbers of f16 and bf16.
static Value widen(ImplicitLocOpBuilder &b, Value value) {
  if (!value || typeOf(value).getElementType().isF32())
    return value;
  auto type = typeOf(value).clone(b.getF32Type());
  return arith::ExtFOp::create(b, type, value);
}

/// Dimensions of a tensor of rank `rank`: all but the last become one.
static SmallVector<ReassociationIndices> rowsAndColumns(int64_t rank) {
  return {llvm::to_vector(llvm::seq<int64_t>(0, rank - 1)), {rank - 1}};
}

/// The type of `[..., size]` as rows.
static RankedTensorType flatType(RankedTensorType type) {
  int64_t rows = 1;
  for (int64_t size : type.getShape().drop_back())
    rows = ShapedType::isDynamic(size) || ShapedType::isDynamic(rows)
               ? ShapedType::kDynamic
               : rows * size;
  return RankedTensorType::get({rows, type.getShape().back()},
                               type.getElementType());
}

/// x as `[M, K]`.
static Value flatten(ImplicitLocOpBuilder &b, Value x) {
  RankedTensorType type = typeOf(x);
  if (type.getRank() == 2)
    return x;
  if (type.getRank() == 1)
    return tensor::ExpandShapeOp::create(
        b, flatType(type), x, ArrayRef<ReassociationIndices>{{0, 1}});
  return tensor::CollapseShapeOp::create(b, flatType(type), x,
                                         rowsAndColumns(type.getRank()));
}

/// y, which is `[M, N]`, with the leading `sizes`.
static Value unflatten(ImplicitLocOpBuilder &b, Value y, RankedTensorType type,
                       ArrayRef<OpFoldResult> sizes) {
  if (type.getRank() == 2)
    return y;
  if (type.getRank() == 1)
    return tensor::CollapseShapeOp::create(
        b, type, y, ArrayRef<ReassociationIndices>{{0, 1}});
  return tensor::ExpandShapeOp::create(b, type, y,
                                       rowsAndColumns(type.getRank()), sizes);
}

template <typename OpT> static void normalize(OpT op) {
  if (isNormalMatmul(op))
    return;
  ImplicitLocOpBuilder b(op.getLoc(), op);
  RankedTensorType type = typeOf(op.getResult());
  RankedTensorType wide = type.clone(b.getF32Type());
  Value x = widen(b, op.getX()), bias = widen(b, op.getBias()), y;
  auto clone = [&](Value activations, RankedTensorType result) -> Value {
    auto copy = cast<OpT>(b.clone(*op));
    copy.getXMutable().assign(activations);
    if (copy.getBias())
      copy.getBiasMutable().assign(bias);
    copy.getResult().setType(result);
    return copy.getResult();
  };
  if constexpr (std::is_same_v<OpT, MatmulOp>) {
    // The result's leading sizes are those of x, where these are known too.
    SmallVector<int64_t> shape(typeOf(x).getShape());
    shape.back() = type.getShape().back();
    RankedTensorType own = wide.clone(shape);
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), x);
    y = clone(flatten(b, x), flatType(own));
    sizes.back() = tensor::getMixedSize(b, b.getLoc(), y, 1);
    y = unflatten(b, y, own, sizes);
    if (own != wide)
      y = tensor::CastOp::create(b, wide, y);
  } else {
    y = clone(x, wide);
  }
  if (wide != type)
    y = arith::TruncFOp::create(b, type, y);
  op.replaceAllUsesWith(y);
  op.erase();
}

/// Decodes to f32, which is converted behind.
static void widenResult(Operation *op) {
  if (isNormalMatmul(op))
    return;
  OpBuilder b(op->getContext());
  b.setInsertionPointAfter(op);
  Value result = op->getResult(0);
  RankedTensorType type = typeOf(result);
  result.setType(type.clone(b.getF32Type()));
  auto narrow = arith::TruncFOp::create(b, op->getLoc(), type, result);
  result.replaceAllUsesExcept(narrow, narrow);
}

namespace {
struct NormalizeMatmulsPass
    : rlx::impl::NormalizeMatmulsPassBase<NormalizeMatmulsPass> {
  void runOnOperation() override {
    SmallVector<Operation *> matmuls;
    getOperation()->walk([&](Operation *op) {
      if (isa<MatmulOp, GatherMatmulOp, DequantizeOp, EmbeddingOp>(op))
        matmuls.push_back(op);
    });
    for (Operation *op : matmuls)
      if (auto matmul = dyn_cast<MatmulOp>(op))
        normalize(matmul);
      else if (auto gather = dyn_cast<GatherMatmulOp>(op))
        normalize(gather);
      else
        widenResult(op);
  }
};
} // namespace
