//===- PackedMatmulLoops.cpp - Loops for rlx.packed_matmul
//-----------------===//
//
// Integer kernels: activations are quantized, then tiles of N are computed in
// parallel. Few rows of activations read the packed weight as they go. Many
// rows share a panel, in which a stretch of the weight is decoded once; their
// sums wait in a buffer meanwhile. A row's sums are the same, bit for bit,
// either way. The arithmetic is in PackedTile.cpp.
//
//===----------------------------------------------------------------------===//

#include "passes/Epilogue.h"
#include "passes/ExpertRows.h"
#include "passes/PackedTile.h"

using namespace mlir;
using namespace rlx;

namespace {
/// How the loops are cut. Rows are those of activations.
struct Tiles {
  Tiles(TilesAttr given, const PackedLayout &layout)
      : panelFrom(given.getPanelFrom()), panelRows(given.getPanelRows()),
        height(std::max(given.getHeight(), panelRows)),
        together(llvm::divideCeil(given.getColumns(), layout.lanes)),
        stretches(std::max<int64_t>(1, given.getDepth() / layout.stretch)) {
    for (int64_t count : {given.getRows(), int64_t(4), int64_t(2), int64_t(1)})
      if (rows.empty() || count < rows.back())
        rows.push_back(count);
  }
  /// Of register tiles that decode as they read, largest first.
  SmallVector<int64_t> rows;
  int64_t panelFrom; ///< that are worth a panel
  int64_t panelRows; ///< of a register tile in a panel
  int64_t height;    ///< that share a panel
  int64_t together;  ///< tiles of N of a parallel iteration
  int64_t stretches; ///< of K before the next tiles of N
  /// Register tiles that ask for the stretch after theirs.
  int64_t prefetching() const {
    return std::max<int64_t>(1, panelFrom / panelRows);
  }
};

class PackedMatmulLoops {
public:
  PackedMatmulLoops(PackedMatmulOp op, PackedLayout layout)
      : op(op), b(op.getLoc(), op), layout(std::move(layout)),
        fields(this->layout, op), y(op.getInit()), lanes(this->layout.lanes),
        n(cast<MemRefType>(y.getType()).getShape().back()),
        bytes(op.getActivations().isInteger(8) ? 1 : 2),
        registerTile(b, this->layout, fields, bytes),
        tiles(op.getTilesAttr(), this->layout), epilogue(Epilogue::of(op)) {}

  void emit();

private:
  using Row = ExpertRows::Row;
  using Rows = ExpertRows::Range;
  void emitDirectly(const Rows &rows, Value firstTile, Value lastTile);
  bool hasPanels(const Rows &rows) const;
  void emitBlock(const Rows &rows, Value begin, Value firstTile,
                 Value lastTile);
  void emitPanels(const Rows &rows, Value firstTile, Value lastTile);
  void emitTile(const Rows &rows, Value tile, ArrayRef<Row> tileRows);
  void emitMatmul();
  void emitGather();
  void parallelTiles(llvm::function_ref<void(Value, Value)> body);
  Value startSums(const Rows &rows, Value tile);
  void storeSums(Value sums, const Row &row, Value tile);
  Value columnMask(Value tile);
  StoredStretch stored(const Rows &rows, Value tile, Value stretch,
                       bool isStream = false);

  PackedMatmulOp op;
  LoopBuilder b;
  PackedLayout layout;
  PackedFields fields;
  Value y;
  int64_t lanes, n, bytes;
  PackedTile registerTile;
  Tiles tiles;
  Epilogue epilogue;
};

SmallVector<Value> append(ValueRange indices, Value last) {
  SmallVector<Value> all(indices);
  all.push_back(last);
  return all;
}

StoredStretch PackedMatmulLoops::stored(const Rows &rows, Value tile,
                                        Value stretch, bool isStream) {
  return StoredStretch(layout, isStream ? fields.streamed() : fields,
                       op.getWeight(), append(rows.expert, tile),
                       b.mul(stretch, layout.stretchBytes()));
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
// Few rows
//===----------------------------------------------------------------------===//

/// The rows of a register tile times a tile of N, all of K.
void PackedMatmulLoops::emitTile(const Rows &rows, Value tile,
                                 ArrayRef<Row> tileRows) {
  // Memory answers after some hundred cycles: a few kilobytes at full
  // bandwidth. One or two rows read faster than what is asked for in advance
  // could come: processors then do better by themselves, but not across pages,
  // of which they are told, a line each. They are thrown off by more lines than
  // these, and by loads that are out of order. Between two uses of activations
  // a tile of weights passes by, so that long rows have left the first cache.
  constexpr int64_t ahead = 8192, pagesAhead = 24576, stretchesAhead = 2;
  bool asks = tileRows.size() > PackedTile::rowsBoundByMemory;
  SmallVector<Value> xRows;
  for (const Row &row : tileRows)
    xRows.push_back(row.x);
  SmallVector<Value> initial(tileRows.size(), startSums(rows, tile));
  SmallVector<Value> sums = b.loop(
      b.index(0), b.index(layout.k / layout.stretch), 1, initial,
      [&](Value stretch, ValueRange carried) {
        StoredStretch weights = stored(rows, tile, stretch, /*isStream=*/!asks);
        if (!asks) {
          weights.prefetchPages(b, pagesAhead);
          registerTile.prefetchRows(b.add(stretch, stretchesAhead), xRows);
        }
        return registerTile.addStretch(
            weights, stretch, xRows, [&](size_t r) { return carried[r]; },
            [&](Value chunk) {
              if (asks)
                weights.prefetch(b, chunk, layout.chunksPerStretch(), ahead);
            });
      });
  for (auto [r, row] : llvm::enumerate(tileRows))
    storeSums(sums[r], row, tile);
}

//===----------------------------------------------------------------------===//
// Many rows
//===----------------------------------------------------------------------===//

/// Rows, a multiple of those of a register tile, times some tiles.
void PackedMatmulLoops::emitPanels(const Rows &rows, Value firstTile,
                                   Value lastTile) {
  const int64_t tileRows = tiles.panelRows, prefetching = tiles.prefetching();
  auto type = MemRefType::get(
      {tiles.together, tiles.height / tileRows, tileRows, lanes},
      b.getF32Type());
  Value sums = memref::AllocOp::create(b, type, ValueRange(), ValueRange(),
                                       b.getI64IntegerAttr(64));
  StretchPanel panel(b, layout, fields);
  Value rowTiles = b.div(b.sub(rows.end, rows.begin), tileRows);
  auto eachRowTile = [&](llvm::function_ref<void(Value)> body) {
    b.loop(b.index(0), rowTiles, 1, body);
  };
  auto rowOf = [&](Value rowTile, int64_t r) {
    return rows.row(b.add(b.add(rows.begin, b.mul(rowTile, tileRows)), r));
  };
  auto sumsAt = [&](Value tile, Value rowTile, int64_t r) {
    return SmallVector<Value>{b.sub(tile, firstTile), rowTile, b.index(r),
                              b.index(0)};
  };
  b.loop(firstTile, lastTile, 1, [&](Value tile) {
    Value start = startSums(rows, tile);
    eachRowTile([&](Value rowTile) {
      for (int64_t r = 0; r < tileRows; ++r)
        b.storeVector(start, sums, sumsAt(tile, rowTile, r));
    });
  });
  int64_t stretches = layout.k / layout.stretch;
  b.loop(b.index(0), b.index(stretches), tiles.stretches, [&](Value begin) {
    Value end = b.min(b.add(begin, tiles.stretches), b.index(stretches));
    b.loop(firstTile, lastTile, 1, [&](Value tile) {
      b.loop(begin, end, 1, [&](Value stretch) {
        StoredStretch weights = stored(rows, tile, stretch);
        panel.fill(b, weights);
        eachRowTile([&](Value rowTile) {
          SmallVector<Value> xRows;
          for (int64_t r = 0; r < tileRows; ++r)
            xRows.push_back(rowOf(rowTile, r).x);
          auto before = [&](size_t r) {
            return b.loadVector(sums, sumsAt(tile, rowTile, r), lanes);
          };
          // The stretch after this one comes while the first rows are
          // multiplied, bit by bit; the others ask again in vain.
          int64_t chunks = layout.chunksPerStretch();
          Value firstPart =
              b.mul(b.min(rowTile, b.index(prefetching - 1)), chunks);
          auto prefetch = [&](Value chunk) {
            weights.prefetch(b, b.add(firstPart, chunk), prefetching * chunks,
                             layout.stretchBytes());
          };
          SmallVector<Value> after =
              registerTile.addStretch(panel, stretch, xRows, before, prefetch);
          for (int64_t r = 0; r < tileRows; ++r)
            b.storeVector(after[r], sums, sumsAt(tile, rowTile, r));
        });
      });
    });
  });
  // Rows of y lie far apart: what belongs to one is written at once.
  eachRowTile([&](Value rowTile) {
    for (int64_t r = 0; r < tileRows; ++r) {
      Row row = rowOf(rowTile, r);
      b.loop(firstTile, lastTile, 1, [&](Value tile) {
        storeSums(b.loadVector(sums, sumsAt(tile, rowTile, r), lanes), row,
                  tile);
      });
    }
  });
  panel.release(b);
  memref::DeallocOp::create(b, sums);
}

//===----------------------------------------------------------------------===//
// Whole operations
//===----------------------------------------------------------------------===//

void PackedMatmulLoops::emitDirectly(const Rows &rows, Value firstTile,
                                     Value lastTile) {
  b.loop(firstTile, lastTile, 1, [&](Value tile) {
    rows.eachTile(b, tiles.rows, [&](ArrayRef<Row> tileRows) {
      emitTile(rows, tile, tileRows);
    });
  });
}

bool PackedMatmulLoops::hasPanels(const Rows &rows) const {
  return tiles.panelFrom <= tiles.height &&
         (!rows.count || *rows.count >= tiles.panelFrom);
}

/// The block of `rows` that begins with `begin`: whole register tiles of many
/// rows through panels, what is left directly.
void PackedMatmulLoops::emitBlock(const Rows &rows, Value begin,
                                  Value firstTile, Value lastTile) {
  std::optional<int64_t> few;
  if (rows.count) {
    few = *rows.count % tiles.height;
    if (*few >= tiles.panelFrom)
      few = *few % tiles.panelRows;
  }
  Value end = b.min(b.add(begin, tiles.height), rows.end);
  Value count = b.sub(end, begin);
  Value isMany = arith::CmpIOp::create(b, arith::CmpIPredicate::uge, count,
                                       b.index(tiles.panelFrom));
  Value whole = b.mul(b.div(count, tiles.panelRows), tiles.panelRows);
  Value many = arith::SelectOp::create(b, isMany, whole, b.index(0));
  Rows block = rows, rest = rows;
  block.begin = begin;
  block.end = rest.begin = b.add(begin, many);
  rest.end = end;
  rest.count = few;
  b.branch(
      isMany, [&] { emitPanels(block, firstTile, lastTile); }, [] {});
  if (!few || *few > 0)
    emitDirectly(rest, firstTile, lastTile);
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
  auto row = [](Value index) { return Row{index, {index}}; };
  Rows rows{{}, b.index(0), m, getConstantIntValue(m), row};
  if (!hasPanels(rows))
    return parallelTiles(
        [&](Value first, Value last) { emitDirectly(rows, first, last); });
  // All of N passes by a block of rows, which stay in the cache meanwhile.
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
      if (!hasPanels(rows))
        return emitDirectly(rows, first, last);
      b.loop(rows.begin, rows.end, tiles.height,
             [&](Value begin) { emitBlock(rows, begin, first, last); });
    });
  });
  experts.release(b);
}

void PackedMatmulLoops::emit() {
  QuantizedActivations activations =
      emitQuantizeActivations(b, op.getX(), layout, registerTile.form());
  registerTile.setActivations(activations);
  op.getIds() ? emitGather() : emitMatmul();
  activations.release(b);
}
} // namespace

LogicalResult rlx::emitPackedMatmulLoops(PackedMatmulOp op) {
  QuantScheme scheme(op.getScheme().getScheme());
  int64_t k = cast<MemRefType>(op.getX().getType()).getShape().back();
  std::string reason;
  std::optional<PackedLayout> layout =
      PackedLayout::create(scheme, k, op.getLanes(), reason);
  if (!layout)
    return op.emitOpError() << "has no integer kernel: " << reason;
  PackedMatmulLoops(op, std::move(*layout)).emit();
  return success();
}
