//===- ApproximateMath.cpp - Functions of f32 as polynomials --------------===//
//
// Of MLIR's approximations, those that hold over all of f32: log is wrong on
// subnormals, sin and cos on large numbers. These stay calls of the C library.
// log1p and expm1, which the way to LLVM has as log(1 + x) and exp(x) - 1, are
// RLX's own.
//
//===----------------------------------------------------------------------===//

#include "passes/MathFunctions.h"
#include "passes/PassDetail.h"

#include "mlir/Dialect/Math/Transforms/Approximation.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rlx {
#define GEN_PASS_DEF_APPROXIMATEMATHPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct ApproximateMathPass
    : rlx::impl::ApproximateMathPassBase<ApproximateMathPass> {
  static void expandNearZero(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    Type type = op->getResult(0).getType();
    auto element = cast<FloatType>(getElementTypeOrSelf(type));
    Value x = op->getOperand(0), result;
    if (element.getWidth() > 32) {
      result = isa<math::Log1pOp>(op) ? log1pByLog(b, x) : expm1ByExp(b, x);
    } else {
      Type f32 = b.getF32Type();
      if (auto vector = dyn_cast<VectorType>(type))
        f32 = vector.clone(f32);
      mathx::Num wide{{&b, type == f32 ? x : arith::ExtFOp::create(b, f32, x)}};
      result = isa<math::Log1pOp>(op) ? mathx::log1p(wide).value
                                      : mathx::expm1(wide).value;
      if (type != f32)
        result = arith::TruncFOp::create(b, type, result);
    }
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
  }

  /// A constant of the type of `like`.
  static Value number(ImplicitLocOpBuilder &b, Value like, double value) {
    Type type = like.getType();
    TypedAttr attribute = b.getFloatAttr(getElementTypeOrSelf(type), value);
    if (auto vector = dyn_cast<VectorType>(type))
      attribute = DenseElementsAttr::get(vector, attribute);
    return arith::ConstantOp::create(b, type, attribute);
  }

  /// `log(u) * x / (u - 1)` for u = 1 + x as it is rounded: the errors of u are
  /// the same in both. `log(u)` where u is infinite.
  static Value log1pByLog(ImplicitLocOpBuilder &b, Value x) {
    Value one = number(b, x, 1);
    Value u = arith::AddFOp::create(b, x, one);
    Value distance = arith::SubFOp::create(b, u, one);
    Value log = math::LogOp::create(b, u);
    Value y =
        arith::MulFOp::create(b, log, arith::DivFOp::create(b, x, distance));
    Value isInfinite =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, u, x);
    y = arith::SelectOp::create(b, isInfinite, log, y);
    Value isSmall = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, u, one);
    return arith::SelectOp::create(b, isSmall, x, y);
  }

  /// `(u - 1) * x / log(u)` for u = exp(x) as it is rounded.
  static Value expm1ByExp(ImplicitLocOpBuilder &b, Value x) {
    Value one = number(b, x, 1), minusOne = number(b, x, -1);
    Value u = math::ExpOp::create(b, x);
    Value distance = arith::SubFOp::create(b, u, one);
    Value y = arith::MulFOp::create(
        b, distance, arith::DivFOp::create(b, x, math::LogOp::create(b, u)));
    auto equal = [&](Value a, Value c) -> Value {
      return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, a, c);
    };
    // From 40 on, or where u is all or nothing, there is no error to undo.
    Value isLarge = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x,
                                          number(b, x, 40));
    y = arith::SelectOp::create(b, isLarge, distance, y);
    y = arith::SelectOp::create(b, equal(distance, minusOne), minusOne, y);
    return arith::SelectOp::create(b, equal(u, one), x, y);
  }

  static bool isApproximated(StringRef name) {
    return llvm::is_contained({math::ExpOp::getOperationName(),
                               math::TanhOp::getOperationName(),
                               math::ErfOp::getOperationName()},
                              name);
  }

  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      if (isa<math::Log1pOp, math::ExpM1Op>(op))
        expandNearZero(op);
    });
    SmallVector<Operation *> functions;
    getOperation().walk([&](Operation *op) {
      if (isApproximated(op->getName().getStringRef()))
        functions.push_back(op);
    });
    if (functions.empty())
      return;
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns, isApproximated);
    // What is f64 stays.
    (void)applyOpPatternsGreedily(functions, std::move(patterns));
  }
};
} // namespace
