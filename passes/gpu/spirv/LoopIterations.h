//===- LoopIterations.h - Loops that run to their end -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GPU_SPIRV_LOOPITERATIONS_H
#define RLX_PASSES_GPU_SPIRV_LOOPITERATIONS_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/ADT/StringSet.h"

namespace rlx {

/// How many iterations the loops of a work-item are given in all: Mesa's
/// software rasterizer ends every loop of a kernel after so many, without a
/// word.
inline constexpr int64_t mostIterations = 65535;

/// Unrolls loops of kernels that may have more iterations, in the order that
/// they run in, so that numbers stay as they are. What has a size that is not
/// known is unrolled `unknownFactor` times, but only in the kernels named by
/// `ordinary`: those of matmuls are long, and their loops over K are known.
void limitIterations(mlir::gpu::GPUModuleOp kernels,
                     const llvm::StringSet<> &ordinary);

/// How many iterations of loops of unknown size there may be.
inline constexpr int64_t unknownFactor = 64;
inline constexpr int64_t mostUnknownIterations =
    (mostIterations - 2 * unknownFactor) * unknownFactor;

} // namespace rlx

#endif // RLX_PASSES_GPU_SPIRV_LOOPITERATIONS_H
