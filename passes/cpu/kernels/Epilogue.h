//===- Epilogue.h - What a matmul does with its sums ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Applies the epilogue of rlx.block_matmul or rlx.packed_matmul to sums that
// are still in registers, one number or a vector of neighbouring columns.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_KERNELS_EPILOGUE_H
#define RLX_PASSES_CPU_KERNELS_EPILOGUE_H

#include "passes/cpu/kernels/RowAccess.h"

namespace rlx {

class Epilogue {
public:
  template <typename OpT> static Epilogue of(OpT op) {
    return Epilogue(op.getEpilogue(), op.getEpilogueInputs(),
                    op.getEpilogueMapsAttr());
  }
  explicit operator bool() const { return !region.empty(); }

  /// What is stored for `sums`, f32 or a vector of it: the results from
  /// `column` on, `row` being the indices before a column's. `mask` says which
  /// columns there are; null where there are all.
  mlir::Value apply(LoopBuilder &b, mlir::Value sums, mlir::ValueRange row,
                    mlir::Value column, mlir::Value mask) const;

private:
  Epilogue(mlir::Region &region, mlir::ValueRange inputs, mlir::ArrayAttr maps)
      : region(region), inputs(inputs), maps(maps) {}
  mlir::Value read(LoopBuilder &b, size_t input, mlir::Type sums,
                   mlir::ValueRange row, mlir::Value column,
                   mlir::Value mask) const;

  mlir::Region &region;
  llvm::SmallVector<mlir::Value> inputs;
  mlir::ArrayAttr maps;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_KERNELS_EPILOGUE_H
