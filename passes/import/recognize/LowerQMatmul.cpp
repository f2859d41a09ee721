//===- LowerQMatmul.cpp - rlx.qmatmul as linalg ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The product of integers is a contraction of linalg, which has kernels for
// bytes. Zero points are taken out of it: with them
//
//   sum_k (x - a) (w - b) = sum_k x w - a sum_k w - b sum_k x + K a b
//
// where the sums of the weight are computed once.
//
//===----------------------------------------------------------------------===//

#include "ir/QMatmul.h"
#include "passes/import/recognize/RecognizePasses.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx {
#define GEN_PASS_DEF_LOWERQMATMULPASS
#include "passes/import/recognize/RecognizePasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

static RankedTensorType rankedTypeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

namespace {
class QMatmulLowering {
public:
  explicit QMatmulLowering(QMatmulOp op)
      : op(op), b(op.getLoc(), op), rank(rankedTypeOf(op.getX()).getRank()) {}

  Value lower();

private:
  /// Loops (lead..., n, k).
  AffineExpr loop(int64_t position) {
    return b.getAffineDimExpr(unsigned(position));
  }
  SmallVector<AffineExpr> leadLoops() {
    SmallVector<AffineExpr> all;
    for (int64_t i = 0; i + 1 < rank; ++i)
      all.push_back(loop(i));
    return all;
  }
  Value zeros(ArrayRef<OpFoldResult> sizes) {
    Value empty = tensor::EmptyOp::create(b, sizes, b.getI32Type());
    Value zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
    return linalg::FillOp::create(b, zero, empty).getResult(0);
  }
  /// The sum of the last dimension of `value`, extended.
  Value sumOfRows(Value value);
  Value products();
  Value combine(Value sums);

  QMatmulOp op;
  ImplicitLocOpBuilder b;
  int64_t rank;
};
} // namespace

Value QMatmulLowering::sumOfRows(Value value) {
  int64_t dims = rankedTypeOf(value).getRank();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), value);
  sizes.pop_back();
  AffineMap whole = b.getMultiDimIdentityMap(unsigned(dims));
  SmallVector<utils::IteratorType> kinds(dims, utils::IteratorType::parallel);
  kinds.back() = utils::IteratorType::reduction;
  Value init = zeros(sizes);
  return linalg::GenericOp::create(
             b, init.getType(), value, init,
             ArrayRef<AffineMap>{whole, whole.getMajorSubMap(dims - 1)}, kinds,
             [](OpBuilder &inner, Location loc, ValueRange values) {
               Value wide = arith::ExtSIOp::create(
                   inner, loc, inner.getI32Type(), values[0]);
               Value sum = arith::AddIOp::create(inner, loc, values[1], wide);
               linalg::YieldOp::create(inner, loc, sum);
             })
      .getResult(0);
}

Value QMatmulLowering::products() {
  SmallVector<AffineExpr> x = leadLoops(), y = x;
  AffineExpr n = loop(rank - 1), k = loop(rank);
  x.push_back(k);
  y.push_back(n);
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), op.getX());
  sizes.back() = tensor::getMixedSize(b, b.getLoc(), op.getWeight(), 0);
  Value init = zeros(sizes);
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(unsigned(rank + 1), 0, results, b.getContext());
  };
  SmallVector<utils::IteratorType> kinds(rank + 1,
                                         utils::IteratorType::parallel);
  kinds.back() = utils::IteratorType::reduction;
  return linalg::GenericOp::create(
             b, init.getType(), ValueRange{op.getX(), op.getWeight()}, init,
             ArrayRef<AffineMap>{map(x), map({n, k}), map(y)}, kinds,
             [](OpBuilder &inner, Location loc, ValueRange values) {
               Type i32 = inner.getI32Type();
               Value a = arith::ExtSIOp::create(inner, loc, i32, values[0]);
               Value w = arith::ExtSIOp::create(inner, loc, i32, values[1]);
               Value product = arith::MulIOp::create(inner, loc, a, w);
               Value sum =
                   arith::AddIOp::create(inner, loc, values[2], product);
               linalg::YieldOp::create(inner, loc, sum);
             })
      .getResult(0);
}

/// Zero points, bias and scales, element by element.
Value QMatmulLowering::combine(Value sums) {
  AffineMap whole = b.getMultiDimIdentityMap(unsigned(rank));
  AffineMap rows = whole.getMinorSubMap(1);
  AffineMap lead = whole.getMajorSubMap(unsigned(rank - 1));
  AffineMap one = AffineMap::get(unsigned(rank), 0, b.getAffineConstantExpr(0));
  SmallVector<Value> inputs = {sums};
  SmallVector<AffineMap> maps = {whole};
  // The number of an input, or 0 where there is none.
  auto add = [&](Value value, AffineMap map) -> unsigned {
    if (!value)
      return 0;
    inputs.push_back(value);
    maps.push_back(map);
    return unsigned(inputs.size() - 1);
  };
  auto ofRow = [&](Value value) -> unsigned {
    bool isOne = value && rankedTypeOf(value).getDimSize(0) == 1;
    return add(value, isOne ? one : rows);
  };
  Value a = op.getXZeroPoint(), w = op.getZeroPoints();
  unsigned xZero = add(a, one), zero = ofRow(w),
           weightSum = a ? add(sumOfRows(op.getWeight()), rows) : 0,
           xSum = w ? add(sumOfRows(op.getX()), lead) : 0,
           bias = ofRow(op.getBias()), scale = ofRow(op.getScales());
  if (inputs.size() == 1)
    return sums;
  Value count;
  if (a && w) {
    Value k = tensor::DimOp::create(b, op.getWeight(), 1);
    count = arith::IndexCastOp::create(b, b.getI32Type(), k);
  }
  Type element = scale ? b.getI8Type() : b.getI32Type();
  Value init = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), sums), element);
  maps.push_back(whole);
  SmallVector<utils::IteratorType> kinds(rank, utils::IteratorType::parallel);
  int64_t resultZero = op.getZeroPoint();
  return linalg::GenericOp::create(
             b, init.getType(), inputs, init, maps, kinds,
             [&](OpBuilder &builder, Location loc, ValueRange values) {
               ImplicitLocOpBuilder inner(loc, builder);
               Value sum = values[0];
               auto subtract = [&](Value one, Value other) {
                 Value product = arith::MulIOp::create(inner, one, other);
                 sum = arith::SubIOp::create(inner, sum, product);
               };
               if (xZero)
                 subtract(values[xZero], values[weightSum]);
               if (zero)
                 subtract(values[zero], values[xSum]);
               if (count) {
                 Value both =
                     arith::MulIOp::create(inner, values[xZero], values[zero]);
                 both = arith::MulIOp::create(inner, both, count);
                 sum = arith::AddIOp::create(inner, sum, both);
               }
               if (bias)
                 sum = arith::AddIOp::create(inner, sum, values[bias]);
               if (!scale) {
                 linalg::YieldOp::create(inner, sum);
                 return;
               }
               auto number = [&](double value) -> Value {
                 return arith::ConstantOp::create(
                     inner, inner.getF32FloatAttr(float(value)));
               };
               constexpr double least = -128, largest = 127;
               Value real =
                   arith::SIToFPOp::create(inner, inner.getF32Type(), sum);
               real = arith::MulFOp::create(inner, real, values[scale]);
               real = math::RoundOp::create(inner, real);
               real = arith::AddFOp::create(inner, real,
                                            number(double(resultZero)));
               real = arith::MaximumFOp::create(inner, real, number(least));
               real = arith::MinimumFOp::create(inner, real, number(largest));
               Value code =
                   arith::FPToSIOp::create(inner, inner.getI8Type(), real);
               linalg::YieldOp::create(inner, code);
             })
      .getResult(0);
}

Value QMatmulLowering::lower() {
  Value result = combine(products());
  Type type = op.getType();
  if (result.getType() != type)
    result = tensor::CastOp::create(b, type, result);
  return result;
}

namespace {
struct LowerQMatmulPass : rlx::impl::LowerQMatmulPassBase<LowerQMatmulPass> {
  void runOnOperation() override {
    SmallVector<QMatmulOp> all;
    getOperation().walk([&](QMatmulOp op) { all.push_back(op); });
    for (QMatmulOp op : all) {
      op.replaceAllUsesWith(QMatmulLowering(op).lower());
      op.erase();
    }
  }
};
} // namespace
