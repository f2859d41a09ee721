//===- MatmulLoops.cpp - Loops for rlx.block_matmul
//------------------------===//
//
// A parallel loop over tiles of N. One row of activations is multiplied with
// vectors along K as they are decoded. More rows share a panel: a stretch of K
// of the tile, decoded once and transposed so that a lane is an output row.
//
//===----------------------------------------------------------------------===//

#include "passes/BlockLoops.h"

using namespace mlir;
using namespace rlx;

namespace {

/// Sizes of the tiles, all in elements.
struct Tiles {
  Tiles(const RowSteps &steps, const VectorTarget &target, int64_t k);
  int64_t lanes;        ///< of a vector
  int64_t columns;      ///< of a register tile: two vectors
  int64_t tile;         ///< N of a parallel iteration
  int64_t depth;        ///< K of a panel
  int64_t rowsUnrolled; ///< weight rows side by side for one row of activations
  SmallVector<int64_t> rows; ///< M of register tiles, largest first
};

Tiles::Tiles(const RowSteps &steps, const VectorTarget &target, int64_t k)
    : lanes(target.length), columns(2 * lanes), tile(2 * columns) {
  // A panel of two vectors should stay in the first cache beside the
  // activations.
  constexpr int64_t panelDepth = 256;
  depth = std::min(llvm::alignTo(panelDepth, steps.step),
                   llvm::alignTo(k, steps.step));
  int64_t runs = steps.step / steps.run;
  rowsUnrolled = runs >= 8 ? 1 : runs >= 4 ? 2 : 4;
  // Accumulators, two weight vectors and a broadcast must fit the registers.
  int64_t mostRows = (target.registers - 6) / 2 / 2 * 2;
  rows = {std::min<int64_t>(mostRows, 12), 4, 1};
}

class MatmulLoops {
public:
  MatmulLoops(BlockMatmulOp op, const VectorTarget &target)
      : op(op), b(op.getLoc(), op), stored(StoredOperands::of(op)),
        steps(QuantScheme(op.getScheme().getScheme()), target.length),
        x(op.getX()), y(op.getInit()),
        k(cast<MemRefType>(x.getType()).getShape().back()),
        n(cast<MemRefType>(y.getType()).getShape().back()),
        tiles(steps, target, k), deterministic(target.deterministic) {}

  void emit() {
    bool rounds = !op.getActivations().isF32();
    if (rounds)
      x = emitRoundedActivations(b, x, op.getActivations());
    op.getIds() ? emitGather() : emitMatmul();
    if (rounds)
      memref::DeallocOp::create(b, x);
  }

private:
  void emitMatmul();
  void emitGather();
  void emitRow(Value tileBegin, ValueRange weightRow, ValueRange xRow,
               ValueRange yRow, ValueRange biasRow);
  void emitDots(Value n0, int64_t rows, ValueRange weightRow, ValueRange xRow,
                ValueRange yRow, ValueRange biasRow);
  void emitPanels(Value tileBegin, Value m);
  void fillPanel(Value panel, Value scratch, Value tileBegin, Value kBegin,
                 Value kEnd);
  void decodeStep(Value scratch, Value panel, Value group, Value n0,
                  Value first, Value panelRow, int64_t length, int64_t run);
  void transposeStep(Value scratch, Value panel, Value group, Value panelRow,
                     int64_t length);
  void copyActivations(Value xTile, Value m0, int64_t rows, Value kBegin,
                       Value kLength);
  void emitRegisterTile(Value panel, Value xTile, Value m0, int64_t rows,
                        Value pair, Value n0, Value kBegin, Value kLength);
  Value loadColumns(Value memref, ValueRange indices, Value mask);
  Value tileEnd(Value tileBegin) {
    return b.min(b.add(tileBegin, tiles.tile), b.index(n));
  }

  BlockMatmulOp op;
  LoopBuilder b;
  StoredOperands stored;
  RowSteps steps;
  Value x, y;
  int64_t k, n;
  Tiles tiles;
  bool deterministic;
};

SmallVector<Value> append(ValueRange indices, Value last) {
  SmallVector<Value> all(indices);
  all.push_back(last);
  return all;
}

//===----------------------------------------------------------------------===//
// One row of activations
//===----------------------------------------------------------------------===//

/// y[yRow, n] for all n of the tile.
void MatmulLoops::emitRow(Value tileBegin, ValueRange weightRow,
                          ValueRange xRow, ValueRange yRow,
                          ValueRange biasRow) {
  Value end = tileEnd(tileBegin);
  Value rows = b.sub(end, tileBegin);
  int64_t unrolled = std::min(tiles.rowsUnrolled, n);
  Value mainEnd = b.add(tileBegin, b.mul(b.div(rows, unrolled), unrolled));
  b.loop(tileBegin, mainEnd, unrolled, [&](Value n0) {
    emitDots(n0, unrolled, weightRow, xRow, yRow, biasRow);
  });
  if (unrolled > 1 && n % unrolled != 0)
    b.loop(mainEnd, end, 1,
           [&](Value n0) { emitDots(n0, 1, weightRow, xRow, yRow, biasRow); });
}

/// The dot products of `rows` weight rows with one row of activations.
void MatmulLoops::emitDots(Value n0, int64_t rows, ValueRange weightRow,
                           ValueRange xRow, ValueRange yRow,
                           ValueRange biasRow) {
  // Sums of one row in turn, so that no addition waits for the one before.
  constexpr int64_t sumsInFlight = 4;
  SmallVector<Value> totals;
  auto accumulate = [&](Value begin, Value end, int64_t step, int64_t run) {
    int64_t sums =
        std::max<int64_t>(1, std::min(sumsInFlight / rows, step / run));
    SmallVector<Value> initial(rows * sums, b.zeros(run));
    SmallVector<Value> results =
        b.loop(begin, end, step, initial, [&](Value first, ValueRange carried) {
          SmallVector<Value> next(carried);
          Value block = b.div(first, steps.block);
          for (int64_t offset = 0; offset < step; offset += run) {
            Value activations =
                b.loadVector(x, append(xRow, b.add(first, offset)), run);
            for (int64_t row = 0; row < rows; ++row) {
              Value weights = stored.decode(
                  b, append(weightRow, b.add(n0, row)), block, offset, run);
              Value &sum = next[row * sums + offset / run % sums];
              sum = vector::FMAOp::create(b, weights, activations, sum);
            }
          }
          return next;
        });
    for (int64_t row = 0; row < rows; ++row) {
      Value sum = results[row * sums];
      for (int64_t i = 1; i < sums; ++i)
        sum = arith::AddFOp::create(b, sum, results[row * sums + i]);
      Value total = vector::ReductionOp::create(
          b, vector::CombiningKind::ADD, sum, arith::FastMathFlags::reassoc);
      if (int64_t(totals.size()) <= row)
        totals.push_back(total);
      else
        totals[row] = arith::AddFOp::create(b, totals[row], total);
    }
  };
  int64_t mainLength = steps.mainLength(k);
  if (mainLength)
    accumulate(b.index(0), b.index(mainLength), steps.step, steps.run);
  if (mainLength != k)
    accumulate(b.index(mainLength), b.index(k), steps.block, steps.tailRun);
  for (auto [row, total] : llvm::enumerate(totals)) {
    Value column = b.add(n0, row);
    if (Value bias = op.getBias())
      total = arith::AddFOp::create(
          b, total, memref::LoadOp::create(b, bias, append(biasRow, column)));
    memref::StoreOp::create(b, total, y, append(yRow, column));
  }
}

//===----------------------------------------------------------------------===//
// Several rows of activations
//===----------------------------------------------------------------------===//

/// Decodes `length` elements of a vector's worth of weight rows into `scratch`,
/// row by row, and transposes them into `panel` from `panelRow` on.
void MatmulLoops::decodeStep(Value scratch, Value panel, Value group, Value n0,
                             Value first, Value panelRow, int64_t length,
                             int64_t run) {
  Value block = b.div(first, steps.block);
  b.loop(b.index(0), b.index(tiles.lanes), 1, [&](Value row) {
    // Rows beyond the last are decoded again rather than read out of bounds.
    Value weightRow = b.min(b.add(n0, row), b.index(n - 1));
    // Stores come last: between them, loads of shared scales could not be
    // merged.
    SmallVector<Value> values;
    for (int64_t offset = 0; offset < length; offset += run)
      values.push_back(stored.decode(b, {weightRow}, block, offset, run));
    for (auto [i, value] : llvm::enumerate(values))
      b.storeVector(value, scratch, {row, b.index(i * run)});
  });
  transposeStep(scratch, panel, group, panelRow, length);
}

/// Transposes squares of vectors. What is written beyond `length` is garbage
/// that the next step overwrites or nobody reads.
void MatmulLoops::transposeStep(Value scratch, Value panel, Value group,
                                Value panelRow, int64_t length) {
  int64_t lanes = tiles.lanes;
  b.loop(b.index(0), b.index(llvm::alignTo(length, lanes)), lanes,
         [&](Value column) {
           SmallVector<Value> vectors;
           for (int64_t row = 0; row < lanes; ++row)
             vectors.push_back(
                 b.loadVector(scratch, {b.index(row), column}, lanes));
           SmallVector<int64_t> low, high;
           for (int64_t i = 0; i < lanes / 2; ++i) {
             low.append({i, lanes + i});
             high.append({lanes / 2 + i, lanes + lanes / 2 + i});
           }
           // Interleaving each vector with the one half the square away,
           // log2(lanes) times, transposes.
           for (int64_t stage = 1; stage < lanes; stage *= 2) {
             SmallVector<Value> next;
             for (int64_t i = 0; i < lanes / 2; ++i)
               for (const auto &mask : {low, high})
                 next.push_back(vector::ShuffleOp::create(
                     b, vectors[i], vectors[i + lanes / 2], mask));
             vectors = next;
           }
           for (auto [i, vector] : llvm::enumerate(vectors))
             b.storeVector(
                 vector, panel,
                 {group, b.add(b.add(panelRow, column), i), b.index(0)});
         });
}

/// The panel's stretch `kBegin` to `kEnd` of K, for the vectors of columns that
/// the tile has.
void MatmulLoops::fillPanel(Value panel, Value scratch, Value tileBegin,
                            Value kBegin, Value kEnd) {
  int64_t lanes = tiles.lanes, mainLength = steps.mainLength(k);
  Value columns = b.sub(tileEnd(tileBegin), tileBegin);
  Value groups = b.div(b.add(columns, lanes - 1), lanes);
  b.loop(b.index(0), groups, 1, [&](Value group) {
    Value n0 = b.add(tileBegin, b.mul(group, lanes));
    Value mainEnd = b.min(kEnd, b.index(mainLength));
    b.loop(kBegin, mainEnd, steps.step, [&](Value first) {
      decodeStep(scratch, panel, group, n0, first, b.sub(first, kBegin),
                 steps.step, steps.run);
    });
    if (mainLength == k)
      return;
    b.loop(b.index(mainLength), kEnd, steps.block, [&](Value first) {
      decodeStep(scratch, panel, group, n0, first, b.sub(first, kBegin),
                 steps.block, steps.tailRun);
    });
  });
}

Value MatmulLoops::loadColumns(Value memref, ValueRange indices, Value mask) {
  if (!mask)
    return b.loadVector(memref, indices, tiles.lanes);
  Value zeros = b.zeros(tiles.lanes);
  return vector::MaskedLoadOp::create(b, cast<VectorType>(zeros.getType()),
                                      memref, indices, mask, zeros);
}

/// y[m0 ..+ rows, n0 ..+ columns] plus the panel's share of the sums.
void MatmulLoops::emitRegisterTile(Value panel, Value xTile, Value m0,
                                   int64_t rows, Value pair, Value n0,
                                   Value kBegin, Value kLength) {
  int64_t vectors = tiles.columns / tiles.lanes;
  SmallVector<Value> columns, masks;
  for (int64_t v = 0; v < vectors; ++v) {
    columns.push_back(b.add(n0, v * tiles.lanes));
    Value mask;
    if (n % tiles.columns != 0) {
      // No columns are left where the tile's last pair is only half there.
      Value left = b.sub(b.index(n), b.min(columns.back(), b.index(n)));
      mask = vector::CreateMaskOp::create(
          b, VectorType::get(tiles.lanes, b.getI1Type()), left);
    }
    masks.push_back(mask);
  }
  auto yAt = [&](int64_t row, int64_t v) {
    return SmallVector<Value>{b.add(m0, row), columns[v]};
  };
  // A stretch of K is summed up by itself: the errors of one long sum would
  // grow with its length.
  SmallVector<Value> zeros(rows * vectors, b.zeros(tiles.lanes));
  SmallVector<Value> sums =
      b.loop(b.index(0), kLength, 1, zeros, [&](Value i, ValueRange carried) {
        SmallVector<Value> next(carried), weights;
        for (int64_t v = 0; v < vectors; ++v)
          weights.push_back(b.loadVector(
              panel, {b.add(b.mul(pair, vectors), v), i, b.index(0)},
              tiles.lanes));
        for (int64_t row = 0; row < rows; ++row) {
          Value activation =
              memref::LoadOp::create(b, xTile, ValueRange{b.index(row), i});
          Value spread = vector::BroadcastOp::create(
              b, VectorType::get(tiles.lanes, b.getF32Type()), activation);
          for (int64_t v = 0; v < vectors; ++v) {
            Value &sum = next[row * vectors + v];
            sum = vector::FMAOp::create(b, spread, weights[v], sum);
          }
        }
        return next;
      });
  // The first stretch of K is added to the bias, the others to what y holds.
  Value isFirst =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, kBegin, b.index(0));
  SmallVector<Type> types(rows * vectors,
                          VectorType::get(tiles.lanes, b.getF32Type()));
  auto start = scf::IfOp::create(b, types, isFirst, /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(start.thenBlock());
    SmallVector<Value> initial, held;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t v = 0; v < vectors; ++v)
        initial.push_back(
            op.getBias() ? loadColumns(op.getBias(), {columns[v]}, masks[v])
                         : b.zeros(tiles.lanes));
    scf::YieldOp::create(b, initial);
    b.setInsertionPointToStart(start.elseBlock());
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t v = 0; v < vectors; ++v)
        held.push_back(loadColumns(y, yAt(row, v), masks[v]));
    scf::YieldOp::create(b, held);
  }
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t v = 0; v < vectors; ++v) {
      int64_t i = row * vectors + v;
      Value sum = arith::AddFOp::create(b, start.getResult(i), sums[i]);
      if (masks[v])
        vector::MaskedStoreOp::create(b, y, yAt(row, v), masks[v], sum);
      else
        b.storeVector(sum, y, yAt(row, v));
    }
}

/// x[m0 ..+ rows, kBegin ..+ kLength] into a tile of its own: rows of x that
/// are a power of two apart would fight for few sets of the first cache.
void MatmulLoops::copyActivations(Value xTile, Value m0, int64_t rows,
                                  Value kBegin, Value kLength) {
  int64_t lanes = tiles.lanes;
  Value whole = b.mul(b.div(kLength, lanes), lanes);
  b.loop(b.index(0), b.index(rows), 1, [&](Value row) {
    Value xRow = b.add(m0, row);
    b.loop(b.index(0), whole, lanes, [&](Value i) {
      b.storeVector(b.loadVector(x, {xRow, b.add(kBegin, i)}, lanes), xTile,
                    {row, i});
    });
    if (k % lanes == 0 && tiles.depth % lanes == 0)
      return;
    b.loop(whole, kLength, 1, [&](Value i) {
      Value value =
          memref::LoadOp::create(b, x, ValueRange{xRow, b.add(kBegin, i)});
      memref::StoreOp::create(b, value, xTile, ValueRange{row, i});
    });
  });
}

/// All rows of activations times the tile, a stretch of K at a time.
void MatmulLoops::emitPanels(Value tileBegin, Value m) {
  int64_t lanes = tiles.lanes;
  int64_t panelRows = llvm::alignTo(tiles.depth, lanes) + lanes;
  auto panelType =
      MemRefType::get({tiles.tile / lanes, panelRows, lanes}, b.getF32Type());
  auto scratchType = MemRefType::get(
      {lanes, int64_t(llvm::alignTo(steps.step, lanes))}, b.getF32Type());
  IntegerAttr alignment = b.getI64IntegerAttr(64);
  Value panel = memref::AllocOp::create(b, panelType, ValueRange(),
                                        ValueRange(), alignment);
  Value scratch = memref::AllocOp::create(b, scratchType, ValueRange(),
                                          ValueRange(), alignment);
  auto xTileType =
      MemRefType::get({tiles.rows.front(), panelRows}, b.getF32Type());
  Value xTile = memref::AllocOp::create(b, xTileType, ValueRange(),
                                        ValueRange(), alignment);
  b.loop(b.index(0), b.index(k), tiles.depth, [&](Value kBegin) {
    Value kEnd = b.min(b.add(kBegin, tiles.depth), b.index(k));
    fillPanel(panel, scratch, tileBegin, kBegin, kEnd);
    Value kLength = b.sub(kEnd, kBegin);
    Value m0 = b.index(0);
    std::optional<int64_t> staticRows = getConstantIntValue(m);
    for (int64_t rows : tiles.rows) {
      // Of a known number of rows, only the tiles that it is cut into.
      if (staticRows && *staticRows < rows)
        continue;
      if (staticRows)
        *staticRows %= rows;
      Value count = b.div(b.sub(m, m0), rows);
      Value end = b.add(m0, b.mul(count, rows));
      b.loop(m0, end, rows, [&](Value first) {
        copyActivations(xTile, first, rows, kBegin, kLength);
        b.loop(tileBegin, tileEnd(tileBegin), tiles.columns, [&](Value n0) {
          Value pair = b.div(b.sub(n0, tileBegin), tiles.columns);
          emitRegisterTile(panel, xTile, first, rows, pair, n0, kBegin,
                           kLength);
        });
      });
      m0 = end;
    }
  });
  memref::DeallocOp::create(b, xTile);
  memref::DeallocOp::create(b, scratch);
  memref::DeallocOp::create(b, panel);
}

//===----------------------------------------------------------------------===//
// Whole operations
//===----------------------------------------------------------------------===//

void MatmulLoops::emitMatmul() {
  Value m = b.size(x, 0);
  std::optional<int64_t> staticM = getConstantIntValue(m);
  b.parallelLoop(b.index(llvm::divideCeil(n, tiles.tile)), [&](Value tile) {
    Value tileBegin = b.mul(tile, tiles.tile);
    auto oneRow = [&] {
      Value zero = b.index(0);
      emitRow(tileBegin, {}, {zero}, {zero}, {});
    };
    auto manyRows = [&] { emitPanels(tileBegin, m); };
    // The two ways add in different orders.
    if (staticM || deterministic) {
      staticM == 1 && !deterministic ? oneRow() : manyRows();
      return;
    }
    Value isOne =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, m, b.index(1));
    b.branch(isOne, oneRow, manyRows);
  });
}

void MatmulLoops::emitGather() {
  Value ids = op.getIds();
  Value experts = b.size(stored.weight, 0);
  emitIndexCheck(b, ids, experts, "expert id of 'rlx.gather_matmul'");
  Value tokens = b.size(ids, 0), slots = b.size(ids, 1);
  bool sharedRows = cast<MemRefType>(x.getType()).getRank() == 2;
  b.parallelLoop(b.index(llvm::divideCeil(n, tiles.tile)), [&](Value tile) {
    Value tileBegin = b.mul(tile, tiles.tile);
    b.loop(b.index(0), tokens, 1, [&](Value token) {
      b.loop(b.index(0), slots, 1, [&](Value slot) {
        Value expert = emitSafeIndex(b, ids, {token, slot}, experts);
        SmallVector<Value> xRow = {token};
        if (!sharedRows)
          xRow.push_back(slot);
        emitRow(tileBegin, {expert}, xRow, {token, slot}, {expert});
      });
    });
  });
}
} // namespace

LogicalResult rlx::emitMatmulLoops(BlockMatmulOp op,
                                   const VectorTarget &target) {
  MatmulLoops(op, target).emit();
  return success();
}
