//===- MatmulLoops.cpp - Loops for rlx.block_matmul -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A parallel loop over tiles of N. One row of activations is multiplied with
// vectors along K as they are decoded. More rows share a panel: a K block
// of the tile, decoded once and transposed so that a lane is an output row.
// Where the target multiplies pairs of bf16 and activations are bf16, panels
// and activations are rounded to it; else activations are rounded and computed
// in f32.
//
//===----------------------------------------------------------------------===//

#include "ir/ActivationGroup.h"
#include "ir/Scheme.h"
#include "passes/cpu/kernels/Epilogue.h"
#include "passes/cpu/kernels/ExpertRows.h"
#include "passes/cpu/kernels/LoopKernels.h"
#include "passes/cpu/kernels/WeightPanel.h"
#include "passes/cpu/target/CpuFeatures.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

namespace {

/// Sizes of the tiles, all in elements.
struct Tiles {
  Tiles(const RowSteps &steps, const CpuProperties &cpu, TilesAttr given,
        int64_t k);
  int64_t lanes;        ///< of a vector
  int64_t columns;      ///< of a register tile: pairs of vectors
  int64_t tile;         ///< N of a parallel iteration
  int64_t depth;        ///< K of a panel
  int64_t rowsUnrolled; ///< weight rows side by side for one row of activations
  int64_t minMPanel;    ///< least M of a panel
  SmallVector<int64_t> rows; ///< M of register tiles, largest first
};

Tiles::Tiles(const RowSteps &steps, const CpuProperties &cpu, TilesAttr given,
             int64_t k)
    : lanes(cpu.lanes()), columns(2 * lanes * given.getNrPanel()),
      tile(llvm::alignTo(given.getNc(), columns)),
      depth(std::min(llvm::alignTo(given.getKc(), steps.step),
                     llvm::alignTo(k, steps.step))),
      minMPanel(given.getKernels().front().getMinMPanel()) {
  if (minMPanel == 0) // Never.
    minMPanel = std::numeric_limits<int64_t>::max();
  int64_t runs = steps.step / steps.run;
  rowsUnrolled = runs >= 8 ? 1 : runs >= 4 ? 2 : 4;
  for (int64_t count : {given.getMrPanel(), int64_t(4), int64_t(1)})
    if (rows.empty() || count < rows.back())
      rows.push_back(count);
}

class MatmulLoops {
public:
  MatmulLoops(BlockMatmulOp op, const CpuProperties &cpu)
      : op(op), b(op.getLoc(), op), stored(StoredOperands::of(op)),
        steps(QuantScheme(op.getScheme().getScheme()), cpu.lanes()),
        x(op.getX()), y(op.getInit()),
        k(cast<MemRefType>(x.getType()).getShape().back()),
        n(cast<MemRefType>(y.getType()).getShape().back()),
        tiles(steps, cpu, op.getTilesAttr(), k), epilogue(Epilogue::of(op)),
        deterministic(cpu.deterministic),
        wordsOfLine(cpu.cacheLine / int64_t(sizeof(float))) {
    if (op.getActivations().isBF16() && WeightPanel::canPair(steps, k))
      pairDot = intrinsicFor(cpu, VectorOp::bf16Dot);
  }

  void emit() { op.getIds() ? emitGather() : emitMatmul(); }

private:
  using Row = ExpertRows::Row;
  using Rows = ExpertRows::Range;
  void emitMatmul();
  void emitGather();
  void withRounded(llvm::function_ref<void()> body);
  void parallelTiles(llvm::function_ref<void(Value)> body);
  void emitRow(Value tileBegin, ValueRange weightRow, ValueRange xRow,
               ValueRange yRow, ValueRange biasRow);
  void emitDots(Value n0, int64_t rows, ValueRange weightRow, ValueRange xRow,
                ValueRange yRow, ValueRange biasRow);
  void emitPanels(Value tileBegin, const Rows &rows);
  void copyActivations(Value xTile, ArrayRef<Row> rows, Value kBegin,
                       Value kLength);
  void emitRegisterTile(WeightPanel &panel, Value xTile, const Rows &rows,
                        ArrayRef<Row> mr, Value index, Value n0, Value kBegin,
                        Value kLength);
  void prefetchActivations(ArrayRef<Row> rows, Value kBegin, Value index);
  Value multiplyAdd(Value activation, Value weights, Value sum);
  Value loadColumns(Value memref, ValueRange indices, Value mask);
  Value tileEnd(Value tileBegin) { return b.partEnd(tileBegin, tiles.tile, n); }

  BlockMatmulOp op;
  LoopBuilder b;
  StoredOperands stored;
  RowSteps steps;
  Value x, y;
  int64_t k, n;
  Tiles tiles;
  Epilogue epilogue;
  bool deterministic;
  int64_t wordsOfLine; ///< f32 of a cache line.
  /// The intrinsic that multiplies pairs of bf16, where it is used.
  StringRef pairDot;
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
    total = epilogue.apply(b, total, yRow, column, /*mask=*/Value());
    memref::StoreOp::create(b, total, y, append(yRow, column));
  }
}

//===----------------------------------------------------------------------===//
// Several rows of activations
//===----------------------------------------------------------------------===//

Value MatmulLoops::loadColumns(Value memref, ValueRange indices, Value mask) {
  if (!mask)
    return b.loadVector(memref, indices, tiles.lanes);
  Value zeros = b.zeros(tiles.lanes);
  return vector::MaskedLoadOp::create(b, cast<VectorType>(zeros.getType()),
                                      memref, indices, mask, zeros);
}

/// sum + activation * weights, a lane a column; pairs of bf16 add two products.
Value MatmulLoops::multiplyAdd(Value activation, Value weights, Value sum) {
  Value spread = vector::BroadcastOp::create(
      b, VectorType::get(tiles.lanes, activation.getType()), activation);
  if (pairDot.empty())
    return vector::FMAOp::create(b, spread, weights, sum);
  spread = vector::BitCastOp::create(b, weights.getType(), spread);
  return LLVM::CallIntrinsicOp::create(b, sum.getType(),
                                       b.getStringAttr(pairDot),
                                       ValueRange{sum, weights, spread})
      .getResults();
}

/// y[mr, n0 ..+ columns] plus the panel's share of the sums.
void MatmulLoops::emitRegisterTile(WeightPanel &panel, Value xTile,
                                   const Rows &rows, ArrayRef<Row> mr,
                                   Value index, Value n0, Value kBegin,
                                   Value kLength) {
  int64_t vectors = tiles.columns / tiles.lanes, count = mr.size();
  SmallVector<Value> columns, masks;
  for (int64_t v = 0; v < vectors; ++v) {
    columns.push_back(b.add(n0, v * tiles.lanes));
    Value mask;
    if (n % tiles.columns != 0) {
      // No columns are left where the last register tile is only partly there.
      Value left = b.sub(b.index(n), b.min(columns.back(), b.index(n)));
      mask = vector::CreateMaskOp::create(
          b, VectorType::get(tiles.lanes, b.getI1Type()), left);
    }
    masks.push_back(mask);
  }
  auto yAt = [&](int64_t row, int64_t v) {
    return append(mr[row].y, columns[v]);
  };
  // What y holds comes while products are summed up.
  constexpr int64_t firstCache = 3;
  for (int64_t row = 0; row < count; ++row)
    for (int64_t column = 0; column < tiles.columns; column += wordsOfLine)
      memref::PrefetchOp::create(b, y, append(mr[row].y, b.add(n0, column)),
                                 /*isWrite=*/true, firstCache,
                                 /*isDataCache=*/true);
  // A K block is summed up by itself: the errors of one long sum would
  // grow with its length.
  SmallVector<Value> zeros(count * vectors, b.zeros(tiles.lanes));
  SmallVector<Value> sums = b.loop(
      b.index(0), panel.vectors(b, kLength), 1, zeros,
      [&](Value i, ValueRange carried) {
        SmallVector<Value> next(carried), weights;
        for (int64_t v = 0; v < vectors; ++v)
          weights.push_back(panel.load(b, b.add(b.mul(index, vectors), v), i));
        for (int64_t row = 0; row < count; ++row) {
          Value activation =
              memref::LoadOp::create(b, xTile, ValueRange{b.index(row), i});
          for (int64_t v = 0; v < vectors; ++v) {
            Value &sum = next[row * vectors + v];
            sum = multiplyAdd(activation, weights[v], sum);
          }
        }
        return next;
      });
  // All are read before one is stored: rows may repeat the last one.
  auto eachVector = [&](llvm::function_ref<Value(int64_t, int64_t)> value) {
    SmallVector<Value> values;
    for (int64_t row = 0; row < count; ++row)
      for (int64_t v = 0; v < vectors; ++v)
        values.push_back(value(row, v));
    for (int64_t row = 0; row < count; ++row)
      for (int64_t v = 0; v < vectors; ++v) {
        Value stored = values[row * vectors + v];
        if (masks[v])
          vector::MaskedStoreOp::create(b, y, yAt(row, v), masks[v], stored);
        else
          b.storeVector(stored, y, yAt(row, v));
      }
  };
  // The first K block is added to the bias, the others to what y holds.
  auto first = [&](int64_t row, int64_t v) -> Value {
    Value sum = sums[row * vectors + v];
    if (!op.getBias())
      return sum;
    return arith::AddFOp::create(
        b, loadColumns(op.getBias(), append(rows.expert, columns[v]), masks[v]),
        sum);
  };
  auto next = [&](int64_t row, int64_t v) -> Value {
    return arith::AddFOp::create(b, loadColumns(y, yAt(row, v), masks[v]),
                                 sums[row * vectors + v]);
  };
  auto finished = [&](int64_t row, int64_t v) {
    return epilogue.apply(b, loadColumns(y, yAt(row, v), masks[v]), mr[row].y,
                          columns[v], masks[v]);
  };
  auto isAt = [&](Value begin, int64_t where) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, begin,
                                 b.index(where));
  };
  b.branch(
      isAt(kBegin, 0), [&] { eachVector(first); }, [&] { eachVector(next); });
  if (epilogue)
    b.branch(
        isAt(b.add(kBegin, kLength), k), [&] { eachVector(finished); }, [] {});
}

/// x[rows, kBegin ..+ kLength] into a tile of its own, rounded and paired where
/// the panel is: rows of x that are a power of two apart would fight for few
/// sets of the first cache.
void MatmulLoops::copyActivations(Value xTile, ArrayRef<Row> rows, Value kBegin,
                                  Value kLength) {
  bool pairs = !pairDot.empty();
  int64_t lanes = tiles.lanes;
  Value whole = b.mul(b.div(kLength, lanes), lanes);
  bool allWhole = k % lanes == 0 && tiles.depth % lanes == 0;
  for (auto [index, row] : llvm::enumerate(rows)) {
    Value xRow = row.x, tileRow = b.index(index);
    auto at = [&](Value i) {
      return SmallVector<Value>{xRow, b.add(kBegin, i)};
    };
    // `length` elements from `i` on; words are pairs.
    auto copy = [&](Value i, int64_t length) {
      Value vector = b.loadVector(x, at(i), length);
      if (!pairs)
        return b.storeVector(vector, xTile, {tileRow, i});
      vector = toPairedBf16(b, vector);
      vector = vector::BitCastOp::create(
          b, VectorType::get(length / 2, b.getI32Type()), vector);
      b.storeVector(vector, xTile, {tileRow, b.div(i, 2)});
    };
    b.loop(b.index(0), whole, lanes, [&](Value i) { copy(i, lanes); });
    int64_t least = pairs ? 2 : 1;
    if (!allWhole)
      b.loop(whole, kLength, least, [&](Value i) { copy(i, least); });
  }
}

/// Asks for a part of x[rows, kBegin ..+ depth], so that the register tiles
/// before these rows ask for all of it.
void MatmulLoops::prefetchActivations(ArrayRef<Row> rows, Value kBegin,
                                      Value index) {
  constexpr int64_t secondCache = 2;
  int64_t parts = tiles.tile / tiles.columns;
  // However deep panels are told to be, code stays short.
  constexpr int64_t mostLines = 256;
  int64_t lines = std::min<int64_t>(
      llvm::divideCeil(tiles.depth, parts * wordsOfLine), mostLines);
  Value begin = b.add(kBegin, b.mul(index, lines * wordsOfLine));
  for (const Row &row : rows)
    for (int64_t line = 0; line < lines; ++line)
      memref::PrefetchOp::create(
          b, x, ValueRange{row.x, b.add(begin, line * wordsOfLine)},
          /*isWrite=*/false, secondCache, /*isDataCache=*/true);
}

/// Rows of activations times the tile, a K block at a time.
void MatmulLoops::emitPanels(Value tileBegin, const Rows &rows) {
  bool pairs = !pairDot.empty();
  WeightPanel panel(b, stored, steps, tiles.lanes, tiles.tile, tiles.depth, n,
                    k, pairs);
  auto xTileType = MemRefType::get(
      {tiles.rows.front(), panel.writtenRows() / (pairs ? 2 : 1)},
      pairs ? Type(b.getI32Type()) : b.getF32Type());
  Value xTile = memref::AllocOp::create(b, xTileType, ValueRange(),
                                        ValueRange(), b.getI64IntegerAttr(64));
  b.loop(b.index(0), b.index(k), tiles.depth, [&](Value kBegin) {
    Value kLength = b.sub(b.partEnd(kBegin, tiles.depth, k), kBegin);
    Value columns = b.sub(tileEnd(tileBegin), tileBegin);
    panel.fill(b, rows.expert, tileBegin, columns, kBegin, kLength);
    rows.eachTile(b, tiles.rows, [&](ArrayRef<Value> indices) {
      SmallVector<Row> mr = llvm::map_to_vector(indices, rows.row);
      SmallVector<Row> nextRows;
      for (Value index : indices)
        nextRows.push_back(rows.row(b.min(b.add(index, tiles.rows.front()),
                                          b.sub(rows.end, b.index(1)))));
      copyActivations(xTile, mr, kBegin, kLength);
      b.loop(b.index(0), columns, tiles.columns, [&](Value column) {
        Value index = b.div(column, tiles.columns);
        prefetchActivations(nextRows, kBegin, index);
        emitRegisterTile(panel, xTile, rows, mr, index,
                         b.add(tileBegin, column), kBegin, kLength);
      });
    });
  });
  memref::DeallocOp::create(b, xTile);
  panel.release(b);
}

//===----------------------------------------------------------------------===//
// Whole operations
//===----------------------------------------------------------------------===//

void MatmulLoops::parallelTiles(llvm::function_ref<void(Value)> body) {
  b.parallelLoop(b.index(llvm::divideCeil(n, tiles.tile)),
                 [&](Value tile) { body(b.mul(tile, tiles.tile)); });
}

/// `body` with activations that are rounded to what their type can hold.
void MatmulLoops::withRounded(llvm::function_ref<void()> body) {
  if (op.getActivations().isF32())
    return body();
  Value given = x;
  x = emitRoundedActivations(
      b, x, op.getActivations(),
      op.getActivationGroup().value_or(longestActivationGroup));
  body();
  memref::DeallocOp::create(b, x);
  x = given;
}

void MatmulLoops::emitMatmul() {
  Value m = b.size(x, 0), zero = b.index(0);
  std::optional<int64_t> staticM = getConstantIntValue(m);
  auto eachRow = [&](Value tileBegin) {
    b.loop(zero, m, 1,
           [&](Value row) { emitRow(tileBegin, {}, {row}, {row}, {}); });
  };
  auto manyRows = [&](Value tileBegin) {
    auto row = [](Value index) { return Row{index, {index}}; };
    emitPanels(tileBegin, {{}, zero, m, staticM, row});
  };
  auto allFew = [&] { withRounded([&] { parallelTiles(eachRow); }); };
  // Panels of pairs round for themselves.
  auto allMany = [&] {
    if (pairDot.empty())
      withRounded([&] { parallelTiles(manyRows); });
    else
      parallelTiles(manyRows);
  };
  // The two ways add in different orders.
  if (deterministic)
    return allMany();
  if (staticM)
    return *staticM < tiles.minMPanel ? allFew() : allMany();
  Value isFew = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, m,
                                      b.index(tiles.minMPanel));
  b.branch(isFew, allFew, allMany);
}

void MatmulLoops::emitGather() {
  bool sharedRows = cast<MemRefType>(x.getType()).getRank() == 2;
  // Paired or not, single rows are computed in f32.
  withRounded([&] {
    Value rounded = x;
    if (!sharedRows)
      x = memref::CollapseShapeOp::create(
          b, x, ArrayRef<ReassociationIndices>{{0, 1}, {2}});
    ExpertRows experts(b, op.getIds(), b.size(stored.weight, 0), sharedRows);
    parallelTiles([&](Value tileBegin) {
      b.loop(b.index(0), experts.experts(), 1, [&](Value expert) {
        Value begin = experts.begin(b, expert), end = experts.end(b, expert);
        auto row = [&](Value entry) { return experts.row(b, entry); };
        auto eachRow = [&] {
          b.loop(begin, end, 1, [&](Value entry) {
            Row only = row(entry);
            emitRow(tileBegin, {expert}, {only.x}, only.y, {expert});
          });
        };
        auto manyRows = [&] {
          emitPanels(tileBegin, {{expert}, begin, end, std::nullopt, row});
        };
        auto isAtLeast = [&](int64_t count) {
          return arith::CmpIOp::create(b, arith::CmpIPredicate::uge,
                                       b.sub(end, begin), b.index(count));
        };
        if (deterministic)
          return b.branch(isAtLeast(1), manyRows, [] {});
        b.branch(isAtLeast(tiles.minMPanel), manyRows, eachRow);
      });
    });
    experts.release(b);
    x = rounded;
  });
}
} // namespace

LogicalResult rlx::emitMatmulLoops(BlockMatmulOp op, const CpuProperties &cpu) {
  MatmulLoops(op, cpu).emit();
  return success();
}
