//===- WeightKernels.h - Kernels that read weights as stored ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GPU_KERNELS_WEIGHTKERNELS_H
#define RLX_PASSES_GPU_KERNELS_WEIGHTKERNELS_H

#include "passes/gpu/kernels/KernelBuilder.h"

namespace rlx {

/// Interleaves a weight: a work-item writes a device block of one row.
void emitInterleaveKernel(InterleaveWeightOp op, KernelModule &kernels);
/// Decodes a weight, or the rows of it that ids name: a work-item an element.
void emitDequantizeKernel(BlockDequantizeOp op, KernelModule &kernels);

/// The checks of ids of a function: a buffer that kernels report to, and what
/// they check, as attributes of its allocation.
class IndexChecks {
public:
  explicit IndexChecks(mlir::func::FuncOp function) : function(function) {}
  /// Emits before `op` a kernel that reports the first id of `ids`, a memref of
  /// i32, that is not less than `bound`.
  void emit(mlir::Operation *op, KernelModule &kernels, mlir::Value ids,
            int64_t bound, llvm::StringRef what);

private:
  mlir::func::FuncOp function;
  mlir::memref::AllocOp status;
};

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_WEIGHTKERNELS_H
