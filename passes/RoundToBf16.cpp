//===- RoundToBf16.cpp - Conversions to bf16 in integers ------------------===//
//
// Targets without instructions for bf16 would call a function of the C library
// that many do not have (__truncsfbf2). Upstream's patterns round an f32 to the
// nearest bf16, ties to even, with integers; an f64 is first rounded to an f32
// whose last bit says that something was cut off, so that it is not rounded
// twice.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rlx {
#define GEN_PASS_DEF_ROUNDTOBF16PASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// `type` with elements of type `element`.
static Type like(Type type, Type element) {
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped ? Type(shaped.clone(element)) : element;
}

namespace {
/// f64 to bf16 ==> f64 to f32, rounded to odd, to bf16.
struct RoundDouble : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const override {
    Type from = op.getIn().getType();
    if (!getElementTypeOrSelf(from).isF64() ||
        !getElementTypeOrSelf(op.getType()).isBF16())
      return rewriter.notifyMatchFailure(op, "not from f64 to bf16");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type single = like(from, b.getF32Type()), bits = like(from, b.getI32Type());
    Value nearest = arith::TruncFOp::create(b, single, op.getIn());
    Value back = arith::ExtFOp::create(b, from, nearest);
    auto compare = [&](arith::CmpFPredicate predicate, Value left,
                       Value right) -> Value {
      return arith::CmpFOp::create(b, predicate, left, right);
    };
    // Toward zero, and then odd where something was cut off.
    Value isInexact = compare(arith::CmpFPredicate::ONE, back, op.getIn());
    Value isLarger = compare(arith::CmpFPredicate::OGT,
                             math::AbsFOp::create(b, back),
                             math::AbsFOp::create(b, op.getIn()));
    Value word = arith::BitcastOp::create(b, bits, nearest);
    word = arith::SubIOp::create(b, word,
                                 arith::ExtUIOp::create(b, bits, isLarger));
    word = arith::OrIOp::create(b, word,
                                arith::ExtUIOp::create(b, bits, isInexact));
    Value odd = arith::BitcastOp::create(b, single, word);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), odd);
    return success();
  }
};

struct RoundToBf16Pass : rlx::impl::RoundToBf16PassBase<RoundToBf16Pass> {
  using RoundToBf16PassBase::RoundToBf16PassBase;

  /// Whether the target rounds an f32 with an instruction.
  bool isNative() const {
    SmallVector<StringRef> features;
    StringRef(instructions).split(features, ',');
    return llvm::is_contained(features, "avx512bf16") ||
           llvm::is_contained(features, "bf16");
  }

  void runOnOperation() override {
    SmallVector<Operation *> conversions;
    getOperation()->walk([&](arith::TruncFOp op) {
      if (getElementTypeOrSelf(op.getType()).isBF16())
        conversions.push_back(op);
    });
    RewritePatternSet patterns(&getContext());
    if (!isNative())
      arith::populateExpandBFloat16Patterns(patterns);
    patterns.add<RoundDouble>(&getContext());
    (void)applyOpPatternsGreedily(conversions, std::move(patterns));
  }
};
} // namespace
