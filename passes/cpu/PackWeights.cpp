//===- PackWeights.cpp - Integer matmuls get packed weights ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses, by what a scheme's description says, which matmuls run on packed
// weights. The layout is PackedLayout's; the loops are in PackLoops.cpp and
// PackedMatmulLoops.cpp.
//
//===----------------------------------------------------------------------===//

#include "ir/ActivationGroup.h"
#include "ir/ActivationType.h"
#include "ir/CpuProperties.h"
#include "passes/PassDetail.h"
#include "passes/cpu/packed/PackedLayout.h"

#include "llvm/Support/FormatVariadic.h"

namespace rlx {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct PackWeightsPass : rlx::impl::PackWeightsPassBase<PackWeightsPass> {
  using PackWeightsPassBase::PackWeightsPassBase;

  void runOnOperation() override {
    SmallVector<BlockMatmulOp> matmuls;
    getOperation().walk([&](BlockMatmulOp op) { matmuls.push_back(op); });
    const CpuProperties cpu = CpuAttr::of(getOperation());
    for (BlockMatmulOp op : matmuls) {
      if (!hasIntegerActivations(op.getActivations()))
        continue;
      // Packing comes before bufferization and before epilogues.
      if (op->getNumResults() != 1 || !op.getEpilogue().empty()) {
        op.emitOpError("expected tensors, and no epilogue, where weights are "
                       "to be packed");
        return signalPassFailure();
      }
      pack(op, cpu);
    }
  }

  /// How many elements of K share a scale of activations: what the program
  /// says, or the user, or the usual. A user's wish for larger ones than usual
  /// rounds more than the program says.
  static int64_t chooseGroup(BlockMatmulOp op, const QuantScheme &scheme,
                             int64_t k, const CpuProperties &cpu) {
    if (auto group = op.getActivationGroup())
      return *group;
    // Of few rows, whose weights are as they are, where many are reencoded.
    int64_t usual = usualActivationGroup(scheme, k, op.getActivations(),
                                         /*isReencoded=*/false);
    if (cpu.activationGroup == 0)
      return usual;
    if (cpu.activationGroup > usual)
      op.emitRemark() << "activations have a scale for each "
                      << cpu.activationGroup
                      << " of K, as 'activation_group' wants, though " << usual
                      << " are usual";
    return cpu.activationGroup;
  }

  void pack(BlockMatmulOp op, const CpuProperties &cpu) {
    QuantScheme scheme(op.getScheme().getScheme());
    auto weight = cast<RankedTensorType>(op.getWeight().getType());
    int64_t k = cast<RankedTensorType>(op.getX().getType()).getShape().back();
    int64_t n = weight.getShape()[weight.getRank() - 2];
    std::string reason = "the weight is not quantized";
    std::optional<PackedLayout> layout;
    int64_t group = chooseGroup(op, scheme, k, cpu);
    if (weight.getElementType().isInteger(8))
      layout = PackedLayout::create(scheme, k, cpu.lanes(), group, reason);
    if (!layout) {
      op.emitRemark() << "activations are rounded to " << op.getActivations()
                      << " and computed in f32: " << reason
                      << "; a scale is for " << group << " of K";
      op.setActivationGroup(group);
      if (op.getReencoded())
        op.emitRemark("weights are not reencoded: they have no integer "
                      "kernel");
      op.setReencoded(false);
      return;
    }
    if (printChoices)
      op.emitRemark() << "packed kernel for '" << scheme.displayName()
                      << "': " << layout->lanes
                      << " rows a tile, activation scale per "
                      << layout->activationGroup << " of K, "
                      << llvm::formatv("{0:f3}", layout->bitsPerWeight()).str()
                      << " bits a weight";
    // Many rows would have one scale of activations for a K block.
    bool hasGroups =
        op.getActivationGroup() && layout->scalesActivationsByGroup();
    bool reencodes = op.getReencoded() && !cpu.deterministic && !hasGroups;
    if (op.getReencoded() && hasGroups)
      op.emitRemark()
          << "weights are not reencoded: they and activations would "
             "have one scale for "
          << layout->kBlock << " of K, but activations are to have one for "
          << layout->activationGroup;
    else if (reencodes)
      op.emitRemark() << "many rows are multiplied with weights that are "
                         "rounded once more: 8 bits, one scale for each row "
                         "and "
                      << layout->kBlock << " of K";
    else if (op.getReencoded())
      op.emitRemark("weights are not reencoded: a row's result would depend "
                    "on the number of rows, which deterministic forbids");
    OpBuilder builder(op);
    Location loc = op.getLoc();
    SmallVector<int64_t> shape(weight.getShape().drop_back(2));
    shape.push_back(layout->tiles(n) * layout->tileBytes());
    Value empty =
        tensor::EmptyOp::create(builder, loc, shape, builder.getI8Type());
    auto packed = PackWeightOp::create(builder, loc, empty.getType(),
                                       op.getWeight(), op.getScales(),
                                       op.getZeroPoints(), op.getGlobalScale(),
                                       empty, op.getScheme(), layout->attr);
    auto matmul = PackedMatmulOp::create(
        builder, loc, op.getResultTypes(), op.getX(), packed.getResult(0),
        op.getIds(), op.getBias(), /*epilogueInputs=*/ValueRange(),
        op.getInit(), op.getScheme(), op.getActivationsAttr(), layout->attr,
        /*tiles=*/TilesAttr(), /*epilogueMaps=*/ArrayAttr(),
        reencodes ? builder.getUnitAttr() : UnitAttr());
    op.replaceAllUsesWith(matmul);
    op.erase();
  }
};
} // namespace
