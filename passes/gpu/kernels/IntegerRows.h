//===- IntegerRows.h - Products of bytes for a few rows ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GPU_KERNELS_INTEGERROWS_H
#define RLX_PASSES_GPU_KERNELS_INTEGERROWS_H

#include "passes/gpu/kernels/IntegerMatmul.h"

namespace rlx {

/// The rows of activations that a work-item multiplies with one row of the
/// weight, as bytes.
class IntegerRows {
public:
  /// `x` is on the host, `m` the number of its rows. Emits, at the start of the
  /// kernel, what looks codes up.
  IntegerRows(KernelBuilder &b, const IntegerMatmul &form,
              const DeviceActivations &x, mlir::Value m, int64_t workgroup);
  void addRow(mlir::Value row) { rows.push_back(row); }
  /// The sums of all rows with the products of the `length` elements from `k`
  /// on, whole kBlocks, which `reader` has been set to.
  llvm::SmallVector<mlir::Value> multiply(DeviceBlockReader &reader,
                                          mlir::Value k, int64_t length,
                                          mlir::ValueRange sums);

private:
  mlir::Value word(mlir::Value first, int64_t word,
                   llvm::SmallVector<mlir::Value> &quads);

  KernelBuilder &b;
  const IntegerMatmul &form;
  mlir::Value codes, scales, sums, m, table;
  llvm::SmallVector<mlir::Value> rows;
};

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_INTEGERROWS_H
