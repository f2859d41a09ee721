//===- PackedMatmulLoops.cpp - Loops for rlx.packed_matmul ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer kernels: activations are quantized, then tiles of N are computed in
// parallel. Few rows of activations read the packed weight as they go. Many
// rows share a panel, in which a K block of the weight is decoded once; their
// sums wait in a buffer meanwhile. A row's sums are the same, bit for bit,
// either way, unless the mode of a kernel rounds
// (passes/cpu/packed/PackedMode.h). The arithmetic is in PackedTile.cpp.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/kernels/Epilogue.h"
#include "passes/cpu/kernels/ExpertRows.h"
#include "passes/cpu/packed/PackedLoopSizes.h"
#include "passes/cpu/packed/PackedLoops.h"
#include "passes/cpu/packed/PackedMode.h"
#include "passes/cpu/packed/SharedActivations.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

namespace {
class PackedMatmulLoops {
public:
  PackedMatmulLoops(PackedMatmulOp op, const LoopBuilder &builder,
                    KernelAttr kernel, const KernelModes &modes,
                    const CpuProperties &cpu, SharedActivations *shared)
      : op(op), b(builder), kernel(kernel), modes(modes), cpu(cpu),
        shared(shared), layout(modes.direct->layout), y(op.getInit()),
        lanes(layout.lanes), n(cast<MemRefType>(y.getType()).getShape().back()),
        registerTile(b, layout, modes.direct->bytes),
        tiles(op.getTilesAttr(), kernel, lanes), epilogue(Epilogue::of(op)) {}

  void emit();

private:
  using Row = ExpertRows::Row;
  using Rows = ExpertRows::Range;
  /// Some rows times some tiles.
  struct Block {
    const Rows &rows;
    Value firstTile;
    Value lastTile;
    Value sums; ///< `[row, tile, lane]`

    SmallVector<Value> at(LoopBuilder &b, Value tile, Value row) const {
      return {b.sub(row, rows.begin), b.sub(tile, firstTile), b.index(0)};
    }
    void eachTile(LoopBuilder &b, llvm::function_ref<void(Value)> body) const {
      b.loop(firstTile, lastTile, 1, body);
    }
    SmallVector<Value> x(ArrayRef<Value> some) const {
      return llvm::map_to_vector(some,
                                 [&](Value row) { return rows.row(row).x; });
    }
  };
  void addKBlock(const PackedMode &mode, const Block &block,
                 ArrayRef<Value> rows, ArrayRef<Value> x,
                 ArrayRef<PackedKBlock *> weights, ArrayRef<Value> at,
                 Value kBlock, llvm::function_ref<void(Value)> eachKStep);
  void emitDirectly(const Block &block, Value tile, Value kBlock);
  void emitThroughPanels(const Block &block, const KBlockPanel &panels,
                         Value firstTile, Value kBlock);
  void emitTiles(const Rows &rows, Value firstTile, Value lastTile,
                 bool isMany);
  void emitFewRows(const Rows &rows, Value firstTile, Value lastTile);
  int64_t prefetching();
  bool hasPanels(const Rows &rows) const;
  void emitBlock(const Rows &rows, Value begin, Value firstTile,
                 Value lastTile);
  void emitMatmul();
  void emitGather();
  void parallelTiles(llvm::function_ref<void(Value, Value)> body);
  Value startSums(const Rows &rows, Value tile);
  void storeSums(Value sums, const Row &row, Value tile);
  Value columnMask(Value tile);
  StoredKBlock stored(const Rows &rows, Value tile, Value kBlock,
                      bool isStream = false);

  PackedMatmulOp op;
  LoopBuilder b;
  KernelAttr kernel;
  const KernelModes &modes;
  const CpuProperties &cpu;
  SharedActivations *shared;  ///< null where the loops are part of a branch
  const PackedLayout &layout; ///< that register tiles read
  Value y;
  int64_t lanes, n;
  std::optional<int64_t> staticRows; ///< M, where it is known
  PackedTile registerTile;
  PackedLoopSizes tiles;
  Epilogue epilogue;
};

SmallVector<Value> append(ValueRange indices, Value last) {
  SmallVector<Value> all(indices);
  all.push_back(last);
  return all;
}

StoredKBlock PackedMatmulLoops::stored(const Rows &rows, Value tile,
                                       Value kBlock, bool isStream) {
  Value begin = kBlockBegin(b, modes.direct->storedLayout, n, tile, kBlock);
  return StoredKBlock(*modes.direct, op.getWeight(), rows.expert, begin,
                      isStream);
}

/// Which columns of a tile y has; null where all tiles are whole.
Value PackedMatmulLoops::columnMask(Value tile) {
  if (n % lanes == 0)
    return Value();
  return vector::CreateMaskOp::create(b, VectorType::get(lanes, b.getI1Type()),
                                      b.sub(b.index(n), b.mul(tile, lanes)));
}

/// What sums of a row begin with: the bias, or zeros.
Value PackedMatmulLoops::startSums(const Rows &rows, Value tile) {
  Value zeros = b.zeros(lanes), bias = op.getBias();
  if (!bias)
    return zeros;
  SmallVector<Value> at = append(rows.expert, b.mul(tile, lanes));
  if (Value mask = columnMask(tile))
    return vector::MaskedLoadOp::create(b, cast<VectorType>(zeros.getType()),
                                        bias, at, mask, zeros);
  return b.loadVector(bias, at, lanes);
}

void PackedMatmulLoops::storeSums(Value sums, const Row &row, Value tile) {
  SmallVector<Value> at = append(row.y, b.mul(tile, lanes));
  Value mask = columnMask(tile);
  sums = epilogue.apply(b, sums, row.y, at.back(), mask);
  if (mask)
    vector::MaskedStoreOp::create(b, y, at, mask, sums);
  else
    b.storeVector(sums, y, at);
}

//===----------------------------------------------------------------------===//
// Rows times tiles
//===----------------------------------------------------------------------===//

/// Adds the products of a register tile with a K block of the tiles `at` to its
/// sums. All sums are read before one is stored: rows may repeat.
void PackedMatmulLoops::addKBlock(const PackedMode &mode, const Block &block,
                                  ArrayRef<Value> rows, ArrayRef<Value> x,
                                  ArrayRef<PackedKBlock *> weights,
                                  ArrayRef<Value> at, Value kBlock,
                                  llvm::function_ref<void(Value)> eachKStep) {
  SmallVector<Value> after = registerTile.addKBlock(
      mode, weights, kBlock, x,
      [&](size_t r, size_t t) {
        return b.loadVector(block.sums, block.at(b, at[t], rows[r]), lanes);
      },
      eachKStep);
  for (auto [i, sum] : llvm::enumerate(after))
    b.storeVector(sum, block.sums,
                  block.at(b, at[i % at.size()], rows[i / at.size()]));
}

/// Few rows times a K block of a tile, which is decoded as it is read.
void PackedMatmulLoops::emitDirectly(const Block &block, Value tile,
                                     Value kBlock) {
  // Memory answers after some hundred cycles: a few kilobytes at full
  // bandwidth. Where tiles do not say otherwise, weights come to the second
  // cache: the first can wait for few lines at a time. One or two rows are
  // bound by memory. The hardware prefetcher is better than prefetch
  // instructions then, except that it stops at the end of a page, so that one
  // line of each next page is prefetched. More prefetches, or loads out of
  // order, would disturb it. Weights that pass by displace activations from the
  // first cache.
  constexpr int64_t distance = 8192, pageDistance = 24576, kBlocksAhead = 2;
  bool toFirstCache = tiles.prefetchBytes > 0;
  block.rows.eachTile(b, tiles.mr, [&](ArrayRef<Value> rows) {
    SmallVector<Value> x = block.x(rows);
    bool prefetches =
        toFirstCache || rows.size() > PackedTile::rowsBoundByMemory;
    StoredKBlock weights =
        stored(block.rows, tile, kBlock, /*isStream=*/!prefetches);
    if (!prefetches) {
      weights.prefetchPages(b, pageDistance, cpu.page);
      registerTile.prefetchRows(b.add(kBlock, kBlocksAhead), x,
                                b.sub(tile, block.firstTile), tiles.macroPanel,
                                cpu.cacheLine);
    }
    addKBlock(*modes.direct, block, rows, x, &weights, tile, kBlock,
              [&](Value kStep) {
                if (prefetches)
                  weights.prefetch(
                      b, /*tiles=*/1, kStep, layout.kStepsPerBlock(),
                      toFirstCache ? tiles.prefetchBytes : distance,
                      cpu.cacheLine, toFirstCache);
              });
  });
}

/// Rows times a K block of as many tiles as there are panels: these stay in the
/// first cache, while activations and sums pass by once.
void PackedMatmulLoops::emitThroughPanels(const Block &block,
                                          const KBlockPanel &panels,
                                          Value firstTile, Value kBlock) {
  Value lastTile = b.min(b.add(firstTile, panels.tiles()), block.lastTile);
  auto panelOf = [&](Value tile) { return panels.of(b.sub(tile, firstTile)); };
  Value nextKBlock = b.add(kBlock, 1);
  b.loop(firstTile, lastTile, 1, [&](Value tile) {
    StoredKBlock weights = stored(block.rows, tile, kBlock);
    KBlockPanel panel = panelOf(tile);
    modes.ofPanels().fill(b, weights, panel);
  });
  // Experts have what rows they have: what is left of them repeats the last
  // one.
  auto rowAt = [&](Value row, int64_t more, bool isThere) {
    row = b.add(row, more);
    return isThere || !op.getIds()
               ? row
               : b.min(row, b.sub(block.rows.end, b.index(1)));
  };
  b.loop(block.rows.begin, block.rows.end, tiles.mrPanel, [&](Value first) {
    SmallVector<Value> rows;
    for (int64_t r = 0; r < tiles.mrPanel; ++r)
      rows.push_back(
          rowAt(first, r, /*isThere=*/r == 0 || !tiles.roundsRowsUp));
    SmallVector<Value> x = block.x(rows);
    // The K block after this one comes while the first rows are multiplied, bit
    // by bit; the others ask again in vain.
    int64_t parts = prefetching();
    Value rowTile = b.div(b.sub(first, block.rows.begin), tiles.mrPanel);
    Value part = b.min(rowTile, b.index(parts - 1));
    if (tiles.nrPanel > 1) {
      stored(block.rows, firstTile, nextKBlock)
          .prefetch(b, panels.tiles(), part, parts, /*distance=*/0,
                    cpu.cacheLine);
      auto addTiles = [&](Value tile) {
        SmallVector<Value> at;
        for (int64_t t = 0; t < tiles.nrPanel; ++t)
          at.push_back(b.add(tile, t));
        auto panel = llvm::map_to_vector<4>(at, panelOf);
        addKBlock(
            modes.ofPanels(), block, rows, x,
            llvm::map_to_vector(
                panel, [](KBlockPanel &one) -> PackedKBlock * { return &one; }),
            at, kBlock, [](Value) {});
      };
      return panels.tiles() == tiles.nrPanel
                 ? addTiles(firstTile)
                 : b.loop(firstTile, lastTile, tiles.nrPanel, addTiles);
    }
    // Activations of long rows come from memory: some register tiles ahead.
    constexpr int64_t tilesAhead = 3;
    SmallVector<Value> nextX =
        block.x(llvm::map_to_vector(rows, [&](Value row) {
          return rowAt(row, tilesAhead * tiles.mrPanel, /*isThere=*/false);
        }));
    b.loop(firstTile, lastTile, 1, [&](Value tile) {
      registerTile.prefetchRows(kBlock, nextX, b.sub(tile, firstTile),
                                panels.tiles(), cpu.cacheLine);
      KBlockPanel panel = panelOf(tile);
      StoredKBlock next = stored(block.rows, tile, nextKBlock);
      int64_t kSteps = layout.kStepsPerBlock();
      Value firstPart = b.mul(part, kSteps);
      addKBlock(modes.ofPanels(), block, rows, x, &panel, tile, kBlock,
                [&](Value kStep) {
                  next.prefetch(b, /*tiles=*/1, b.add(firstPart, kStep),
                                parts * kSteps, /*distance=*/0, cpu.cacheLine);
                });
    });
  });
}

/// Rows times some tiles of N, all of K, in the order in which weights are
/// stored. Many rows share a panel and are, unless they are rounded up, a
/// multiple of those of a register tile.
void PackedMatmulLoops::emitTiles(const Rows &rows, Value firstTile,
                                  Value lastTile, bool isMany) {
  auto type = MemRefType::get({ShapedType::kDynamic, tiles.macroPanel, lanes},
                              b.getF32Type());
  Value count = b.sub(rows.end, rows.begin);
  if (isMany)
    count = b.roundUp(count, tiles.mrPanel);
  Value sums = memref::AllocOp::create(b, type, ValueRange{count}, ValueRange(),
                                       b.getI64IntegerAttr(64));
  Block block{rows, firstTile, lastTile, sums};
  auto eachRow = [&](llvm::function_ref<void(Value)> body) {
    b.loop(rows.begin, rows.end, 1, body);
  };
  block.eachTile(b, [&](Value tile) {
    Value start = startSums(rows, tile);
    eachRow(
        [&](Value row) { b.storeVector(start, sums, block.at(b, tile, row)); });
  });
  std::optional<KBlockPanel> panels;
  if (isMany) {
    // Codes of all panels take half of the first cache, beside which there are
    // scales, activations and sums.
    int64_t count =
        std::min(cpu.l1 / 2 / (layout.kBlock * lanes), tiles.macroPanel);
    count = std::max(count / tiles.nrPanel, int64_t(1)) * tiles.nrPanel;
    panels.emplace(b, modes.ofPanels(), count);
  }
  b.loop(b.index(0), b.index(layout.kBlocks()), 1, [&](Value kBlock) {
    b.loop(firstTile, lastTile, panels ? panels->tiles() : 1, [&](Value tile) {
      if (panels)
        emitThroughPanels(block, *panels, tile, kBlock);
      else
        emitDirectly(block, tile, kBlock);
    });
  });
  // Rows of y lie far apart: what belongs to one is written at once.
  eachRow([&](Value index) {
    Row row = rows.row(index);
    block.eachTile(b, [&](Value tile) {
      storeSums(b.loadVector(sums, block.at(b, tile, index), lanes), row, tile);
    });
  });
  if (panels)
    panels->release(b);
  memref::DeallocOp::create(b, sums);
}

//===----------------------------------------------------------------------===//
// Whole operations
//===----------------------------------------------------------------------===//

/// Rows of any number, mostly one: that one waits for memory alone.
void PackedMatmulLoops::emitFewRows(const Rows &rows, Value firstTile,
                                    Value lastTile) {
  auto emit = [&](const Rows &some) {
    emitTiles(some, firstTile, lastTile, /*isMany=*/false);
  };
  if (rows.count)
    return emit(rows);
  Rows one = rows;
  one.count = 1;
  one.end = b.add(rows.begin, 1);
  Value isOne =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rows.end, one.end);
  b.branch(
      isOne, [&] { emit(one); }, [&] { emit(rows); });
}

/// Register tiles of rows that ask for the K block after theirs.
int64_t PackedMatmulLoops::prefetching() {
  int64_t fewest = tiles.minMPanel == 1 ? kernel.getMinM() : tiles.minMPanel;
  if (tiles.nrPanel > 1 && staticRows)
    fewest = std::min(tiles.mc, *staticRows);
  return std::max<int64_t>(1, fewest / tiles.mrPanel);
}

bool PackedMatmulLoops::hasPanels(const Rows &rows) const {
  return tiles.minMPanel != 0 && tiles.minMPanel <= tiles.mc &&
         (!rows.count || *rows.count >= tiles.minMPanel);
}

/// The block of `rows` that begins with `begin`: many rows through panels, what
/// is no whole register tile of them directly.
void PackedMatmulLoops::emitBlock(const Rows &rows, Value begin,
                                  Value firstTile, Value lastTile) {
  Value end = b.min(b.add(begin, tiles.mc), rows.end);
  Rows block = rows, rest = rows;
  block.begin = begin;
  block.end = end;
  if (!hasPanels(rows))
    return emitFewRows(block, firstTile, lastTile);
  std::optional<int64_t> few;
  if (rows.count) {
    few = *rows.count % tiles.mc;
    if (*few >= tiles.minMPanel)
      few = tiles.roundsRowsUp ? 0 : *few % tiles.mrPanel;
  }
  Value count = b.sub(end, begin);
  Value isMany = arith::CmpIOp::create(b, arith::CmpIPredicate::uge, count,
                                       b.index(tiles.minMPanel));
  Value whole = tiles.roundsRowsUp
                    ? count
                    : b.mul(b.div(count, tiles.mrPanel), tiles.mrPanel);
  Value many = arith::SelectOp::create(b, isMany, whole, b.index(0));
  block.end = rest.begin = b.add(begin, many);
  block.count = std::nullopt;
  rest.end = end;
  rest.count = few;
  b.branch(
      isMany, [&] { emitTiles(block, firstTile, lastTile, /*isMany=*/true); },
      [] {});
  if (tiles.minMPanel == 1 || (few && *few == 0))
    return;
  Value hasRest =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ult, rest.begin, end);
  b.branch(
      hasRest, [&] { emitFewRows(rest, firstTile, lastTile); }, [] {});
}

void PackedMatmulLoops::parallelTiles(
    llvm::function_ref<void(Value, Value)> body) {
  int64_t count = layout.tiles(n), together = tiles.macroPanel;
  b.parallelLoop(b.index(llvm::divideCeil(count, together)), [&](Value index) {
    Value first = b.mul(index, together);
    body(first, b.min(b.add(first, together), b.index(count)));
  });
}

void PackedMatmulLoops::emitMatmul() {
  Value m = b.size(op.getX(), 0);
  staticRows = getConstantIntValue(m);
  auto row = [](Value index) { return Row{index, {index}}; };
  Rows rows{{}, b.index(0), m, staticRows, row};
  if (!hasPanels(rows))
    return parallelTiles(
        [&](Value first, Value last) { emitFewRows(rows, first, last); });
  // All of N passes by a block of rows, of which a K block stays in the cache.
  b.loop(rows.begin, rows.end, tiles.mc, [&](Value begin) {
    parallelTiles(
        [&](Value first, Value last) { emitBlock(rows, begin, first, last); });
  });
}

void PackedMatmulLoops::emitGather() {
  bool sharedRows = cast<MemRefType>(op.getX().getType()).getRank() == 2;
  ExpertRows experts(b, op.getIds(), b.size(op.getWeight(), 0), sharedRows);
  parallelTiles([&](Value first, Value last) {
    b.loop(b.index(0), experts.experts(), 1, [&](Value expert) {
      auto row = [&](Value entry) { return experts.row(b, entry); };
      Rows rows{{expert},
                experts.begin(b, expert),
                experts.end(b, expert),
                std::nullopt,
                row};
      b.loop(rows.begin, rows.end, tiles.mc,
             [&](Value begin) { emitBlock(rows, begin, first, last); });
    });
  });
  experts.release(b);
}

void PackedMatmulLoops::emit() {
  int64_t multiple = tiles.roundsRowsUp ? tiles.mrPanel : 1;
  const QuantizedActivations *known =
      shared ? shared->find(op, modes.form(), multiple) : nullptr;
  QuantizedActivations activations =
      known ? *known
            : emitQuantizeActivations(b, op.getX(), layout, modes.form(),
                                      multiple);
  registerTile.setActivations(activations);
  op.getIds() ? emitGather() : emitMatmul();
  if (shared)
    shared->release(b, op, multiple, activations);
  else
    activations.release(b);
}

/// Rows of activations, of experts all together, and from how many on the
/// kernel is for them.
std::pair<Value, Value> rowsAndLeast(PackedMatmulOp op, LoopBuilder &b,
                                     KernelAttr kernel) {
  Value rows = b.size(op.getX(), 0), least = b.index(kernel.getMinM());
  if (!op.getIds())
    return {rows, least};
  auto product = [&](Value one, Value other) -> Value {
    return b.createOrFold<arith::MulIOp>(b.getLoc(), one, other);
  };
  return {product(b.size(op.getIds(), 0), b.size(op.getIds(), 1)),
          product(least, b.size(op.getWeight(), 0))};
}
} // namespace

LogicalResult rlx::emitPackedMatmulLoops(PackedMatmulOp op,
                                         const CpuProperties &cpu,
                                         SharedActivations &shared) {
  const PackedLayout layout = PackedLayout::of(op);
  LoopBuilder b(op.getLoc(), op);
  ArrayRef<KernelAttr> kernels = op.getTilesAttr().getKernels();
  SmallVector<KernelModes> modes;
  for (KernelAttr kernel : kernels) {
    FailureOr<KernelModes> some = KernelModes::of(op, kernel, layout, cpu);
    if (failed(some))
      return failure();
    modes.push_back(std::move(*some));
  }
  auto emit = [&](size_t i, SharedActivations *shared = nullptr) {
    PackedMatmulLoops(op, b, kernels[i], modes[i], cpu, shared).emit();
  };
  if (kernels.size() == 1) {
    emit(0, &shared);
    return success();
  }
  auto [rows, least] = rowsAndLeast(op, b, kernels[1]);
  std::optional<int64_t> knownRows = getConstantIntValue(rows),
                         knownLeast = getConstantIntValue(least);
  if (knownRows && knownLeast) {
    emit(*knownRows >= *knownLeast ? 1 : 0, &shared);
    return success();
  }
  Value isMany =
      arith::CmpIOp::create(b, arith::CmpIPredicate::uge, rows, least);
  b.branch(
      isMany, [&] { emit(1); }, [&] { emit(0); });
  return success();
}
