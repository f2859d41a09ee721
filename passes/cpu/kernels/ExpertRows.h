//===- ExpertRows.h - Rows of activations by expert -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// rlx.gather_matmul multiplies each (token, slot) with the expert that `ids`
// names there. Kernels want many rows for each reading of a weight, so
// positions are sorted by expert: a counting sort, before the parallel loop.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_KERNELS_EXPERTROWS_H
#define RLX_PASSES_CPU_KERNELS_EXPERTROWS_H

#include "passes/cpu/kernels/RowAccess.h"

namespace rlx {

class ExpertRows {
public:
  /// Emits the sort. `ids` is a memref `[tokens, slots]` of i32; ids that are
  /// out of range are reported and count as 0. `sharedRows`: slots of a token
  /// share its row of activations.
  ExpertRows(LoopBuilder &b, mlir::Value ids, mlir::Value experts,
             bool sharedRows);
  void release(LoopBuilder &b);

  mlir::Value experts() const { return count; }
  /// The entries that an expert begins and ends with.
  mlir::Value begin(LoopBuilder &b, mlir::Value expert);
  mlir::Value end(LoopBuilder &b, mlir::Value expert);
  /// Row of the flattened activations, and token and slot, of an entry.
  struct Row {
    mlir::Value x;
    llvm::SmallVector<mlir::Value> y;
  };
  Row row(LoopBuilder &b, mlir::Value entry);
  /// Rows of activations `begin` to `end`, and what they are multiplied with.
  struct Range {
    llvm::SmallVector<mlir::Value> expert; ///< empty without experts
    mlir::Value begin, end;
    std::optional<int64_t> count; ///< where it is known
    llvm::function_ref<Row(mlir::Value)> row;

    /// Splits the range into register tiles of sizes[0] rows and calls `body`
    /// with the rows of each. `sizes` fall to 1, or to a divisor of the number
    /// of rows. A static remainder becomes one smaller tile. A dynamic one is
    /// rounded up to the next size and repeats the last row, because another
    /// tile would read the weights once more.
    void
    eachTile(LoopBuilder &b, llvm::ArrayRef<int64_t> sizes,
             llvm::function_ref<void(llvm::ArrayRef<mlir::Value>)> body) const;
  };

private:
  mlir::Value count, slots;
  bool sharedRows;
  mlir::Value begins;    ///< memref `[experts + 1]` of index
  mlir::Value positions; ///< memref `[tokens * slots]` of index
};

} // namespace rlx

#endif // RLX_PASSES_CPU_KERNELS_EXPERTROWS_H
