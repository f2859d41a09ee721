//===- WeightPanel.h - Decoded weights that many rows share -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A K block of some weight rows, decoded and transposed so that a lane is
// an output column. Numbers are f32, or bf16 in pairs: a lane then holds two
// consecutive k, as instructions for dot products of bf16 read them.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_KERNELS_WEIGHTPANEL_H
#define RLX_PASSES_CPU_KERNELS_WEIGHTPANEL_H

#include "passes/cpu/kernels/RowAccess.h"

namespace rlx {

/// A vector of f32 as bf16 to be multiplied, by the target's instruction: such
/// take subnormal numbers for zero, as those that multiply do.
mlir::Value toPairedBf16(LoopBuilder &b, mlir::Value vector);

class WeightPanel {
public:
  /// Of up to `columns` weight rows and `depth` of K, a multiple of the steps.
  WeightPanel(LoopBuilder &b, const StoredOperands &stored,
              const RowSteps &steps, int64_t lanes, int64_t columns,
              int64_t depth, int64_t n, int64_t k, bool pairs);
  void release(LoopBuilder &b);

  /// Whether weights that are cut into `steps` can be paired.
  static bool canPair(const RowSteps &steps, int64_t k);

  /// Decodes the K block of `kLength` from `kBegin` on of `rows` weight rows
  /// from `begin` on. `expert` are the indices before a weight row's.
  void fill(LoopBuilder &b, mlir::ValueRange expert, mlir::Value begin,
            mlir::Value rows, mlir::Value kBegin, mlir::Value kLength);

  /// Vectors of k, or of pairs of k, that `length` of K takes.
  mlir::Value vectors(LoopBuilder &b, mlir::Value length) {
    return pairs ? b.div(length, 2) : length;
  }
  /// Vector `row` of the columns of group `group`, `lanes` columns each.
  mlir::Value load(LoopBuilder &b, mlir::Value group, mlir::Value row);
  /// Rows of a group that may be written, which is more than are read.
  int64_t writtenRows() const { return rows; }

private:
  using Value = mlir::Value;
  void decodeStep(LoopBuilder &b, mlir::ValueRange expert, Value group,
                  Value n0, Value first, Value panelRow, int64_t length,
                  int64_t run);
  void transposeStep(LoopBuilder &b, Value group, Value panelRow,
                     int64_t length);
  void store(LoopBuilder &b, llvm::ArrayRef<Value> vectors, Value group,
             Value row);

  const StoredOperands &stored;
  const RowSteps &steps;
  int64_t lanes, n, k, rows;
  bool pairs;
  Value panel, scratch;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_KERNELS_WEIGHTPANEL_H
