//===- LinalgKernels.h - Kernels for ordinary operations --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GPU_KERNELS_LINALGKERNELS_H
#define RLX_PASSES_GPU_KERNELS_LINALGKERNELS_H

#include "passes/gpu/kernels/KernelBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace rlx {

/// A work-item for each point of the parallel loops; long reductions of few
/// points are shared by the work-items of a workgroup. Fails, with a message,
/// for element types that the target cannot store.
mlir::LogicalResult emitLinalgKernel(mlir::linalg::LinalgOp op,
                                     KernelModule &kernels);
/// Writes one element. Fails where the host would have to compute its number.
mlir::LogicalResult emitStoreKernel(mlir::memref::StoreOp op,
                                    KernelModule &kernels);
/// A copy between buffers that may be views.
mlir::LogicalResult emitCopyKernel(mlir::memref::CopyOp op,
                                   KernelModule &kernels);

/// Rows as the bytes of a scheme of short floats. Fails, with a message, for
/// other schemes.
mlir::LogicalResult emitEncodeKernel(BlockQuantizeOp op, KernelModule &kernels);

/// Whether `buffer` is an integer of rank 0 that the caller passes, a position
/// for example: the host knows it before a run, as it does sizes.
bool isHostNumber(mlir::Value buffer);

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_LINALGKERNELS_H
