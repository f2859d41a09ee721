//===- InterleaveWeights.cpp - Matmuls get the layout of device kernels ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every matmul on stored bytes becomes one on an interleaved weight. What
// depends on weights alone is marked to be done once.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/gpu/kernels/IntegerMatmul.h"
#include "passes/gpu/layout/Target.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

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

namespace {
/// How the weight of a matmul is cut: runs of rows, or of experts where there
/// are several, so that neither the stored bytes nor the words of a part are
/// more than a buffer of the target holds.
struct Parts {
  Parts(RankedTensorType weight, const DeviceBlockLayout &layout, int64_t n,
        Interleaving how, GpuAttr target) {
    bool isStacked = weight.getRank() == 3;
    total = isStacked ? weight.getDimSize(0) : n;
    int64_t bits = weight.getElementTypeBitWidth();
    int64_t unit = isStacked ? 1 : how.rows;
    int64_t stored =
        unit * weight.getNumElements() / (isStacked ? total : n) * bits / 8;
    int64_t words =
        layout.tileWords(how) * (isStacked ? layout.tiles(n, how) : int64_t(1));
    int64_t units = target.getBufferBytes() /
                    std::max<int64_t>({stored, words * 4, int64_t(1)});
    length = std::min(total, std::max<int64_t>(units, 1) * unit);
  }
  int64_t total, length;
};
} // namespace

/// Says how activations that are not f32 are computed. Returns the elements of
/// K that share a scale where they become bytes.
static std::optional<int64_t>
remarkOnActivations(BlockMatmulOp op, const DeviceBlockLayout &layout,
                    GpuAttr target) {
  Type activations = op.getActivations();
  if (activations.isF32())
    return std::nullopt;
  if (op.getReencoded())
    op.emitRemark("weights are not reencoded on this device, which "
                  "multiplies them more exactly");
  int64_t m = cast<RankedTensorType>(op.getX().getType()).getDimSize(0);
  bool isDynamic = ShapedType::isDynamic(m);
  bool asMatrices = multipliesMatrices(target, activations) && !op.getIds() &&
                    (isDynamic || m > fewRows);
  std::string reason;
  std::optional<IntegerMatmul> onBytes = IntegerMatmul::create(
      layout, target, activations, bool(op.getIds()), reason);
  if (onBytes && m == 1)
    reason = "a single row waits for the weight, not for products";
  if (!asMatrices && !reason.empty()) {
    op.emitRemark() << "activations are computed in f32 on this device, more "
                       "exactly than in "
                    << activations << ": " << reason;
    return std::nullopt;
  }
  InFlightDiagnostic remark = op.emitRemark();
  remark << "activations are rounded to " << activations;
  if (asMatrices) {
    remark << " and multiplied as matrices by subgroups";
    if (isDynamic)
      remark << ", but computed in f32 where there are at most " << fewRows
             << " rows";
    return std::nullopt;
  }
  remark << ", with a scale for each " << integerKBlock << " of K";
  if (isDynamic)
    remark << "; a single row is computed in f32";
  return integerKBlock;
}

/// A matmul of nothing: its bias, or zeros.
static void replaceByBias(BlockMatmulOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value result = op.getInit();
  auto type = cast<RankedTensorType>(result.getType());
  if (!llvm::is_contained(type.getShape(), 0)) {
    auto identity = b.getMultiDimIdentityMap(type.getRank());
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    // Experts are chosen by ids, which a check has found to be in range.
    if (Value bias = op.getBias(); bias && !op.getIds()) {
      inputs.push_back(bias);
      maps.push_back(identity.getMinorSubMap(1));
    }
    maps.push_back(identity);
    SmallVector<utils::IteratorType> iterators(type.getRank(),
                                               utils::IteratorType::parallel);
    result = linalg::GenericOp::create(
                 b, type, inputs, result, maps, iterators,
                 [&](OpBuilder &inner, Location loc, ValueRange arguments) {
                   Value value =
                       inputs.empty()
                           ? Value(arith::ConstantOp::create(
                                 inner, loc,
                                 inner.getZeroAttr(type.getElementType())))
                           : arguments.front();
                   linalg::YieldOp::create(inner, loc, value);
                 })
                 .getResult(0);
  }
  op.getResult(0).replaceAllUsesWith(result);
  op.erase();
}

/// Makes a matmul one on an interleaved weight, or several on its parts.
static LogicalResult
interleave(BlockMatmulOp op, GpuAttr target,
           DenseMap<std::pair<Value, Attribute>, SmallVector<Value>> &done) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  QuantScheme scheme(op.getScheme().getScheme());
  int64_t k = cast<RankedTensorType>(op.getX().getType()).getShape().back();
  auto y = cast<RankedTensorType>(op.getInit().getType());
  int64_t n = y.getShape().back();
  Interleaving how = interleavingFor(target);
  DeviceBlockLayout layout = DeviceBlockLayout::create(scheme, k, how.words);
  auto deviceBlock =
      QuantAttr::get(builder.getContext(), layout.blockScheme().attr());
  std::optional<int64_t> activationGroup =
      remarkOnActivations(op, layout, target);

  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  if (llvm::is_contained(weight.getShape(), 0)) {
    replaceByBias(op);
    return success();
  }
  bool isStacked = weight.getRank() == 3;
  Parts parts(weight, layout, n, how, target);
  constexpr int64_t mostParts = 512;
  if (int64_t count = llvm::divideCeil(parts.total, parts.length);
      count > mostParts)
    return op.emitOpError()
           << "has a weight of " << op.getWeight().getType() << ", which takes "
           << count << " buffers of at most " << target.getBufferBytes()
           << " bytes, expected at most " << mostParts
           << "; run the program on the CPU";
  SmallVector<Value> sources = {op.getWeight()};
  for (Value side : {op.getScales(), op.getZeroPoints(), op.getGlobalScale()})
    if (side)
      sources.push_back(side);
  // The same weight may be multiplied more than once.
  SmallVector<Value> own, &shared = done[{op.getWeight(), op.getScheme()}];
  bool canShare = sources.size() == 1;
  SmallVector<Value> &packed = canShare ? shared : own;
  Value result = op.getInit();
  for (int64_t first = 0, index = 0; first < parts.total;
       first += parts.length, ++index) {
    int64_t count = std::min(parts.length, parts.total - first);
    DenseI64ArrayAttr part;
    if (count < parts.total)
      part = builder.getDenseI64ArrayAttr({first, count, parts.total});
    if (index == int64_t(packed.size())) {
      SmallVector<int64_t> shape = {layout.tiles(isStacked ? n : count, how),
                                    layout.tileWords(how)};
      if (isStacked)
        shape.insert(shape.begin(), count);
      // A buffer of its own, even beside others of the same shape: it is
      // written once, before any of them is read.
      Value init = bufferization::AllocTensorOp::create(
          builder, loc, RankedTensorType::get(shape, builder.getI32Type()),
          ValueRange());
      packed.push_back(InterleaveWeightOp::create(
                           builder, loc, init.getType(), op.getWeight(),
                           op.getScales(), op.getZeroPoints(),
                           op.getGlobalScale(), init, op.getScheme(),
                           deviceBlock, how.rows, how.words,
                           llvm::all_of(sources, isWeight), part)
                           .getResult(0));
    }
    result = InterleavedMatmulOp::create(
                 builder, loc, y, op.getX(), packed[index], op.getIds(),
                 op.getBias(), result, deviceBlock, op.getActivations(),
                 how.rows, how.words, part,
                 activationGroup ? builder.getI64IntegerAttr(*activationGroup)
                                 : IntegerAttr())
                 .getResult(0);
  }
  op.getResult(0).replaceAllUsesWith(result);
  op.erase();
  return success();
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
    WalkResult walked = getOperation().walk([&](func::FuncOp function) {
      DenseMap<std::pair<Value, Attribute>, SmallVector<Value>> done;
      for (BlockMatmulOp op :
           llvm::to_vector(function.getOps<BlockMatmulOp>())) {
        if (op->getNumResults() != 1 || !op.getEpilogue().empty()) {
          op.emitOpError("expected tensors, and no epilogue, where weights are "
                         "to be interleaved");
          return WalkResult::interrupt();
        }
        if (cast<ShapedType>(op.getWeight().getType()).getNumElements() == 0) {
          op.emitOpError("expected a weight of at least one element");
          return WalkResult::interrupt();
        }
        if (failed(interleave(op, *gpu, done)))
          return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
