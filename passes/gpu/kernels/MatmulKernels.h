//===- MatmulKernels.h - Kernels for rlx.interleaved_matmul -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GPU_KERNELS_MATMULKERNELS_H
#define RLX_PASSES_GPU_KERNELS_MATMULKERNELS_H

#include "passes/gpu/kernels/IntegerMatmul.h"

namespace rlx {

/// What the kernels of a matmul have in common.
struct MatmulShape {
  explicit MatmulShape(InterleavedMatmulOp op);
  DeviceBlockLayout layout;
  Interleaving how;
  /// Columns that are written, from `firstColumn` on, and experts from
  /// `firstExpert` on.
  int64_t n, k, firstColumn = 0, firstExpert = 0, experts = 1, tiles;
  /// Elements of K that are decoded with whole loads.
  int64_t unit() const;
};

/// Activations of a few rows, element by element of a unit of K.
class ActivationReader {
public:
  /// `x` is a value of the host. With `quads`, four elements are loaded at once
  /// where `x` allows it.
  ActivationReader(KernelBuilder &b, mlir::Value x, int64_t k, bool quads);
  /// Adds the row with these indices.
  void addRow(mlir::ValueRange indices);
  /// From here on, elements are counted from `k`, a multiple of `length`.
  /// Elements beyond K are 0.
  void setUnit(mlir::Value k, int64_t length);
  mlir::Value at(size_t row, int64_t element);

private:
  KernelBuilder &b;
  BufferView view;
  int64_t k;
  mlir::Value quads, begin;
  bool guarded = false;
  llvm::SmallVector<mlir::Value> rows; ///< First element of each.
  llvm::DenseMap<std::pair<size_t, int64_t>, mlir::Value> loaded;
};

/// The kernels for few rows and for many; each is dispatched where the number
/// of rows, if it is dynamic, is at least `atLeast` and less than `below`.
struct RowRange {
  int64_t atLeast = 0, below = 0; ///< `below` 0: no bound.
  std::array<mlir::OpFoldResult, 3> restrict(
      KernelBuilder &b, mlir::OpFoldResult m,
      std::array<mlir::OpFoldResult, 3> groups) const;
};

/// Activations as bytes, and how they are multiplied.
struct ByteOperands {
  const IntegerMatmul &form;
  DeviceActivations x;
};

/// A work-item computes `rowsTogether` rows of activations times one row of the
/// weight, or a vector of rows; with ids, one token's. With `bytes`, products
/// are those of bytes.
void emitMatvecKernel(InterleavedMatmulOp op, KernelModule &kernels,
                      int64_t rowsTogether, RowRange range,
                      const ByteOperands *bytes = nullptr);
/// Tiles of both sides in memory of the workgroup.
void emitTileKernel(InterleavedMatmulOp op, KernelModule &kernels,
                    RowRange range);
/// The same with matrices that subgroups multiply, of activations of f16.
void emitMatrixKernel(InterleavedMatmulOp op, KernelModule &kernels,
                      RowRange range);
/// The same on bytes.
void emitIntegerTileKernel(InterleavedMatmulOp op, KernelModule &kernels,
                           const ByteOperands &bytes, RowRange range);
/// Quantizes the activations of a matmul.
DeviceActivations emitActivationKernel(InterleavedMatmulOp op,
                                       KernelModule &kernels,
                                       const IntegerMatmul &form,
                                       RowRange range);
/// A panel of decoded vectors that many rows share.
void emitPanelKernel(InterleavedMatmulOp op, KernelModule &kernels,
                     RowRange range);

/// The bias of column `n`, or of the columns from `n` on as a vector; null
/// without bias. `indices` come before n.
mlir::Value loadBias(KernelBuilder &b, InterleavedMatmulOp op,
                     mlir::ValueRange indices, mlir::Value n,
                     mlir::Type laneType);
/// Stores the columns from `n` on that there are; `n` counts those of `shape`.
void storeColumns(KernelBuilder &b, mlir::Value lanes, const BufferView &y,
                  mlir::ValueRange indices, mlir::Value n,
                  const MatmulShape &shape);

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_MATMULKERNELS_H
