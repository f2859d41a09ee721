//===- ApproximateMath.cpp - Functions and conversions as arithmetic ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's polynomials are wrong on subnormals and signed zeros, and calls of the
// C library take vectors apart. The formulas here are those of Vulkan's kernels
// (MathFunctions.h). f64 keeps the C library but for log1p and expm1, which the
// way to LLVM has as log(1 + x) and exp(x) - 1. Conversions that the CPU has no
// instructions for are those of FloatConversions.h.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/math/FloatConversions.h"
#include "passes/math/MathFunctions.h"

namespace rlx {
#define GEN_PASS_DEF_APPROXIMATEMATHPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct ApproximateMathPass
    : rlx::impl::ApproximateMathPassBase<ApproximateMathPass> {
  /// Not of tensors: these have become loops before.
  static bool isFloatOrVector(Type type) {
    if (auto vector = dyn_cast<VectorType>(type))
      type = vector.getElementType();
    return isa<FloatType>(type);
  }

  /// `op` of f16, bf16 or f32 by the formulas of f32; null where it has none.
  static Value expandInF32(ImplicitLocOpBuilder &b, Operation *op) {
    Type type = op->getResult(0).getType();
    if (getElementTypeOrSelf(type).isF32())
      return expandMath(op, /*mayFuse=*/true);
    auto f32Like = [&](Type like) -> Type {
      auto vector = dyn_cast<VectorType>(like);
      return vector ? Type(vector.clone(b.getF32Type())) : b.getF32Type();
    };
    if (!isFloatOrVector(type))
      return Value();
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(
          arith::ExtFOp::create(b, f32Like(operand.getType()), operand));
    Operation *wide = b.create(op->getLoc(), op->getName().getIdentifier(),
                               operands, f32Like(type), op->getAttrs());
    Value result = expandMath(wide, /*mayFuse=*/true);
    if (result)
      result = arith::TruncFOp::create(b, type, result);
    wide->erase();
    for (Value operand : operands)
      if (operand.use_empty())
        operand.getDefiningOp()->erase();
    return result;
  }

  static void expand(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    Value result;
    unsigned width =
        getElementTypeOrSelf(op->getOperand(0)).getIntOrFloatBitWidth();
    if (width <= 32)
      result = expandInF32(b, op);
    else if (isa<math::Log1pOp>(op))
      result = log1pByLog(b, op->getOperand(0));
    else if (isa<math::ExpM1Op>(op))
      result = expm1ByExp(b, op->getOperand(0));
    if (!result)
      return;
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

  void runOnOperation() override {
    SmallVector<Operation *> all;
    getOperation().walk([&](Operation *op) {
      if (isa_and_nonnull<arith::ArithDialect, math::MathDialect>(
              op->getDialect()) &&
          llvm::none_of(op->getOperandTypes(), llvm::IsaPred<TensorType>))
        all.push_back(op);
    });
    llvm::for_each(all, [](Operation *op) { (void)widenArithmetic(op); });
    SmallVector<Operation *> functions;
    getOperation().walk([&](Operation *op) {
      if (isa_and_nonnull<math::MathDialect>(op->getDialect()) &&
          op->getNumResults() == 1 &&
          llvm::all_of(op->getOperandTypes(), isFloatOrVector))
        functions.push_back(op);
    });
    for (Operation *op : functions)
      expand(op);
    expandConversions();
  }

  /// Those that the formulas of functions have made, too.
  void expandConversions() {
    SmallVector<Operation *> conversions;
    getOperation().walk([&](CastOpInterface op) {
      if (op->getNumOperands() == 1 && op->getNumResults() == 1 &&
          !isa<TensorType>(op->getOperand(0).getType()))
        conversions.push_back(op);
    });
    for (Operation *op : conversions)
      if (Value result = expandConversion(op)) {
        op->getResult(0).replaceAllUsesWith(result);
        op->erase();
      }
  }
};
} // namespace
