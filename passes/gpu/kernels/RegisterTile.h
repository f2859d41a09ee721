//===- RegisterTile.h - Results of a work-item of a tile --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the results of a workgroup's tile are dealt out to its work-items: each
// has `rows` by `columns` of them, `rowItems` and `columnItems` apart, so that
// neighbours read and write neighbouring memory.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_KERNELS_REGISTERTILE_H
#define RLX_PASSES_GPU_KERNELS_REGISTERTILE_H

#include "passes/gpu/kernels/MatmulKernels.h"

namespace rlx {

struct RegisterTile {
  RegisterTile(GpuAttr target, bool isLarge);
  int64_t columnItems, rowItems, columns, rows;

  int64_t width() const { return columns * columnItems; }
  int64_t height() const { return rows * rowItems; }
  int64_t workgroup() const { return columnItems * rowItems; }

  /// Emits where this work-item and its workgroup are.
  void locate(KernelBuilder &b);
  mlir::Value thread, column, row; ///< Of the work-item, in the tile.
  mlir::Value n0, m0;              ///< Of the tile.

  /// Lets `reader` read `count` elements from `k` on of the tile's column `n`.
  void readColumn(KernelBuilder &b, DeviceBlockReader &reader,
                  const MatmulShape &shape, mlir::Value n, mlir::Value k,
                  int64_t count) const;
  /// Stores sums of results, row by row, with the bias.
  void store(KernelBuilder &b, InterleavedMatmulOp op, const MatmulShape &shape,
             mlir::Value m, mlir::ValueRange sums) const;
  /// The workgroups for all tiles.
  std::array<mlir::OpFoldResult, 3> groups(KernelBuilder &b,
                                           const MatmulShape &shape,
                                           mlir::OpFoldResult m) const;

  /// Whether large tiles, of which each takes `bytes` of workgroup memory, do
  /// for `op`: there is memory and there are rows to fill them.
  static bool canBeLarge(InterleavedMatmulOp op, GpuAttr target, int64_t bytes);
};

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_REGISTERTILE_H
