//===- TileChoice.cpp - How the loops of matmuls are cut ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/TileChoice.h"

#include "passes/cpu/packed/I16Pairs.h"
#include "passes/cpu/packed/MagicNumbers.h"
#include "passes/cpu/packed/PrescaledWeights.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace rlx;

TileTarget TileTarget::of(int64_t lanes, int64_t registers,
                          StringRef instructions, bool twoVectorPorts) {
  SmallVector<StringRef> names;
  instructions.split(names, ',', -1, /*KeepEmpty=*/false);
  auto has = [&](StringRef name) { return llvm::is_contained(names, name); };
  // One instruction; a product, a sum of pairs and an addition; or shifts,
  // products and additions for each of four bytes.
  constexpr double single = 1, pairs = 3, scalar = 16;
  double dotCost = scalar;
  if (has("avx512vnni") || has("avxvnni") || has("i8mm") || has("dotprod"))
    dotCost = single;
  else if (has("avx512bw") || has("avx2") || has("ssse3") || has("neon"))
    dotCost = pairs;
  StringRef bf16Dot;
  if (lanes == 16 && has("avx512bf16"))
    bf16Dot = "llvm.x86.avx512bf16.dpbf16ps.512";
  else if (lanes == 4 && has("bf16"))
    bf16Dot = "llvm.aarch64.neon.bfdot.v4f32.v8bf16";
  StringRef i16Dot;
  if (lanes == 16 && has("avx512vnni"))
    i16Dot = "llvm.x86.avx512.vpdpwssd.512";
  else if (lanes == 8 && (has("avxvnni") || has("avx512vnni")))
    i16Dot = "llvm.x86.avx512.vpdpwssd.256";
  return {lanes, registers, dotCost, bf16Dot, i16Dot, twoVectorPorts};
}

LogicalResult rlx::checkVectors(Operation *op, int64_t lanes,
                                int64_t registers) {
  constexpr int64_t fewestLanes = 4, mostLanes = 64;
  if (lanes < fewestLanes || lanes > mostLanes || !llvm::isPowerOf2_64(lanes))
    return emitError(op->getLoc())
           << "expected the option 'vector-length' to be a power of two from "
           << fewestLanes << " to " << mostLanes << ", but got " << lanes;
  // Sums, weights and activations have to be in some at the same time.
  constexpr int64_t fewest = 16, most = 1024;
  if (registers < fewest || registers > most)
    return emitError(op->getLoc())
           << "expected the option 'vector-registers' to be " << fewest
           << " to " << most << ", but got " << registers;
  return success();
}

LogicalResult rlx::checkPacking(Operation *op) {
  auto check = [&](QuantAttr quant, Value packed, int64_t n, int64_t k,
                   int64_t lanes) -> LogicalResult {
    QuantScheme scheme(quant.getScheme());
    std::string reason;
    std::optional<PackedLayout> layout =
        PackedLayout::create(scheme, k, lanes, reason);
    if (!layout)
      return op->emitOpError() << "has no integer kernel: " << reason;
    int64_t bytes = cast<ShapedType>(packed.getType()).getShape().back();
    if (bytes == layout->tiles(n) * layout->tileBytes())
      return success();
    return op->emitOpError() << "expected the packed weight of " << n << " x "
                             << k << " elements of '" << scheme.displayName()
                             << "' in tiles of " << lanes << " rows to have "
                             << layout->tiles(n) * layout->tileBytes()
                             << " bytes, but got " << bytes;
  };
  auto last = [](Value value) {
    return cast<ShapedType>(value.getType()).getShape().back();
  };
  if (auto matmul = dyn_cast<PackedMatmulOp>(op))
    return check(matmul.getScheme(), matmul.getWeight(), last(matmul.getInit()),
                 last(matmul.getX()), matmul.getLanes());
  auto pack = dyn_cast<PackWeightOp>(op);
  if (!pack)
    return success();
  QuantScheme scheme(pack.getScheme().getScheme());
  auto stored = cast<ShapedType>(pack.getWeight().getType());
  return check(pack.getScheme(), pack.getInit(),
               stored.getDimSize(stored.getRank() - 2),
               stored.getShape().back() / scheme.blockBytes() * scheme.block(),
               pack.getLanes());
}

static PackedLayout layoutOf(PackedMatmulOp op) {
  int64_t k = cast<ShapedType>(op.getX().getType()).getShape().back();
  std::string reason;
  // There is one: `checkPacking` saw to it.
  return *PackedLayout::create(QuantScheme(op.getScheme().getScheme()), k,
                               op.getLanes(), reason);
}

static std::optional<int64_t> staticRows(PackedMatmulOp op) {
  auto x = cast<ShapedType>(op.getX().getType());
  if (op.getIds() || x.isDynamicDim(0))
    return std::nullopt;
  return x.getDimSize(0);
}

/// What the codes of many rows become by multiplying them with their scales
/// first; nothing where they are multiplied as stored. Where products with
/// bytes are several operations, larger codes take more of them.
static std::optional<PrescaledWeights>
prescaledWeightsOf(PackedMatmulOp op, const PackedLayout &layout,
                   const TileTarget &target, AllowedKernels allowed) {
  if (!allowed.prescaledWeights || op.getReencoded())
    return std::nullopt;
  std::optional<PrescaledWeights> scaled =
      PrescaledWeights::of(layout, PackedFields(layout, op));
  constexpr int64_t mostSmall = 128;
  if (scaled && target.dotCost > 1 &&
      scaled->layout(layout).codes.below > mostSmall)
    return std::nullopt;
  return scaled;
}

/// Rows that what register tiles without panels do for each vector of codes is
/// to be spared by.
static constexpr int64_t enoughRows = 8;

/// Whether there are so many, for certain. M that is not known has one kernel
/// for few rows and one for many.
static bool hasEnoughRows(PackedMatmulOp op) {
  std::optional<int64_t> m = staticRows(op);
  return m && *m >= enoughRows;
}

/// From which M on codes are multiplied with their scales first, where panels
/// begin with `minMPanel`.
static int64_t minMPrescaled(PackedMatmulOp op, int64_t minMPanel) {
  bool isDirect =
      op.getIds() || (hasEnoughRows(op) && *staticRows(op) < minMPanel);
  return isDirect ? std::min(enoughRows, minMPanel) : minMPanel;
}

static constexpr StringRef scaledWhy =
    "; from M = {0} on codes are multiplied with their scales first";

namespace {
/// Vector operations for a K step of packed weights: to decode it, to load it
/// decoded, and for each row of activations.
struct KStepCost {
  double decode = 0, stored = 0, row = 0;
  int64_t sums = 0; ///< registers that a row's sums take
};
} // namespace

static KStepCost costOf(PackedMatmulOp op, const PackedLayout &layout,
                        const TileTarget &target,
                        const std::optional<PrescaledWeights> &scaled) {
  constexpr int64_t vectors = PackedLayout::kStep / 4;
  PackedFields fields(layout, op,
                      scaled ? GroupScales::inCodes : GroupScales::ofScheme);
  int64_t bytes = activationBytes(op);
  KStepCost cost;
  cost.decode += double(layout.codeVectors()); // loads
  for (const PackedBits &bits : layout.bits) {
    if (bits.position != bits.shift)
      cost.decode += 1; // shifted
    if (bits.width < 8)
      cost.decode += 1; // masked, or merged with the bits before
  }
  if (!layout.codes.table.empty())
    cost.decode += double(vectors);
  cost.row = double(vectors * bytes) * target.dotCost;
  int64_t groups = PackedLayout::kStep / layout.sumGroup;
  if (scaled)
    cost.decode += double(vectors * scaled->operations() + 2 * groups);
  cost.stored = double(vectors);
  for (bool isThere : {fields.hasGroupScale(), fields.hasGroupOffset()})
    if (isThere)
      cost.stored += double(groups);
  if (fields.hasGroupScale()) {
    // Loaded and converted once, then a product and a sum for each of a row's
    // sums, or a conversion and both at once; two bytes are put together first.
    cost.decode += double(2 * groups);
    int64_t each = 2 * fields.kBlockSums(bytes);
    if (fields.kBlockSums(bytes) < bytes)
      each += fields.groupSums(bytes);
    cost.row += double(each * groups);
  }
  if (fields.hasGroupOffset()) {
    cost.decode += double(2 * groups);
    cost.row += double(groups);
  }
  cost.sums = fields.groupSums(bytes);
  if (fields.hasGroupScale())
    cost.sums += fields.kBlockSums(bytes);
  return cost;
}

/// The most of `candidates`, which fall, whose registers there are.
static int64_t mostRows(ArrayRef<int64_t> candidates, int64_t sums,
                        int64_t beside, int64_t registers) {
  for (int64_t rows : candidates)
    if (rows * sums + beside <= registers)
      return rows;
  return candidates.back();
}

/// Where weights are reencoded, panels have nothing but codes. Register tiles
/// are `nrPanel` wide then, and so high as fits.
static int64_t reencodedRows(int64_t bytes, int64_t nrPanel,
                             const TileTarget &target) {
  return mostRows({8, 6, 5, 4, 3, 2, 1}, nrPanel * bytes, nrPanel + 2,
                  target.registers);
}

/// Least M for which that is worth it: a register tile of `rows` rows decodes
/// again and again otherwise, or other panels have more to multiply.
static int64_t minMReencoded(const KStepCost &cost, int64_t bytes, int64_t rows,
                             const TileTarget &target) {
  // What rounding takes a K step, and a panel's wait, fitted to measurements.
  constexpr double rounding = 150, wait = 80;
  constexpr int64_t vectors = PackedLayout::kStep / 4;
  double spared = cost.row - double(vectors * bytes) * target.dotCost +
                  cost.decode / double(rows);
  double once = cost.decode + rounding + wait;
  return int64_t(std::ceil(once / std::max(spared, 1.0)));
}

/// Where all vector operations share the ports of dot products, what counts is
/// how few there are beside these, and how few loads: decoding never hides, so
/// that panels pay for fewer rows; some tiles of weights share what is loaded
/// of activations; and so many sums are in flight that none waits for the one
/// before it.
static TileChoice chooseSharedTiles(PackedMatmulOp op, const TileTarget &target,
                                    AllowedKernels allowed) {
  constexpr int64_t mostTiles = 4, highest = 512;
  // These processors do not reach far enough by themselves, and lines that only
  // come to the second cache are waited for.
  constexpr int64_t ahead = 4096;
  constexpr int64_t vectors = PackedLayout::kStep / 4;
  PackedLayout layout = layoutOf(op);
  allowed.magicNumbers &= MagicNumbers::fit(layout);
  PackedFields fields(layout, op,
                      allowed.magicNumbers ? GroupScales::floats
                                           : GroupScales::ofScheme);
  std::optional<PrescaledWeights> scaled =
      prescaledWeightsOf(op, layout, target, allowed);
  KStepCost cost = costOf(op, layout, target, scaled);
  int64_t n = cast<ShapedType>(op.getInit().getType()).getShape().back();
  int64_t bytes = activationBytes(op), sums = fields.groupSums(bytes);
  if (fields.hasGroupScale())
    sums += fields.kBlockSums(bytes);
  int64_t rows = mostRows({8, 6, 4, 2, 1}, sums, vectors, target.registers);
  if (scaled)
    sums = bytes;
  // Beside sums there are weights, and activations for the next products. The
  // more alike rows and tiles are in number, the fewer loads there are; weights
  // take one, whatever activations take.
  int64_t nrPanel = std::gcd(mostTiles, layout.macroPanel(n));
  nrPanel = std::max<int64_t>(nrPanel, 2);
  int64_t mrPanel = mostRows({6, 5, 4, 3, 2, 1}, nrPanel * sums, nrPanel + 2,
                             target.registers);
  if (op.getReencoded()) {
    sums = bytes;
    mrPanel = reencodedRows(bytes, nrPanel, target);
  }
  // What storing a panel costs beside its operations was fitted to
  // measurements.
  constexpr double wait = 55;
  double once = cost.decode + cost.stored + wait;
  int64_t from = rows * int64_t(std::ceil(once / cost.decode));
  if (op.getReencoded())
    from = minMReencoded(cost, bytes, rows, target);

  if (std::optional<int64_t> m = staticRows(op); m && *m >= from) {
    // What rows are rounded up by is wasted; each register tile loads weights.
    int64_t least = 0, most = mrPanel;
    for (int64_t some = mrPanel; some > most / 2; --some) {
      int64_t work = int64_t(llvm::divideCeil(*m, some)) * (some + 1);
      if (least == 0 || work < least) {
        least = work;
        mrPanel = some;
      }
    }
  }
  int64_t scaledRows = scaled ? minMPrescaled(op, from) : 0;
  std::string why =
      llvm::formatv("all vector operations share the ports of products: "
                    "decoding takes {0} operations a K step, loading from a "
                    "panel {1}, sums of {2} rows {3} of {4} registers",
                    int64_t(cost.decode), int64_t(cost.stored), mrPanel,
                    mrPanel * nrPanel * sums, target.registers);
  if (op.getReencoded())
    why += llvm::formatv("; from M = {0} on weights are reencoded", from);
  else if (scaled)
    why += llvm::formatv(scaledWhy.data(), scaledRows);
  else if (allowed.magicNumbers && MagicNumbers::apply(fields))
    why += "; sums of products are floats from the start, which rounds their "
           "last bits";
  return {TilesAttr::get(op.getContext(), rows, from, mrPanel,
                         llvm::alignTo(highest / bytes, mrPanel),
                         layout.macroPanel(n) * layout.lanes, layout.kBlock,
                         /*pairs=*/false, nrPanel,
                         allowed.magicNumbers && fields.hasGroupScale(),
                         scaledRows, ahead),
          why};
}

TileChoice rlx::chooseTiles(PackedMatmulOp op, const TileTarget &target,
                            AllowedKernels allowed) {
  if (target.twoVectorPorts && target.dotCost == 1)
    return chooseSharedTiles(op, target, allowed);
  PackedLayout layout = layoutOf(op);
  std::optional<PrescaledWeights> scaled =
      prescaledWeightsOf(op, layout, target, allowed);
  KStepCost cost = costOf(op, layout, target, scaled);
  constexpr int64_t vectors = PackedLayout::kStep / 4;
  int64_t bytes = activationBytes(op);
  int64_t n = cast<ShapedType>(op.getInit().getType()).getShape().back();
  // Decoded codes of a K step are live together; of a panel, one is, with a
  // scale and a product. Without a panel, rows that may be few have codes as
  // stored.
  bool decodesScaled = scaled && hasEnoughRows(op);
  int64_t directSums =
      decodesScaled ? cost.sums : costOf(op, layout, target, {}).sums;
  int64_t rows =
      mostRows({8, 6, 4, 2, 1}, directSums, vectors, target.registers);
  bool pairs =
      allowed.i16Pairs && !op.getReencoded() && !scaled &&
      layout.lanes == target.lanes &&
      I16Pairs::of(layout, PackedFields(layout, op), bytes, target.i16Dot);
  // Sums of the products of two groups, and of the K block. Four rows have
  // eight sums that do not wait for each other; more would only be more code.
  constexpr int64_t pairedSums = 3;
  int64_t mrPanel =
      pairs ? mostRows({4, 2, 1}, pairedSums, 3, target.registers)
            : mostRows({8, 4, 2, 1}, cost.sums, 3, target.registers);

  // Register tiles decode again and again, as far as that does not fit beside
  // their products. A panel is decoded and stored while nothing is multiplied,
  // which also waits for memory. Both were fitted to measurements.
  constexpr double beside = 0.2, wait = 80;
  double again = std::max(0.0, cost.decode - beside * double(rows) * cost.row);
  double once = cost.decode + cost.stored + wait;
  // A K block of these rows stays in the second cache while tiles of N pass by.
  constexpr int64_t highest = 512, mostDirect = 256;
  int64_t height = highest / bytes;
  int64_t most = std::min(mostDirect, height), from = 2 * mrPanel;
  while (from <= most && once >= double(llvm::divideCeil(from, rows)) * again)
    from += mrPanel;
  from = std::min(from, most);
  int64_t nrPanel = 1;
  if (op.getReencoded()) {
    nrPanel = layout.macroPanel(n) % 2 == 0 ? 2 : 1;
    mrPanel = reencodedRows(bytes, nrPanel, target);
    height = llvm::alignTo(height, mrPanel);
    from = minMReencoded(cost, bytes, rows, target);
  }

  int64_t columns = layout.macroPanel(n) * layout.lanes;
  // Sums of many rows share the second cache with activations: half a group.
  if (std::optional<int64_t> m = staticRows(op)) {
    if (*m >= from)
      columns = llvm::alignTo(columns / 2, layout.lanes);
    else
      pairs = false;
    // What is left of few rows would be a second register tile to compile.
    if (*m > rows && *m < 2 * rows && *m % 4 == 0)
      rows = 4;
  }
  int64_t scaledRows = scaled ? minMPrescaled(op, from) : 0;
  std::string why =
      llvm::formatv("decoding takes {0} operations a K step, loading from a "
                    "panel {1}, a row {2} and {3} of {4} registers",
                    int64_t(cost.decode), int64_t(cost.stored),
                    int64_t(cost.row), cost.sums, target.registers);
  if (op.getReencoded())
    why += llvm::formatv("; from M = {0} on weights are reencoded", from);
  if (scaled)
    why += llvm::formatv(scaledWhy.data(), scaledRows);
  if (pairs)
    why += "; panels multiply groups in pairs, which rounds scales and sums "
           "of products to 16 bits";
  return {TilesAttr::get(op.getContext(), rows, from, mrPanel, height, columns,
                         layout.kBlock, pairs, nrPanel,
                         /*magic_numbers=*/false, scaledRows, /*ahead=*/0),
          why};
}

TileChoice rlx::chooseTiles(BlockMatmulOp op, const TileTarget &target,
                            AllowedKernels) {
  auto x = cast<ShapedType>(op.getX().getType());
  int64_t k = x.getShape().back();
  int64_t n = cast<ShapedType>(op.getInit().getType()).getShape().back();
  // A register tile is two vectors wide, or four, which needs fewer loads,
  // where two products a cycle would wait for them. Its sums, vectors of
  // weights and a broadcast must fit the registers.
  constexpr int64_t beside = 6, mostRowsEver = 12;
  int64_t pairs = target.twoVectorPorts ? 2 : 1, vectors = 2 * pairs;
  int64_t rows =
      std::min((target.registers - beside) / vectors / 2 * 2, mostRowsEver);
  int64_t tile = vectors * target.lanes, columns = 4 * target.lanes;
  // For many rows the panel is wider, so that activations pass by fewer times;
  // several threads still want a few iterations each.
  constexpr int64_t manyRows = 64, fewestIterations = 8, mostTiles = 16;
  bool isMany =
      !op.getIds() && (x.isDynamicDim(0) || x.getDimSize(0) >= manyRows);
  if (isMany)
    columns = std::clamp<int64_t>(n / fewestIterations / tile, 2 / pairs,
                                  mostTiles / pairs) *
              tile;
  // A panel stays in the second cache, a few rows of activations as deep as it
  // in the first.
  constexpr int64_t depthBytes = 1024, minMPanel = 2;
  bool hasPairs = !target.bf16Dot.empty() && op.getActivations().isBF16();
  int64_t kc = depthBytes / (hasPairs ? 2 : 4);
  std::string why = llvm::formatv("{0} rows of sums fit {1} registers", rows,
                                  target.registers);
  return {TilesAttr::get(op.getContext(), /*rows=*/1, minMPanel, rows,
                         /*height=*/0, columns, std::min(kc, k),
                         /*pairs=*/false, pairs, /*magic_numbers=*/false,
                         /*min_m_prescaled=*/0, /*ahead=*/0),
          why};
}
