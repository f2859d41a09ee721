//===- Subgroups.h - Kernels that compute across subgroups ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GPU_SPIRV_SUBGROUPS_H
#define RLX_PASSES_GPU_SPIRV_SUBGROUPS_H

#include "ir/Dialect.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace rlx {

/// Whether the kernel counts on the size of the target's subgroups.
bool countsOnSubgroups(mlir::gpu::GPUFuncOp kernel);

/// Turns reductions across parts of a subgroup into shuffles, which both
/// SPIR-V and OpenCL C have.
llvm::LogicalResult reduceByShuffles(mlir::gpu::GPUModuleOp module,
                                     GpuAttr target);

} // namespace rlx

#endif // RLX_PASSES_GPU_SPIRV_SUBGROUPS_H
