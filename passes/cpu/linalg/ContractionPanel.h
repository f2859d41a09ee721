//===- ContractionPanel.h - A factor of a contraction, packed ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Some columns of b and a K block of it, as words: a lane is a column. And the
// rows of a that are multiplied with it, row by row.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_LINALG_CONTRACTIONPANEL_H
#define RLX_PASSES_CPU_LINALG_CONTRACTIONPANEL_H

#include "passes/cpu/linalg/ContractionBuilder.h"

namespace rlx {

class ContractionPanel {
public:
  /// Creates its buffers; b that lies packed needs none.
  explicit ContractionPanel(ContractionBuilder &c);
  void release();

  /// Packs the K block of `kLength` from `kBegin` on of `columns` of b from
  /// `nBegin` on, at least one. Columns up to the next vector are anything.
  void fill(mlir::Value nBegin, mlir::Value columns, mlir::Value kBegin,
            mlir::Value kLength);
  /// The same of `count` rows of a from `first` on; those behind `last` are
  /// that one again.
  void fillRows(mlir::Value first, int64_t count, mlir::Value last,
                mlir::Value kBegin, mlir::Value kLength);

  /// Words of a vector of columns, and the word of a row.
  mlir::Value load(mlir::Value group, mlir::Value word);
  mlir::Value loadRow(int64_t row, mlir::Value word);
  /// What sums of a vector of columns begin with.
  mlir::Value loadStart(mlir::Value group);

private:
  using Value = mlir::Value;
  void fillAlongN(Value nBegin, Value columns, Value kBegin, Value kLength);
  void fillAlongK(Value nBegin, Value columns, Value kBegin, Value kLength);
  void fillEach(Value nBegin, Value first, Value columns, Value kBegin,
                Value kLength);
  void fillStarts(Value columns, Value kLength);

  ContractionBuilder &c;
  LoopBuilder &b;
  const ContractionPlan &plan;
  Value panel; ///< memref [groups, words, lanes]; null where b is packed
  Value rows;  ///< memref [rows, words]
  /// memref [groups, lanes] of sums; null where they begin with zeros.
  Value starts;
  /// Where packed b is read from: the first group, and the K block.
  Value firstGroup, block;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_LINALG_CONTRACTIONPANEL_H
