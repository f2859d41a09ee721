//===- AttentionItem.h - Some rows of one group of heads --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one thread does at a time in rlx.block_attention: the rows `t0` to
// `t0 + rows` of all heads that share a head of k and v. A query is one of
// these rows of one of these heads; query `r * G + g` is row `t0 + r` of head
// g.
//
// Positions come in blocks. For each, k is decoded and transposed into a panel,
// so that vectors lie along positions; scores of all queries follow, then their
// powers below a running maximum, and these times the decoded rows of v are
// added to the results, which lie in memory of the item's own. All of it fits
// the second cache; nothing has the length of the cache.
//
// Blocks begin at multiples of their length, and within one the order of sums
// is fixed: a query's result does not depend on which others are beside it.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_ATTENTION_ATTENTIONITEM_H
#define RLX_PASSES_CPU_ATTENTION_ATTENTIONITEM_H

#include "ir/CpuProperties.h"
#include "passes/cpu/kernels/RowAccess.h"
#include "passes/support/LoopBuilder.h"

namespace rlx {

/// How the loops of an item are cut.
struct AttentionTiles {
  AttentionTiles(BlockAttentionOp op, const CpuProperties &cpu, int64_t rows);

  int64_t lanes;
  int64_t rows;            ///< of tokens, in an item
  int64_t groups, members; ///< heads of k and v; those of q for each
  int64_t depth, columns;  ///< D and E
  int64_t positions;       ///< in a block
  int64_t queriesPerTile;  ///< in a register tile
  int64_t vectorsPerTile;  ///< side by side in it
  int64_t queries;         ///< in an item, a multiple of a tile's
  bool isFew;              ///< Rows of the cache are read as they lie.

  int64_t paddedDepth() const { return llvm::alignTo(depth, lanes); }
  int64_t paddedColumns() const { return llvm::alignTo(columns, lanes); }

private:
  bool canBeFew(BlockAttentionOp op) const;
};

class AttentionItem {
public:
  AttentionItem(LoopBuilder &b, BlockAttentionOp op,
                const AttentionTiles &tiles);
  /// The loops for head `group` of k and v and the rows from `t0` on.
  void emit(mlir::Value group, mlir::Value t0);

private:
  void readQueries();
  void emitBlock(mlir::Value position);
  void decodeRows(const StoredOperands &stored, int64_t length,
                  mlir::Value position, int64_t count, mlir::Value target);
  void transposeDecoded(mlir::Value position, mlir::Value first,
                        const RowSteps &steps);
  void transposeRows(mlir::Value position, mlir::Value first);
  void fillPanel(mlir::Value position);
  llvm::SmallVector<mlir::Value>
  addProducts(mlir::ValueRange sums, mlir::Value factors, mlir::Value query,
              mlir::Value step, llvm::ArrayRef<mlir::Value> columns);
  void multiplyTile(mlir::ValueRange before, mlir::Value steps,
                    mlir::Value factors, mlir::Value columns, mlir::Value query,
                    int64_t first, int64_t count, mlir::Value to);
  void emitScores();
  void capScores();
  void maskScores(mlir::Value position);
  void emitPowers();
  void addValues(mlir::Value count);
  void writeResults();

  // FewQueries.cpp
  void prefetchRow(const StoredOperands &stored, mlir::Value row);
  void multiplyRows(mlir::Value position, mlir::Value query, mlir::Value place);
  void emitRowScores(mlir::Value position);
  void addRows(mlir::Value position, mlir::Value count);

  /// The positions that a row sees: from the first, to below the second.
  std::pair<mlir::Value, mlir::Value> seenBy(mlir::Value row);
  mlir::Value scratch(llvm::ArrayRef<int64_t> shape);
  mlir::Value number(double value);
  mlir::Value spread(mlir::Value scalar);
  mlir::Value larger(mlir::Value x, mlir::Value y);
  /// All lanes together, halves first.
  mlir::Value
  reduced(mlir::Value vector,
          llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);
  mlir::Value read(mlir::Value memref, mlir::Value row, mlir::Value column);
  /// Groups of at most `most` vectors: the first vector and the count.
  static llvm::SmallVector<std::pair<int64_t, int64_t>> parts(int64_t vectors,
                                                              int64_t most);

  LoopBuilder &b;
  BlockAttentionOp op;
  AttentionTiles tiles;
  StoredOperands k, v;
  mlir::Value group, t0, length, rowCount;
  // Memory of the item.
  mlir::Value q, rowsOfK, panel, partial, scores, rowsOfV, sums, largest,
      totals;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_ATTENTION_ATTENTIONITEM_H
