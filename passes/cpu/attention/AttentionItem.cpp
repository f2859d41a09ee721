//===- AttentionItem.cpp - Some rows of one group of heads ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/attention/AttentionItem.h"

#include "ir/Scheme.h"
#include "passes/support/TransposeSquare.h"

#include <limits>

using namespace mlir;
using namespace rlx;

AttentionTiles::AttentionTiles(BlockAttentionOp op, const CpuProperties &cpu,
                               int64_t rows)
    : lanes(cpu.lanes()), rows(rows) {
  auto qType = cast<MemRefType>(op.getQ().getType()),
       kType = cast<MemRefType>(op.getK().getType()),
       result = cast<MemRefType>(op.getInit().getType());
  groups = kType.getDimSize(1);
  members = qType.getDimSize(1) / groups;
  depth = qType.getDimSize(2);
  columns = result.getDimSize(2);
  // Sums, the vectors that are multiplied, and one that is spread.
  constexpr int64_t mostVectors = 4;
  vectorsPerTile = cpu.vectorRegisters >= 32 ? mostVectors : 2;
  // Results of a token must not depend on how many there are.
  isFew = !cpu.deterministic && canBeFew(op);
  positions = (isFew ? 2 : 1) * mostVectors * lanes;
  int64_t all = rows * members,
          most = (cpu.vectorRegisters - vectorsPerTile - 2) / vectorsPerTile;
  if (isFew) // Four sums each, and four rows.
    most = cpu.vectorRegisters / 8;
  // As few tiles as there can be, all of the same size.
  int64_t count = llvm::divideCeil(all, most);
  queriesPerTile = llvm::divideCeil(all, count);
  queries = count * queriesPerTile;
}

AttentionItem::AttentionItem(LoopBuilder &b, BlockAttentionOp op,
                             const AttentionTiles &tiles)
    : b(b), op(op), tiles(tiles), k{op.getK(), {}, {}, {}, op.getKScheme()},
      v{op.getV(), {}, {}, {}, op.getVScheme()} {}

//===----------------------------------------------------------------------===//
// Small words
//===----------------------------------------------------------------------===//

Value AttentionItem::scratch(ArrayRef<int64_t> shape) {
  return memref::AllocOp::create(b, MemRefType::get(shape, b.getF32Type()),
                                 ValueRange(), ValueRange(),
                                 b.getI64IntegerAttr(64));
}

Value AttentionItem::number(double value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(float(value)));
}

Value AttentionItem::spread(Value scalar) {
  return vector::BroadcastOp::create(
      b, VectorType::get(tiles.lanes, scalar.getType()), scalar);
}

/// y where x is a NaN: one instruction on most targets.
Value AttentionItem::larger(Value x, Value y) {
  Value isLarger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, y);
  return arith::SelectOp::create(b, isLarger, x, y);
}

Value AttentionItem::reduced(Value vector,
                             llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t count = tiles.lanes / 2; count > 0; count /= 2) {
    auto half = [&](int64_t first) {
      return vector::ExtractStridedSliceOp::create(
          b, vector, ArrayRef(first), ArrayRef(count), ArrayRef(int64_t(1)));
    };
    vector = combine(half(0), half(count));
  }
  return vector::ExtractOp::create(b, vector, 0);
}

Value AttentionItem::read(Value memref, Value row, Value column) {
  return memref::LoadOp::create(b, memref, ValueRange{row, column});
}

SmallVector<std::pair<int64_t, int64_t>> AttentionItem::parts(int64_t vectors,
                                                              int64_t most) {
  SmallVector<std::pair<int64_t, int64_t>> result;
  for (int64_t first = 0; first < vectors; first += most)
    result.push_back({first, std::min(most, vectors - first)});
  return result;
}

std::pair<Value, Value> AttentionItem::seenBy(Value row) {
  if (!op.getCausal())
    return {b.index(0), length};
  Value end = b.sub(b.add(b.add(length, row), 1), rowCount);
  if (!op.getWindow())
    return {b.index(0), end};
  Value begin = b.sub(end, b.index(int64_t(*op.getWindow())));
  return {arith::MaxSIOp::create(b, begin, b.index(0)), end};
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

/// q times the scale. Rows beyond the last are the last once more.
void AttentionItem::readQueries() {
  Value scale = number(op.getScale().convertToDouble());
  Value last = b.sub(rowCount, b.index(1));
  Value firstHead = b.mul(group, tiles.members);
  b.loop(b.index(0), b.index(tiles.rows), 1, [&](Value r) {
    Value t = b.min(b.add(t0, r), last);
    b.loop(b.index(0), b.index(tiles.members), 1, [&](Value g) {
      Value query = b.add(b.mul(r, tiles.members), g);
      Value head = b.add(firstHead, g);
      int64_t whole = tiles.depth / tiles.lanes * tiles.lanes;
      b.loop(b.index(0), b.index(whole), tiles.lanes, [&](Value d) {
        Value x = b.loadVector(op.getQ(), {t, head, d}, tiles.lanes);
        b.storeVector(arith::MulFOp::create(b, x, spread(scale)), q,
                      {query, d});
      });
      b.loop(b.index(whole), b.index(tiles.depth), 1, [&](Value d) {
        Value x = memref::LoadOp::create(b, op.getQ(), ValueRange{t, head, d});
        memref::StoreOp::create(b, arith::MulFOp::create(b, x, scale), q,
                                ValueRange{query, d});
      });
      Value start = number(std::numeric_limits<float>::lowest()),
            total = number(0);
      if (op.getSinks()) {
        start = memref::LoadOp::create(b, op.getSinks(), ValueRange{head});
        total = number(1);
      }
      memref::StoreOp::create(b, start, largest, query);
      memref::StoreOp::create(b, total, totals, query);
    });
  });
  // Those that only fill the last tile.
  int64_t real = tiles.rows * tiles.members;
  b.loop(b.index(real), b.index(tiles.queries), 1, [&](Value query) {
    b.loop(b.index(0), b.index(tiles.depth), 1, [&](Value d) {
      memref::StoreOp::create(b, number(0), q, ValueRange{query, d});
    });
    memref::StoreOp::create(b, number(0), largest, query);
    memref::StoreOp::create(b, number(0), totals, query);
  });
  b.loop(b.index(0), b.index(tiles.queries), 1, [&](Value query) {
    b.loop(b.index(0), b.index(tiles.paddedColumns()), tiles.lanes,
           [&](Value column) {
             b.storeVector(b.zeros(tiles.lanes), sums, {query, column});
           });
  });
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// `count` rows of `length` numbers from `position` on into `target`; those
/// beyond the last position are it once more.
void AttentionItem::decodeRows(const StoredOperands &stored, int64_t size,
                               Value position, int64_t count, Value target) {
  RowSteps steps{QuantScheme(stored.scheme.getScheme()), tiles.lanes};
  int64_t whole = steps.mainLength(size);
  Value last = b.sub(length, b.index(1));
  b.loop(b.index(0), b.index(count), 1, [&](Value row) {
    Value at[] = {b.min(b.add(position, row), last), group};
    auto decode = [&](Value first, int64_t step, int64_t run) {
      // Stores come last: between them, loads of shared scales could not be
      // merged.
      SmallVector<Value> values;
      for (int64_t offset = 0; offset < step; offset += run)
        values.push_back(
            stored.decode(b, at, b.div(first, steps.block), offset, run));
      for (auto [i, value] : llvm::enumerate(values))
        b.storeVector(value, target, {row, b.add(first, int64_t(i) * run)});
    };
    b.loop(b.index(0), b.index(whole), steps.step,
           [&](Value first) { decode(first, steps.step, steps.run); });
    b.loop(b.index(whole), b.index(size), steps.block,
           [&](Value first) { decode(first, steps.block, steps.tailRun); });
  });
}

/// Some vectors' worth of positions from `first` of the panel on, where rows
/// are made of whole vectors: from registers to registers.
void AttentionItem::transposeDecoded(Value position, Value first,
                                     const RowSteps &steps) {
  Value last = b.sub(length, b.index(1));
  SmallVector<Value> rows;
  for (int64_t i = 0; i < tiles.lanes; ++i)
    rows.push_back(b.min(b.add(b.add(position, first), i), last));
  b.loop(b.index(0), b.index(tiles.depth), steps.step, [&](Value column) {
    Value block = b.div(column, steps.block);
    for (int64_t offset = 0; offset < steps.step; offset += tiles.lanes) {
      SmallVector<Value> square;
      for (Value row : rows)
        square.push_back(k.decode(b, {row, group}, block, offset, tiles.lanes));
      square = transposeSquare(b, square);
      for (auto [i, vector] : llvm::enumerate(square))
        b.storeVector(vector, panel,
                      {b.add(column, offset + int64_t(i)), first});
    }
  });
}

/// The same of any rows, through memory.
void AttentionItem::transposeRows(Value position, Value first) {
  decodeRows(k, tiles.depth, b.add(position, first), tiles.lanes, rowsOfK);
  b.loop(b.index(0), b.index(tiles.paddedDepth()), tiles.lanes,
         [&](Value column) {
           SmallVector<Value> square;
           for (int64_t row = 0; row < tiles.lanes; ++row)
             square.push_back(
                 b.loadVector(rowsOfK, {b.index(row), column}, tiles.lanes));
           square = transposeSquare(b, square);
           for (auto [i, vector] : llvm::enumerate(square))
             b.storeVector(vector, panel, {b.add(column, int64_t(i)), first});
         });
}

/// K of a block of positions, transposed: `[D, positions]`.
void AttentionItem::fillPanel(Value position) {
  RowSteps steps{QuantScheme(k.scheme.getScheme()), tiles.lanes};
  bool isWhole =
      steps.run == tiles.lanes && steps.mainLength(tiles.depth) == tiles.depth;
  b.loop(b.index(0), b.index(tiles.positions), tiles.lanes, [&](Value first) {
    if (isWhole)
      transposeDecoded(position, first, steps);
    else
      transposeRows(position, first);
  });
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// The sums of a register tile, rows `query` and on by `columns`, and
/// `factors[row, step]` times these.
SmallVector<Value> AttentionItem::addProducts(ValueRange sums, Value factors,
                                              Value query, Value step,
                                              ArrayRef<Value> columns) {
  SmallVector<Value> next;
  for (int64_t i = 0; i < tiles.queriesPerTile; ++i) {
    Value factor = spread(read(factors, b.add(query, i), step));
    for (Value column : columns)
      next.push_back(
          vector::FMAOp::create(b, factor, column, sums[next.size()]));
  }
  return next;
}

/// One register tile: rows `query` and on of `to` become `before` plus the sum
/// over `steps` s of `factors[row, s] * columns[s]`, vectors `first` and on.
void AttentionItem::multiplyTile(ValueRange before, Value steps, Value factors,
                                 Value columns, Value query, int64_t first,
                                 int64_t count, Value to) {
  auto column = [&](int64_t j) { return b.index((first + j) * tiles.lanes); };
  SmallVector<Value> after =
      b.loop(b.index(0), steps, 1, before, [&](Value s, ValueRange carried) {
        SmallVector<Value> vectors;
        for (int64_t j = 0; j < count; ++j)
          vectors.push_back(b.loadVector(columns, {s, column(j)}, tiles.lanes));
        return addProducts(carried, factors, query, s, vectors);
      });
  for (int64_t i = 0; i < tiles.queriesPerTile; ++i)
    for (int64_t j = 0; j < count; ++j)
      b.storeVector(after[i * count + j], to, {b.add(query, i), column(j)});
}

void AttentionItem::emitScores() {
  int64_t vectors = tiles.positions / tiles.lanes;
  b.loop(b.index(0), b.index(tiles.queries), tiles.queriesPerTile,
         [&](Value query) {
           for (auto [first, count] : parts(vectors, tiles.vectorsPerTile)) {
             SmallVector<Value> zeros(tiles.queriesPerTile * count,
                                      b.zeros(tiles.lanes));
             multiplyTile(zeros, b.index(tiles.depth), q, panel, query, first,
                          count, scores);
           }
         });
}

/// softcap * tanh(score / softcap)
void AttentionItem::capScores() {
  Value cap = spread(number(op.getSoftcap()->convertToDouble()));
  b.loop(b.index(0), b.index(tiles.queries), 1, [&](Value query) {
    b.loop(b.index(0), b.index(tiles.positions), tiles.lanes, [&](Value s) {
      Value x = b.loadVector(scores, {query, s}, tiles.lanes);
      x = math::TanhOp::create(b, arith::DivFOp::create(b, x, cap));
      b.storeVector(arith::MulFOp::create(b, x, cap), scores, {query, s});
    });
  });
}

/// Negative infinity where a row does not see a position.
void AttentionItem::maskScores(Value position) {
  SmallVector<int32_t> count;
  for (int64_t i = 0; i < tiles.lanes; ++i)
    count.push_back(int32_t(i));
  auto type = VectorType::get(tiles.lanes, b.getI32Type());
  Value counts =
      arith::ConstantOp::create(b, DenseIntElementsAttr::get(type, count));
  Value never = spread(number(-std::numeric_limits<float>::infinity()));
  auto toI32 = [&](Value index) {
    return arith::IndexCastOp::create(b, b.getI32Type(), index);
  };
  b.loop(b.index(0), b.index(tiles.rows), 1, [&](Value r) {
    auto [begin, end] = seenBy(b.add(t0, r));
    // In numbers from the block's beginning on.
    Value first = spread(toI32(b.sub(begin, position))),
          past = spread(toI32(b.sub(end, position)));
    b.loop(b.index(0), b.index(tiles.members), 1, [&](Value g) {
      Value query = b.add(b.mul(r, tiles.members), g);
      b.loop(b.index(0), b.index(tiles.positions), tiles.lanes, [&](Value s) {
        Value at = arith::AddIOp::create(b, counts, spread(toI32(s)));
        Value isBefore =
            arith::CmpIOp::create(b, arith::CmpIPredicate::slt, at, past);
        Value isSeen = arith::AndIOp::create(
            b, isBefore,
            arith::CmpIOp::create(b, arith::CmpIPredicate::sge, at, first));
        Value x = b.loadVector(scores, {query, s}, tiles.lanes);
        b.storeVector(arith::SelectOp::create(b, isSeen, x, never), scores,
                      {query, s});
      });
    });
  });
}

/// Scores to powers below the largest score of a query so far; what was added
/// up below another one is made smaller.
void AttentionItem::emitPowers() {
  int64_t vectors = tiles.positions / tiles.lanes;
  b.loop(b.index(0), b.index(tiles.rows * tiles.members), 1, [&](Value query) {
    SmallVector<Value> x;
    Value most;
    for (int64_t i = 0; i < vectors; ++i) {
      Value next =
          b.loadVector(scores, {query, b.index(i * tiles.lanes)}, tiles.lanes);
      x.push_back(next);
      most = most ? larger(next, most) : next;
    }
    Value before = memref::LoadOp::create(b, largest, query);
    Value now = larger(
        reduced(most, [&](Value p, Value r) { return larger(p, r); }), before);
    Value below = spread(now), sum;
    for (int64_t i = 0; i < vectors; ++i) {
      Value power =
          math::ExpOp::create(b, arith::SubFOp::create(b, x[i], below));
      b.storeVector(power, scores, {query, b.index(i * tiles.lanes)});
      sum = sum ? arith::AddFOp::create(b, sum, power).getResult() : power;
    }
    Value added = reduced(sum, [&](Value p, Value r) -> Value {
      return arith::AddFOp::create(b, p, r);
    });
    Value factor =
        math::ExpOp::create(b, arith::SubFOp::create(b, before, now));
    Value total = memref::LoadOp::create(b, totals, query);
    total = arith::AddFOp::create(b, arith::MulFOp::create(b, total, factor),
                                  added);
    memref::StoreOp::create(b, now, largest, query);
    memref::StoreOp::create(b, total, totals, query);
    b.loop(b.index(0), b.index(tiles.paddedColumns()), tiles.lanes,
           [&](Value column) {
             Value old = b.loadVector(sums, {query, column}, tiles.lanes);
             b.storeVector(arith::MulFOp::create(b, old, spread(factor)), sums,
                           {query, column});
           });
  });
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// Adds powers times the first `count` rows of v.
void AttentionItem::addValues(Value count) {
  int64_t vectors = tiles.paddedColumns() / tiles.lanes;
  b.loop(b.index(0), b.index(tiles.queries), tiles.queriesPerTile,
         [&](Value query) {
           for (auto [first, wide] : parts(vectors, tiles.vectorsPerTile)) {
             auto column = [&](int64_t j) {
               return b.index((first + j) * tiles.lanes);
             };
             SmallVector<Value> before;
             for (int64_t i = 0; i < tiles.queriesPerTile; ++i)
               for (int64_t j = 0; j < wide; ++j)
                 before.push_back(b.loadVector(
                     sums, {b.add(query, i), column(j)}, tiles.lanes));
             multiplyTile(before, count, scores, rowsOfV, query, first, wide,
                          sums);
           }
         });
}

void AttentionItem::writeResults() {
  Value firstHead = b.mul(group, tiles.members);
  Value end = b.min(b.add(t0, tiles.rows), rowCount);
  b.loop(b.index(0), b.sub(end, t0), 1, [&](Value r) {
    Value t = b.add(t0, r);
    b.loop(b.index(0), b.index(tiles.members), 1, [&](Value g) {
      Value query = b.add(b.mul(r, tiles.members), g);
      Value head = b.add(firstHead, g);
      Value total = memref::LoadOp::create(b, totals, query);
      // A row that sees nothing has a sum of zeros.
      Value isNothing =
          arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, total, number(0));
      total = arith::SelectOp::create(b, isNothing, number(1), total);
      int64_t whole = tiles.columns / tiles.lanes * tiles.lanes;
      b.loop(b.index(0), b.index(whole), tiles.lanes, [&](Value column) {
        Value sum = b.loadVector(sums, {query, column}, tiles.lanes);
        b.storeVector(arith::DivFOp::create(b, sum, spread(total)),
                      op.getInit(), {t, head, column});
      });
      b.loop(b.index(whole), b.index(tiles.columns), 1, [&](Value column) {
        Value sum = read(sums, query, column);
        memref::StoreOp::create(b, arith::DivFOp::create(b, sum, total),
                                op.getInit(), ValueRange{t, head, column});
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// All together
//===----------------------------------------------------------------------===//

void AttentionItem::emitBlock(Value position) {
  Value lastRow = b.min(b.add(t0, tiles.rows - 1), b.sub(rowCount, b.index(1)));
  auto [firstBegin, firstEnd] = seenBy(t0);
  auto [lastBegin, lastEnd] = seenBy(lastRow);
  if (tiles.isFew) {
    emitRowScores(position);
  } else {
    fillPanel(position);
    emitScores();
  }
  if (op.getSoftcap())
    capScores();
  // Of most blocks each row sees all.
  Value end = b.add(position, tiles.positions);
  Value isCut =
      arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, end, firstEnd);
  if (op.getWindow())
    isCut =
        arith::OrIOp::create(b, isCut,
                             arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                                                   position, lastBegin));
  b.branch(
      isCut, [&] { maskScores(position); }, [] {});
  emitPowers();
  Value count = b.min(b.index(tiles.positions), b.sub(lastEnd, position));
  if (tiles.isFew)
    return addRows(position, count);
  decodeRows(v, tiles.columns, position, tiles.positions, rowsOfV);
  addValues(count);
}

void AttentionItem::emit(Value groupIndex, Value firstRow) {
  group = groupIndex;
  t0 = firstRow;
  length = op.getLength();
  rowCount = b.size(op.getQ(), 0);
  q = scratch({tiles.queries, tiles.paddedDepth()});
  SmallVector<Value> rows;
  if (tiles.isFew) {
    partial = scratch({tiles.queries, tiles.lanes * tiles.lanes / 4});
    rows = {partial};
  } else {
    rowsOfK = scratch({tiles.lanes, tiles.paddedDepth()});
    panel = scratch({tiles.paddedDepth(), tiles.positions});
    rowsOfV = scratch({tiles.positions, tiles.paddedColumns()});
    rows = {rowsOfV, panel, rowsOfK};
  }
  scores = scratch({tiles.queries, tiles.positions});
  sums = scratch({tiles.queries, tiles.paddedColumns()});
  largest = scratch({tiles.queries});
  totals = scratch({tiles.queries});
  readQueries();
  Value lastRow = b.min(b.add(t0, tiles.rows - 1), b.sub(rowCount, b.index(1)));
  Value begin = seenBy(t0).first, end = seenBy(lastRow).second;
  begin = b.mul(b.div(begin, tiles.positions), tiles.positions);
  b.loop(begin, end, tiles.positions,
         [&](Value position) { emitBlock(position); });
  writeResults();
  rows.append({totals, largest, sums, scores, q});
  for (Value memory : rows)
    memref::DeallocOp::create(b, memory);
}
