//===- InterleaveWeights.cpp - Matmuls get the layout of device kernels ---===//
//
// Every matmul on stored bytes becomes one on an interleaved weight. What
// depends on weights alone is marked to be done once.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/gpu/RecordLayout.h"
#include "passes/gpu/Target.h"

namespace rlx {
#define GEN_PASS_DEF_INTERLEAVEWEIGHTSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// Whether `value` is a weight: an argument that the caller binds once.
static bool isWeight(Value value) {
  auto argument = dyn_cast_or_null<BlockArgument>(value);
  auto function =
      argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp())
               : func::FuncOp();
  return function && function.getArgAttr(argument.getArgNumber(), "rlx.weight");
}

static void interleave(BlockMatmulOp op, GpuAttr target,
                       DenseMap<std::pair<Value, Attribute>, Value> &done) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  QuantScheme scheme(op.getScheme().getScheme());
  int64_t k = cast<RankedTensorType>(op.getX().getType()).getShape().back();
  auto y = cast<RankedTensorType>(op.getInit().getType());
  Interleaving how = interleavingFor(target);
  RecordLayout layout = RecordLayout::create(scheme, k, how.words);
  auto record = QuantAttr::get(builder.getContext(), layout.record().attr());
  if (!op.getActivations().isF32())
    op.emitRemark() << "activations are computed in f32 on this device, more "
                       "exactly than in "
                    << op.getActivations();

  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  SmallVector<int64_t> shape = {layout.tiles(y.getShape().back(), how),
                                layout.tileWords(how)};
  if (weight.getRank() == 3)
    shape.insert(shape.begin(), weight.getDimSize(0));
  Value &packed = done[{op.getWeight(), op.getScheme()}];
  bool canShare = !op.getScales() && !op.getZeroPoints();
  if (!packed || !canShare) {
    Value init =
        tensor::EmptyOp::create(builder, loc, shape, builder.getI32Type());
    SmallVector<Value> sources = {op.getWeight()};
    for (Value side : {op.getScales(), op.getZeroPoints(), op.getGlobalScale()})
      if (side)
        sources.push_back(side);
    packed = InterleaveWeightOp::create(
                 builder, loc, init.getType(), op.getWeight(), op.getScales(),
                 op.getZeroPoints(), op.getGlobalScale(), init, op.getScheme(),
                 record, how.rows, how.words, llvm::all_of(sources, isWeight))
                 .getResult(0);
  }
  auto matmul = InterleavedMatmulOp::create(
      builder, loc, y, op.getX(), packed, op.getIds(), op.getBias(),
      op.getInit(), record, how.rows, how.words);
  op.replaceAllUsesWith(matmul);
  op.erase();
}

namespace {
struct InterleaveWeightsPass
    : rlx::impl::InterleaveWeightsPassBase<InterleaveWeightsPass> {
  using InterleaveWeightsPassBase::InterleaveWeightsPassBase;

  void runOnOperation() override {
    FailureOr<GpuAttr> gpu = parseTarget(&getContext(), target);
    if (failed(gpu)) {
      emitError(getOperation().getLoc())
          << "expected the target to be a #rlx.gpu attribute, such as "
             "#rlx.gpu<vulkan>, but got '"
          << target << "'";
      return signalPassFailure();
    }
    getOperation()->setAttr(targetAttributeName, *gpu);
    getOperation().walk([&](func::FuncOp function) {
      DenseMap<std::pair<Value, Attribute>, Value> done;
      for (BlockMatmulOp op : llvm::to_vector(function.getOps<BlockMatmulOp>()))
        interleave(op, *gpu, done);
    });
  }
};
} // namespace
