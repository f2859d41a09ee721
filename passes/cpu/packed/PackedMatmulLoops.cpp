//===- PackedMatmulLoops.cpp - Loops for rlx.packed_matmul ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer kernels: activations are quantized, then tiles of N are computed in
// parallel. Few rows of activations read the packed weight as they go. Many
// rows share a panel, in which a K block of the weight is decoded once; their
// sums wait in a buffer meanwhile. A row's sums are the same, bit for bit,
// either way, unless panels hold groups in pairs, sums are floats or panels
// reencode. The arithmetic is in PackedTile.cpp.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/kernels/Epilogue.h"
#include "passes/cpu/kernels/ExpertRows.h"
#include "passes/cpu/packed/PackedLoopSizes.h"
#include "passes/cpu/packed/PackedTile.h"

using namespace mlir;
using namespace rlx;

namespace {
class PackedMatmulLoops {
public:
  PackedMatmulLoops(PackedMatmulOp op, const LoopBuilder &builder,
                    const PackedLayout &packed, PackedOperand::Codes codes,
                    const VectorTarget &target)
      : op(op), b(builder), weight(op, packed, codes, target),
        layout(weight.layout), y(op.getInit()), lanes(layout.lanes),
        n(cast<MemRefType>(y.getType()).getShape().back()),
        registerTile(b, layout, weight.fields, activationBytes(op),
                     weight.paired ? &*weight.paired : nullptr),
        tiles(op, packed, weight), epilogue(Epilogue::of(op)) {}

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
  void addKBlock(const Block &block, ArrayRef<Value> rows, ArrayRef<Value> x,
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
  PackedOperand weight;
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
  return weight.kBlock(b, n, rows.expert, tile, kBlock, isStream);
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
void PackedMatmulLoops::addKBlock(const Block &block, ArrayRef<Value> rows,
                                  ArrayRef<Value> x,
                                  ArrayRef<PackedKBlock *> weights,
                                  ArrayRef<Value> at, Value kBlock,
                                  llvm::function_ref<void(Value)> eachKStep) {
  SmallVector<Value> after = registerTile.addKBlock(
      weights, kBlock, x,
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
  // bandwidth. Where tiles do not say otherwise, they come to the second cache:
  // the first can wait for few lines at a time. One or two rows read faster
  // than what is asked for in advance could come: processors then do better by
  // themselves, but not across pages, of which they are told, a line each. They
  // are thrown off by more lines than these, and by loads that are out of
  // order. Weights that pass by take the place of activations in the first
  // cache.
  constexpr int64_t mostAhead = 8192, pagesAhead = 24576, kBlocksAhead = 2;
  bool toFirstCache = tiles.ahead > 0;
  int64_t ahead = toFirstCache ? tiles.ahead : mostAhead;
  block.rows.eachTile(b, tiles.rows, [&](ArrayRef<Value> rows) {
    SmallVector<Value> x = block.x(rows);
    bool asks = toFirstCache || rows.size() > PackedTile::rowsBoundByMemory;
    StoredKBlock weights = stored(block.rows, tile, kBlock, /*isStream=*/!asks);
    if (!asks) {
      weights.prefetchPages(b, pagesAhead);
      registerTile.prefetchRows(b.add(kBlock, kBlocksAhead), x,
                                b.sub(tile, block.firstTile), tiles.together);
    }
    addKBlock(block, rows, x, &weights, tile, kBlock, [&](Value kStep) {
      if (asks)
        weights.prefetch(b, /*tiles=*/1, kStep, layout.kStepsPerBlock(), ahead,
                         toFirstCache);
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
    panelOf(tile).fill(b, weights);
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
          .prefetch(b, panels.tiles(), part, parts, /*ahead=*/0);
      auto addTiles = [&](Value tile) {
        SmallVector<Value> at;
        for (int64_t t = 0; t < tiles.nrPanel; ++t)
          at.push_back(b.add(tile, t));
        auto panel = llvm::map_to_vector<4>(at, panelOf);
        addKBlock(
            block, rows, x,
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
                                panels.tiles());
      KBlockPanel panel = panelOf(tile);
      StoredKBlock next = stored(block.rows, tile, nextKBlock);
      int64_t kSteps = layout.kStepsPerBlock();
      Value firstPart = b.mul(part, kSteps);
      addKBlock(block, rows, x, &panel, tile, kBlock, [&](Value kStep) {
        next.prefetch(b, /*tiles=*/1, b.add(firstPart, kStep), parts * kSteps,
                      /*ahead=*/0);
      });
    });
  });
}

/// Rows times some tiles of N, all of K, in the order in which weights are
/// stored. Many rows share a panel and are, unless they are rounded up, a
/// multiple of those of a register tile.
void PackedMatmulLoops::emitTiles(const Rows &rows, Value firstTile,
                                  Value lastTile, bool isMany) {
  auto type = MemRefType::get({ShapedType::kDynamic, tiles.together, lanes},
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
  // Codes of all panels, beside which there are scales, activations and sums.
  constexpr int64_t panelBytes = 16 * 1024;
  std::optional<Reencoder> reencoder;
  if (weight.isReencoded())
    reencoder.emplace(b, weight.storedLayout, weight.storedFields);
  std::optional<KBlockPanel> panels;
  if (isMany) {
    int64_t count =
        std::min(panelBytes / (layout.kBlock * lanes), tiles.together);
    count = std::max(count / tiles.nrPanel, int64_t(1)) * tiles.nrPanel;
    panels.emplace(b, layout, weight.fields,
                   weight.paired ? &*weight.paired : nullptr,
                   reencoder ? &*reencoder : nullptr, count);
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
  if (reencoder)
    reencoder->release(b);
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
  int64_t fewest = op.getTilesAttr().getMinMPanel();
  if (tiles.nrPanel > 1 && staticRows)
    fewest = std::min(tiles.height, *staticRows);
  return std::max<int64_t>(1, fewest / tiles.mrPanel);
}

bool PackedMatmulLoops::hasPanels(const Rows &rows) const {
  return tiles.minMPanel <= tiles.height &&
         (!rows.count || *rows.count >= tiles.minMPanel);
}

/// The block of `rows` that begins with `begin`: many rows through panels, what
/// is no whole register tile of them directly.
void PackedMatmulLoops::emitBlock(const Rows &rows, Value begin,
                                  Value firstTile, Value lastTile) {
  Value end = b.min(b.add(begin, tiles.height), rows.end);
  Rows block = rows, rest = rows;
  block.begin = begin;
  block.end = end;
  if (!hasPanels(rows))
    return emitFewRows(block, firstTile, lastTile);
  std::optional<int64_t> few;
  if (rows.count) {
    few = *rows.count % tiles.height;
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
  int64_t count = layout.tiles(n), together = tiles.together;
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
  b.loop(rows.begin, rows.end, tiles.height, [&](Value begin) {
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
      b.loop(rows.begin, rows.end, tiles.height,
             [&](Value begin) { emitBlock(rows, begin, first, last); });
    });
  });
  experts.release(b);
}

void PackedMatmulLoops::emit() {
  QuantizedActivations activations =
      emitQuantizeActivations(b, op.getX(), layout, registerTile.form(),
                              tiles.roundsRowsUp ? tiles.mrPanel : 1);
  registerTile.setActivations(activations);
  op.getIds() ? emitGather() : emitMatmul();
  activations.release(b);
}

/// The codes that so many rows of activations are multiplied with, and whether
/// there are so many: null where all are multiplied with codes as stored.
struct ManyRows {
  PackedOperand::Codes codes = PackedOperand::Codes::asStored;
  Value rows, from;
};

ManyRows manyRowsOf(PackedMatmulOp op, LoopBuilder &b,
                    const PackedLayout &layout) {
  TilesAttr tiles = op.getTilesAttr();
  ManyRows many;
  if (op.getReencoded())
    many = {PackedOperand::Codes::reencoded, b.size(op.getX(), 0),
            b.index(tiles.getMinMPanel())};
  else if (PackedOperand::prescalesManyRows(op, layout))
    many = {PackedOperand::Codes::prescaled, b.size(op.getX(), 0),
            b.index(tiles.getMinMPrescaled())};
  if (!many.rows || !op.getIds())
    return many;
  // Of an expert, as many as all have on average.
  auto product = [&](Value one, Value other) -> Value {
    return b.createOrFold<arith::MulIOp>(b.getLoc(), one, other);
  };
  many.rows = product(b.size(op.getIds(), 0), b.size(op.getIds(), 1));
  many.from = product(many.from, b.size(op.getWeight(), 0));
  return many;
}
} // namespace

LogicalResult rlx::emitPackedMatmulLoops(PackedMatmulOp op,
                                         const VectorTarget &target) {
  QuantScheme scheme(op.getScheme().getScheme());
  int64_t k = cast<MemRefType>(op.getX().getType()).getShape().back();
  std::string reason;
  std::optional<PackedLayout> layout =
      PackedLayout::create(scheme, k, op.getLanes(), reason);
  if (!layout)
    return op.emitOpError() << "has no integer kernel: " << reason;
  LoopBuilder b(op.getLoc(), op);
  auto emit = [&](PackedOperand::Codes codes) {
    PackedMatmulLoops(op, b, *layout, codes, target).emit();
  };
  ManyRows many = manyRowsOf(op, b, *layout);
  auto emitFew = [&] { emit(PackedOperand::Codes::asStored); };
  if (!many.rows) {
    emitFew();
    return success();
  }
  std::optional<int64_t> rows = getConstantIntValue(many.rows),
                         from = getConstantIntValue(many.from);
  if (rows && from) {
    emit(*rows >= *from ? many.codes : PackedOperand::Codes::asStored);
    return success();
  }
  Value isMany =
      arith::CmpIOp::create(b, arith::CmpIPredicate::uge, many.rows, many.from);
  b.branch(
      isMany, [&] { emit(many.codes); }, emitFew);
  return success();
}
