//===- FewQueries.cpp - Attention of a single row of tokens ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A few queries are not worth a transposed panel of keys. Rows of the cache are
// multiplied as they lie, and four of them are added up across lanes together.
// The rows of a head lie far from each other, which no hardware foresees: those
// of the next block are prefetched.
//
// Sums are in another order than those of many rows (AttentionItem.cpp).
//
//===----------------------------------------------------------------------===//

#include "ir/Scheme.h"
#include "passes/cpu/attention/AttentionItem.h"

using namespace mlir;
using namespace rlx;

/// Rows that are added up together, and lanes of a chunk of their sums.
static constexpr int64_t quad = 4;

static bool hasWholeVectors(QuantAttr scheme, int64_t lanes, int64_t size) {
  RowSteps steps(QuantScheme(scheme.getScheme()), lanes);
  return steps.run == lanes && steps.mainLength(size) == size;
}

bool AttentionTiles::canBeFew(BlockAttentionOp op) const {
  return rows == 1 && lanes >= quad &&
         hasWholeVectors(op.getKScheme(), lanes, depth) &&
         hasWholeVectors(op.getVScheme(), lanes, columns);
}

/// `lanes` numbers from element `column` on of a row.
static Value decodeColumn(LoopBuilder &b, const StoredOperands &stored,
                          ValueRange row, const RowSteps &steps, int64_t column,
                          int64_t lanes) {
  int64_t first = column / steps.step * steps.step;
  return stored.decode(b, row, b.index(first / steps.block), column - first,
                       lanes);
}

/// Sums of neighbours of a, then of b, chunk by chunk: of `group` neighbouring
/// chunks of `chunk` lanes, the result has half as many of each.
static Value addNeighbours(LoopBuilder &b, Value x, Value y, int64_t lanes,
                           int64_t chunk, int64_t group) {
  auto picked = [&](int64_t odd) {
    SmallVector<int64_t> lanesOf;
    for (int64_t first = 0; first < lanes; first += group * chunk)
      for (int64_t of : {int64_t(0), lanes})
        for (int64_t pair = 0; pair < group / 2; ++pair)
          for (int64_t lane = 0; lane < chunk; ++lane)
            lanesOf.push_back(of + first + (2 * pair + odd) * chunk + lane);
    return vector::ShuffleOp::create(b, x, y, lanesOf);
  };
  return arith::AddFOp::create(b, picked(0), picked(1));
}

/// Of each group of lanes of vectors the sums, until one vector is left: first
/// in chunks of four lanes, which hold a sum of each of four vectors, then
/// across chunks.
static Value addAcross(LoopBuilder &b, SmallVector<Value> vectors,
                       int64_t lanes, int64_t chunk, int64_t group) {
  while (vectors.size() > 1) {
    SmallVector<Value> next;
    for (size_t i = 0; i < vectors.size(); i += 2)
      next.push_back(
          addNeighbours(b, vectors[i], vectors[i + 1], lanes, chunk, group));
    vectors = std::move(next);
  }
  return vectors.front();
}

/// Has what the row `row` of the cache holds come nearer.
void AttentionItem::prefetchRow(const StoredOperands &stored, Value row) {
  constexpr int64_t lineBytes = 64;
  constexpr uint32_t secondCache = 2;
  auto type = cast<MemRefType>(stored.weight.getType());
  int64_t bytes = type.getElementTypeBitWidth() / 8,
          step = std::max<int64_t>(1, lineBytes / bytes);
  for (int64_t at = 0; at < type.getDimSize(2); at += step)
    memref::PrefetchOp::create(b, stored.weight,
                               ValueRange{row, group, b.index(at)},
                               /*isWrite=*/false, secondCache,
                               /*isDataCache=*/true);
}

/// Products of `quad` rows of k with a tile of queries, each added up to a
/// chunk of a vector: `partial[query, from place on]`.
void AttentionItem::multiplyRows(Value position, Value query, Value place) {
  RowSteps steps{QuantScheme(k.scheme.getScheme()), tiles.lanes};
  Value last = b.sub(length, b.index(1));
  SmallVector<Value> rows;
  for (int64_t i = 0; i < quad; ++i) {
    Value row = b.add(position, i);
    rows.push_back(b.min(row, last));
    Value later = b.min(b.add(row, tiles.positions), last);
    prefetchRow(k, later);
    prefetchRow(v, later);
  }
  int64_t count = tiles.queriesPerTile;
  auto multiply = [&](Value column, int64_t offset, Value block,
                      ValueRange before) {
    SmallVector<Value> vectors, after;
    for (Value row : rows)
      vectors.push_back(k.decode(b, {row, group}, block, offset, tiles.lanes));
    for (int64_t i = 0; i < count; ++i) {
      Value factor = b.loadVector(q, {b.add(query, i), b.add(column, offset)},
                                  tiles.lanes);
      for (int64_t row = 0; row < quad; ++row)
        after.push_back(vector::FMAOp::create(b, factor, vectors[row],
                                              before[i * quad + row]));
    }
    return after;
  };
  SmallVector<Value> sums(count * quad, b.zeros(tiles.lanes));
  // Long rows in parts, so that the code does not grow with them.
  int64_t part =
      steps.step * std::max<int64_t>(1, quad * tiles.lanes / steps.step);
  if (tiles.depth % part)
    part = steps.step;
  sums = b.loop(
      b.index(0), b.index(tiles.depth), part, sums,
      [&](Value column, ValueRange carried) {
        SmallVector<Value> now(carried);
        for (int64_t first = 0; first < part; first += steps.step) {
          Value begin = b.add(column, first), block = b.div(begin, steps.block);
          for (int64_t offset = 0; offset < steps.step; offset += tiles.lanes)
            now = multiply(begin, offset, block, now);
        }
        return now;
      });
  for (int64_t i = 0; i < count; ++i)
    b.storeVector(
        addAcross(b, SmallVector<Value>(ArrayRef(sums).slice(i * quad, quad)),
                  tiles.lanes, 1, quad),
        partial, {b.add(query, i), place});
}

void AttentionItem::emitRowScores(Value position) {
  int64_t lanes = tiles.lanes, quads = lanes / quad;
  b.loop(b.index(0), b.index(tiles.positions), lanes, [&](Value first) {
    b.loop(b.index(0), b.index(tiles.queries), tiles.queriesPerTile,
           [&](Value query) {
             b.loop(b.index(0), b.index(lanes), quad, [&](Value row) {
               multiplyRows(b.add(b.add(position, first), row), query,
                            b.mul(row, quads));
             });
           });
    b.loop(b.index(0), b.index(tiles.queries), 1, [&](Value query) {
      SmallVector<Value> vectors;
      for (int64_t i = 0; i < quads; ++i)
        vectors.push_back(
            b.loadVector(partial, {query, b.index(i * lanes)}, lanes));
      b.storeVector(addAcross(b, vectors, lanes, quad, quads), scores,
                    {query, first});
    });
  });
}

/// Adds powers times the first `count` rows of v from `position` on.
void AttentionItem::addRows(Value position, Value count) {
  RowSteps steps{QuantScheme(v.scheme.getScheme()), tiles.lanes};
  int64_t vectors = tiles.columns / tiles.lanes;
  b.loop(b.index(0), b.index(tiles.queries), tiles.queriesPerTile,
         [&](Value query) {
           for (auto [begin, number] : parts(vectors, tiles.vectorsPerTile)) {
             int64_t first = begin, wide = number;
             auto place = [&](int64_t i, int64_t j) {
               return SmallVector<Value>{b.add(query, i),
                                         b.index((first + j) * tiles.lanes)};
             };
             SmallVector<Value> before;
             for (int64_t i = 0; i < tiles.queriesPerTile; ++i)
               for (int64_t j = 0; j < wide; ++j)
                 before.push_back(b.loadVector(sums, place(i, j), tiles.lanes));
             SmallVector<Value> after = b.loop(
                 b.index(0), count, 1, before, [&](Value s, ValueRange now) {
                   SmallVector<Value> values;
                   Value row = b.add(position, s);
                   for (int64_t j = 0; j < wide; ++j)
                     values.push_back(decodeColumn(b, v, {row, group}, steps,
                                                   (first + j) * tiles.lanes,
                                                   tiles.lanes));
                   return addProducts(now, scores, query, s, values);
                 });
             for (int64_t i = 0; i < tiles.queriesPerTile; ++i)
               for (int64_t j = 0; j < wide; ++j)
                 b.storeVector(after[i * wide + j], sums, place(i, j));
           }
         });
}
