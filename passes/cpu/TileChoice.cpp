//===- TileChoice.cpp - How the loops of matmuls are cut ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/TileChoice.h"

#include "ir/ActivationGroup.h"
#include "passes/cpu/packed/PackedMode.h"
#include "passes/cpu/target/CpuFeatures.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace rlx;

LogicalResult rlx::checkPacking(Operation *op) {
  auto check = [&](QuantAttr quant, PackedAttr given, int64_t k) {
    QuantScheme scheme(quant.getScheme());
    std::string reason;
    int64_t group = given.getActivationGroup();
    std::optional<PackedLayout> layout =
        PackedLayout::create(scheme, k, given.getLanes(),
                             group ? group : longestActivationGroup, reason);
    if (!layout)
      return LogicalResult(op->emitOpError()
                           << "has no integer kernel: " << reason);
    if (layout->attr == given)
      return success();
    return LogicalResult(op->emitOpError()
                         << "expected the layout of '" << scheme.displayName()
                         << "' for K = " << k << " and " << given.getLanes()
                         << " lanes, " << layout->attr << ", but got "
                         << given);
  };
  if (auto matmul = dyn_cast<PackedMatmulOp>(op))
    return check(matmul.getScheme(), matmul.getLayout(),
                 cast<ShapedType>(matmul.getX().getType()).getShape().back());
  auto pack = dyn_cast<PackWeightOp>(op);
  if (!pack)
    return success();
  QuantScheme scheme(pack.getScheme().getScheme());
  int64_t bytes =
      cast<ShapedType>(pack.getWeight().getType()).getShape().back();
  return check(pack.getScheme(), pack.getLayout(),
               bytes / scheme.blockBytes() * scheme.block());
}

//===----------------------------------------------------------------------===//
// Sizes and kernels
//===----------------------------------------------------------------------===//

namespace {
/// What is chosen, before a user's sizes replace some.
struct Sizes {
  int64_t mr = 1, minMPanel = 0, mrPanel = 1, nrPanel = 1, mc = 0, nc = 0,
          kc = 0, prefetchBytes = 0;
  /// Those of `cpu` where it has some. K blocks of packed weights are as
  /// stored.
  void replace(const CpuProperties &cpu, bool isPacked) {
    auto pick = [](int64_t &size, int64_t given) {
      if (given)
        size = given;
    };
    pick(mr, cpu.mr);
    pick(minMPanel, cpu.minMPanel);
    pick(mrPanel, cpu.mrPanel);
    pick(nrPanel, cpu.nrPanel);
    pick(mc, cpu.mc);
    pick(nc, cpu.nc);
    pick(kc, isPacked ? 0 : cpu.kc);
    pick(prefetchBytes, cpu.prefetchBytes);
  }
  FailureOr<TilesAttr> attribute(Operation *op,
                                 ArrayRef<KernelAttr> kernels) const {
    auto tiles = TilesAttr::getChecked([&] { return op->emitError(); },
                                       op->getContext(), mr, mrPanel, nrPanel,
                                       mc, nc, kc, prefetchBytes, kernels);
    if (!tiles)
      return failure();
    return tiles;
  }
};

/// The modes that are chosen for a matmul, by role; null where there is none.
struct Modes {
  Modes(PackedMatmulOp op, const PackedLayout &layout, const CpuProperties &cpu)
      : kernel{op, layout, cpu},
        scheme(PackedMode::choose(ModeRole::scheme, kernel)),
        other(PackedMode::choose(ModeRole::base, kernel)),
        manyRows(PackedMode::choose(ModeRole::manyRows, kernel)),
        panels(manyRows ? nullptr
                        : PackedMode::choose(ModeRole::panels, kernel)) {}
  /// Of few rows, and of all where there is no other.
  const PackedMode &base() const { return other ? *other : *scheme; }
  /// That of many rows may decode while rows are multiplied.
  bool decodesManyRows() const {
    return manyRows && !manyRows->isOfPanelsOnly();
  }
  /// It has panels and nothing else.
  bool hasManyInPanels() const {
    return manyRows && manyRows->isOfPanelsOnly();
  }
  /// What decoding costs.
  KStepCost cost() const {
    return (decodesManyRows() ? manyRows : scheme)->cost(kernel.cpu);
  }

  PackedKernel kernel;
  std::unique_ptr<PackedMode> scheme, other, manyRows, panels;
};
} // namespace

static std::optional<int64_t> staticRows(PackedMatmulOp op) {
  auto x = cast<ShapedType>(op.getX().getType());
  if (op.getIds() || x.isDynamicDim(0))
    return std::nullopt;
  return x.getDimSize(0);
}

/// What a mode of many rows does to codes costs an operation or two for each
/// vector of them; it pays from this many rows on.
static constexpr int64_t enoughRows = 8;

/// Whether there are so many, for certain. M that is not known has one kernel
/// for few rows and one for many.
static bool hasEnoughRows(PackedMatmulOp op) {
  std::optional<int64_t> m = staticRows(op);
  return m && *m >= enoughRows;
}

/// From which M on a mode of many rows that decodes while rows are multiplied
/// is used, where panels begin with `minMPanel`.
static int64_t minMOfManyRows(PackedMatmulOp op, int64_t minMPanel) {
  bool isDirect =
      op.getIds() || (hasEnoughRows(op) && *staticRows(op) < minMPanel);
  return isDirect ? std::min(enoughRows, minMPanel) : minMPanel;
}

/// The kernels of modes and sizes that were chosen, and what to say of them.
/// `minM` of many rows is that of panels unless it says otherwise.
static SmallVector<KernelAttr> kernelsOf(PackedMatmulOp op, const Modes &modes,
                                         bool hasPanelMode, const Sizes &sizes,
                                         int64_t chosenMinM) {
  auto get = [&](KernelMode mode, int64_t minM, int64_t minMPanel,
                 bool i16Pairs = false) {
    return KernelAttr::get(op.getContext(), mode, minM, minMPanel, i16Pairs);
  };
  constexpr int64_t never = 0, always = 1;
  KernelMode base = modes.base().name;
  // No block of rows is so large.
  bool hasPanels = sizes.minMPanel <= std::max(sizes.mc, sizes.mrPanel);
  int64_t minMPanel = hasPanels ? sizes.minMPanel : never;
  if (!modes.manyRows)
    return {get(base, 1, minMPanel, hasPanelMode)};
  KernelMode many = modes.manyRows->name;
  if (modes.hasManyInPanels() ||
      (!op.getIds() && chosenMinM == sizes.minMPanel))
    return {get(base, 1, never), get(many, sizes.minMPanel, always)};
  return {get(base, 1, minMPanel), get(many, chosenMinM, minMPanel)};
}

/// The most of `candidates`, which fall, whose registers there are.
static int64_t mostRows(ArrayRef<int64_t> candidates, int64_t sums,
                        int64_t beside, int64_t registers) {
  for (int64_t rows : candidates)
    if (rows * sums + beside <= registers)
      return rows;
  return candidates.back();
}

static FailureOr<TileChoice> finish(PackedMatmulOp op, const Modes &modes,
                                    bool hasPanelMode, Sizes sizes,
                                    const CpuProperties &cpu, std::string why) {
  int64_t minM =
      modes.decodesManyRows() ? minMOfManyRows(op, sizes.minMPanel) : 0;
  bool isOfPanels = minM == sizes.minMPanel;
  // What was chosen is said; a user's sizes come after that.
  const PackedMode &said = modes.manyRows ? *modes.manyRows
                           : hasPanelMode ? *modes.panels
                                          : modes.base();
  why += said.why(modes.decodesManyRows() ? minM : sizes.minMPanel);
  sizes.replace(cpu, /*isPacked=*/true);
  if (isOfPanels)
    minM = sizes.minMPanel;
  FailureOr<TilesAttr> tiles =
      sizes.attribute(op, kernelsOf(op, modes, hasPanelMode, sizes, minM));
  if (failed(tiles))
    return failure();
  return TileChoice{*tiles, why};
}

//===----------------------------------------------------------------------===//
// Packed weights
//===----------------------------------------------------------------------===//

/// A K block of so many rows of activations, of 256 bytes, takes an eighth of
/// the second cache while tiles of N pass by.
static int64_t mostRowsOfCache(const CpuProperties &cpu) {
  constexpr int64_t part = 8, rowBytes = 256;
  return cpu.l2 / (part * rowBytes);
}

/// Where all vector operations share the ports of dot products, what counts is
/// how few there are beside these, and how few loads: decoding never hides, so
/// that panels pay for fewer rows; some tiles of weights share what is loaded
/// of activations; and so many sums are in flight that none waits for the one
/// before it.
static FailureOr<TileChoice> chooseForTwoPorts(PackedMatmulOp op,
                                               const PackedLayout &layout,
                                               const CpuProperties &cpu) {
  constexpr int64_t mostTiles = 4;
  // These processors do not reach far enough by themselves, and lines that only
  // come to the second cache are waited for.
  constexpr int64_t prefetchBytes = 4096;
  constexpr int64_t vectors = PackedLayout::kStep / 4;
  Modes modes(op, layout, cpu);
  KStepCost cost = modes.cost();
  int64_t n = cast<ShapedType>(op.getInit().getType()).getShape().back();
  int64_t bytes = activationBytes(op);
  const PackedMode &many = modes.manyRows ? *modes.manyRows : modes.base();
  Sizes sizes;
  sizes.mr = mostRows({8, 6, 4, 2, 1}, modes.base().cost(cpu).sums, vectors,
                      cpu.vectorRegisters);
  int64_t sums = many.panelSums(cpu);
  // Beside sums there are weights, and activations for the next products. The
  // more alike rows and tiles are in number, the fewer loads there are; weights
  // take one, whatever activations take.
  sizes.nrPanel = std::gcd(mostTiles, layout.macroPanel(n));
  sizes.nrPanel = std::max<int64_t>(sizes.nrPanel, 2);
  sizes.mrPanel =
      mostRows(many.panelRows({6, 5, 4, 3, 2, 1}), sizes.nrPanel * sums,
               sizes.nrPanel + 2, cpu.vectorRegisters);
  // What storing a panel costs beside its operations, in operations. Fitted on
  // a Xeon (Cascade Lake), as docs/speed.md says.
  constexpr double wait = 55;
  double once = cost.decode + cost.stored + wait;
  sizes.minMPanel = sizes.mr * int64_t(std::ceil(once / cost.decode));
  if (modes.hasManyInPanels())
    sizes.minMPanel = many.minM(cost, sizes.mr, cpu);

  if (std::optional<int64_t> m = staticRows(op); m && *m >= sizes.minMPanel) {
    // What rows are rounded up by is wasted; each register tile loads weights.
    int64_t least = 0, most = sizes.mrPanel;
    for (int64_t some = most; some > most / 2; --some) {
      int64_t work = int64_t(llvm::divideCeil(*m, some)) * (some + 1);
      if (least == 0 || work < least) {
        least = work;
        sizes.mrPanel = some;
      }
    }
  }
  sizes.mc = llvm::alignTo(mostRowsOfCache(cpu) / bytes, sizes.mrPanel);
  sizes.nc = layout.macroPanel(n) * layout.lanes;
  sizes.kc = layout.kBlock;
  sizes.prefetchBytes = prefetchBytes;
  std::string why = llvm::formatv(
      "all vector operations share the ports of products: decoding takes {0} "
      "operations a K step, loading from a panel {1}, sums of {2} rows {3} of "
      "{4} registers",
      int64_t(cost.decode), int64_t(cost.stored), sizes.mrPanel,
      sizes.mrPanel * sizes.nrPanel * sums, cpu.vectorRegisters);
  return finish(op, modes, /*hasPanelMode=*/false, sizes, cpu, why);
}

/// The least M of panels where register tiles of `sizes.mr` rows decode again
/// and again, as far as that does not fit beside their products. A panel is
/// decoded and stored while nothing is multiplied, which also waits for memory.
/// `beside` (of the operations of products, how many of decoding run at the
/// same time) and `wait` (in operations) were fitted on an EPYC (Zen 4);
/// docs/speed.md has what they lose on a Zen 5.
static int64_t minMPanel(const KStepCost &cost, const Sizes &sizes) {
  constexpr double beside = 0.2, wait = 80;
  constexpr int64_t mostDirect = 256;
  double again =
      std::max(0.0, cost.decode - beside * double(sizes.mr) * cost.row);
  double once = cost.decode + cost.stored + wait;
  int64_t most = std::min(mostDirect, sizes.mc), from = 2 * sizes.mrPanel;
  while (from <= most &&
         once >= double(llvm::divideCeil(from, sizes.mr)) * again)
    from += sizes.mrPanel;
  return std::min(from, most);
}

FailureOr<TileChoice> rlx::chooseTiles(PackedMatmulOp op,
                                       const CpuProperties &cpu) {
  PackedLayout layout = PackedLayout::of(op);
  if (hasSharedPorts(cpu))
    return chooseForTwoPorts(op, layout, cpu);
  constexpr int64_t vectors = PackedLayout::kStep / 4;
  int64_t bytes = activationBytes(op);
  int64_t n = cast<ShapedType>(op.getInit().getType()).getShape().back();
  Modes modes(op, layout, cpu);
  KStepCost cost = modes.cost();
  // Decoded codes of a K step are live together; of a panel, one is, with a
  // scale and a product. Without a panel, rows that may be few have codes as
  // stored.
  bool decodesMany = modes.decodesManyRows() && hasEnoughRows(op);
  Sizes sizes;
  sizes.mr = mostRows({8, 6, 4, 2, 1},
                      decodesMany ? cost.sums : modes.scheme->cost(cpu).sums,
                      vectors, cpu.vectorRegisters);
  constexpr int64_t loaded = 3;
  static constexpr int64_t usual[] = {8, 4, 2, 1};
  sizes.mrPanel =
      modes.panels
          ? mostRows(modes.panels->panelRows(usual),
                     modes.panels->panelSums(cpu), loaded, cpu.vectorRegisters)
          : mostRows(usual, cost.sums, loaded, cpu.vectorRegisters);
  sizes.mc = llvm::alignTo(mostRowsOfCache(cpu) / bytes, sizes.mrPanel);
  sizes.minMPanel = minMPanel(cost, sizes);
  if (modes.hasManyInPanels()) {
    const PackedMode &many = *modes.manyRows;
    sizes.nrPanel = layout.macroPanel(n) % 2 == 0 ? 2 : 1;
    sizes.mrPanel =
        mostRows(many.panelRows(usual), sizes.nrPanel * many.panelSums(cpu),
                 sizes.nrPanel + 2, cpu.vectorRegisters);
    sizes.mc = llvm::alignTo(sizes.mc, sizes.mrPanel);
    sizes.minMPanel = many.minM(cost, sizes.mr, cpu);
  }

  sizes.nc = layout.macroPanel(n) * layout.lanes;
  sizes.kc = layout.kBlock;
  bool hasPanelMode = modes.panels != nullptr;
  // Sums of many rows share the second cache with activations: half a macro-
  // panel.
  if (std::optional<int64_t> m = staticRows(op)) {
    if (*m >= sizes.minMPanel)
      sizes.nc = llvm::alignTo(sizes.nc / 2, layout.lanes);
    else
      hasPanelMode = false;
    // What is left of few rows would be a second register tile to compile.
    if (*m > sizes.mr && *m < 2 * sizes.mr && *m % 4 == 0)
      sizes.mr = 4;
  }
  std::string why = llvm::formatv(
      "decoding takes {0} operations a K step, loading from a panel {1}, a row "
      "{2} and {3} of {4} registers",
      int64_t(cost.decode), int64_t(cost.stored), int64_t(cost.row), cost.sums,
      cpu.vectorRegisters);
  return finish(op, modes, hasPanelMode, sizes, cpu, why);
}

//===----------------------------------------------------------------------===//
// Weights that are read in place
//===----------------------------------------------------------------------===//

FailureOr<TileChoice> rlx::chooseTiles(BlockMatmulOp op,
                                       const CpuProperties &cpu) {
  auto x = cast<ShapedType>(op.getX().getType());
  int64_t k = x.getShape().back();
  int64_t n = cast<ShapedType>(op.getInit().getType()).getShape().back();
  // A register tile is two vectors wide, or four, which needs fewer loads,
  // where two products a cycle would wait for them. Its sums, vectors of
  // weights and a broadcast must fit the registers.
  constexpr int64_t beside = 6, mostRowsEver = 12;
  Sizes sizes;
  sizes.nrPanel = cpu.twoVectorPorts ? 2 : 1;
  int64_t vectors = 2 * sizes.nrPanel;
  sizes.mrPanel =
      std::min((cpu.vectorRegisters - beside) / vectors / 2 * 2, mostRowsEver);
  int64_t tile = vectors * cpu.lanes();
  sizes.nc = 4 * cpu.lanes();
  // For many rows the panel is wider, so that activations pass by fewer times;
  // several threads still want a few iterations each.
  constexpr int64_t manyRows = 64, fewestIterations = 8, mostTiles = 16;
  bool isMany =
      !op.getIds() && (x.isDynamicDim(0) || x.getDimSize(0) >= manyRows);
  if (isMany)
    sizes.nc =
        std::clamp<int64_t>(n / fewestIterations / tile, 2 / sizes.nrPanel,
                            mostTiles / sizes.nrPanel) *
        tile;
  // A panel stays in the second cache, a few rows of activations as deep as it
  // in the first.
  constexpr int64_t depthBytes = 1024;
  bool hasPairs = !intrinsicFor(cpu, VectorOp::bf16Dot).empty() &&
                  op.getActivations().isBF16();
  sizes.kc = std::min<int64_t>(depthBytes / (hasPairs ? 2 : 4), k);
  sizes.minMPanel = 2;
  std::string why = llvm::formatv("{0} rows of sums fit {1} registers",
                                  sizes.mrPanel, cpu.vectorRegisters);
  sizes.replace(cpu, /*isPacked=*/false);
  auto kernel = KernelAttr::get(op.getContext(), KernelMode::decoded,
                                /*min_m=*/1, sizes.minMPanel,
                                /*i16_pairs=*/false);
  FailureOr<TilesAttr> tiles = sizes.attribute(op, kernel);
  if (failed(tiles))
    return failure();
  return TileChoice{*tiles, why};
}
