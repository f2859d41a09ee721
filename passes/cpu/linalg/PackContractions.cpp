//===- PackContractions.cpp - Plain weights in panels, once ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A contraction packs one factor in panels. Where that is a weight, the panels
// are the same in each call: packing becomes operations of their own, which
// --rlx-hoist-packing moves out of the function, and the contraction reads what
// they gave by another indexing map.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/linalg/ContractionPlan.h"
#include "passes/program/ProgramPasses.h"
#include "passes/program/WeightValues.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx {
#define GEN_PASS_DEF_PACKCONTRACTIONSPASS
#include "passes/program/ProgramPasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// A matrix `[N, K]` or `[K, N]` in the panels of `packing`: zeros behind the
/// last, each index cut into its parts, and the parts in their order.
static Value packFactor(ImplicitLocOpBuilder &b, Value matrix, bool isNFirst,
                        const PackedFactor &packing) {
  auto type = cast<RankedTensorType>(matrix.getType());
  Type element = type.getElementType();
  int64_t n = type.getDimSize(isNFirst ? 0 : 1),
          k = type.getDimSize(isNFirst ? 1 : 0);
  SmallVector<int64_t> shape = packing.shape(n, k);
  int64_t wholeN = shape[1] * packing.lanes, wholeK = shape[0] * packing.kc;
  if (wholeN != n || wholeK != k) {
    SmallVector<OpFoldResult> low(2, b.getIndexAttr(0)),
        high = {b.getIndexAttr(wholeN - n), b.getIndexAttr(wholeK - k)};
    SmallVector<int64_t> padded = {wholeN, wholeK};
    if (!isNFirst) {
      std::swap(high[0], high[1]);
      std::swap(padded[0], padded[1]);
    }
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
    matrix = tensor::PadOp::create(b, RankedTensorType::get(padded, element),
                                   matrix, low, high, zero);
  }
  // [groups, lanes] of n and [blocks, words, numbers] of k.
  SmallVector<int64_t> ofN = {shape[1], packing.lanes};
  SmallVector<int64_t> ofK = {shape[0], shape[2], packing.wordK};
  SmallVector<int64_t> parts;
  SmallVector<ReassociationIndices> cut;
  SmallVector<int64_t> order;
  if (isNFirst) {
    parts = {ofN[0], ofN[1], ofK[0], ofK[1], ofK[2]};
    cut = {{0, 1}, {2, 3, 4}};
    order = {2, 0, 3, 1, 4};
  } else {
    parts = {ofK[0], ofK[1], ofK[2], ofN[0], ofN[1]};
    cut = {{0, 1, 2}, {3, 4}};
    order = {0, 3, 1, 4, 2};
  }
  Value cutUp = tensor::ExpandShapeOp::create(
      b, RankedTensorType::get(parts, element), matrix, cut);
  SmallVector<int64_t> ordered = llvm::map_to_vector(
      order, [&](int64_t dimension) { return parts[dimension]; });
  Value empty = tensor::EmptyOp::create(b, ordered, element);
  Value panels =
      linalg::TransposeOp::create(b, cutUp, empty, order)->getResult(0);
  return tensor::CollapseShapeOp::create(
      b, panels, SmallVector<ReassociationIndices>{{0}, {1}, {2}, {3, 4}});
}

namespace {
struct PackContractionsPass
    : rlx::impl::PackContractionsPassBase<PackContractionsPass> {
  using PackContractionsPassBase::PackContractionsPassBase;

  void runOnOperation() override {
    const CpuProperties cpu = CpuAttr::of(getOperation());
    getOperation().walk([](linalg::LinalgOp op) {
      if (op.getNumReductionLoops() > 0 && op->getNumRegions() == 1)
        gatherFactors(op);
    });
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isPrivate() || function.isExternal())
        continue;
      WeightValues weights(function);
      SmallVector<linalg::LinalgOp> all;
      function.walk([&](linalg::LinalgOp op) { all.push_back(op); });
      for (linalg::LinalgOp op : all)
        packWeight(op, weights, cpu);
    }
  }

  void packWeight(linalg::LinalgOp op, WeightValues &weights,
                  const CpuProperties &cpu) {
    constexpr int64_t f32Bits = 32;
    std::optional<Contraction> shape =
        Contraction::ofTensors(op, cpu.vectorBits / f32Bits);
    if (!shape || !contractionSumType(shape->type) ||
        shape->b.dims.size() != 2 || !weights.contains(shape->b.memref))
      return;
    // Few products are left to plain loops.
    constexpr int64_t fewElements = 512;
    int64_t n = shape->size(shape->n), k = shape->size(shape->k), m = 1;
    for (unsigned loop : shape->outer) {
      int64_t size = shape->size(loop);
      m = ShapedType::isDynamic(size) || ShapedType::isDynamic(m)
              ? ShapedType::kDynamic
              : std::min<int64_t>(m * size, 1024);
    }
    if (m == 0 || n * k < fewElements)
      return;
    // The weight before it was transposed.
    Value matrix = shape->b.memref;
    SmallVector<AffineExpr> dims = shape->b.dims;
    while (auto transpose = matrix.getDefiningOp<linalg::TransposeOp>()) {
      if (transpose.getPermutation()[0] == 1)
        std::swap(dims[0], dims[1]);
      matrix = transpose.getInput();
    }
    ImplicitLocOpBuilder b(op.getLoc(), op);
    unsigned index = shape->b.element.getArgNumber();
    // A single row is multiplied with b as it lies.
    if (m == 1 && !cpu.deterministic) {
      if (matrix != shape->b.memref)
        replace(b, op, index, matrix, dims);
      return;
    }
    PackedFactor packing = ContractionPlan::packingOf(*shape, cpu);
    // What WeightValues takes for worth being kept.
    constexpr int64_t fewPadded = 1 << 13;
    int64_t padded = 1;
    for (int64_t size : packing.shape(n, k))
      padded *= size;
    if (padded > std::max(fewPadded, n * k + n * k / 2))
      return;
    AffineExpr ofN = b.getAffineDimExpr(*shape->n),
               ofK = b.getAffineDimExpr(*shape->k);
    Value packed = packFactor(b, matrix, dims[0] == ofN, packing);
    if (printChoices)
      op->emitRemark() << "the weight is packed once, in panels of "
                       << packing.lanes << " columns and K " << packing.kc;
    replace(b, op, index, packed, packing.dims(ofN, ofK));
  }

  /// `op` with `factor` as its input `index`, indexed by `dims`.
  static void replace(ImplicitLocOpBuilder &b, linalg::LinalgOp op,
                      unsigned index, Value factor, ArrayRef<AffineExpr> dims) {
    SmallVector<Value> inputs = op.getDpsInputs();
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    inputs[index] = factor;
    maps[index] = AffineMap::get(op.getNumLoops(), 0, dims, b.getContext());
    auto generic = linalg::GenericOp::create(b, op->getResultTypes(), inputs,
                                             op.getDpsInits(), maps,
                                             op.getIteratorTypesArray());
    IRMapping mapping;
    op->getRegion(0).cloneInto(&generic.getRegion(), mapping);
    op->replaceAllUsesWith(generic);
    op->erase();
  }
};
} // namespace
