//===- ExactKernels.h - Numbers that are not the driver's -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What SPIR-V leaves to drivers, in kernels that compute what a program says in
// operations of arith and math.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_SPIRV_EXACTKERNELS_H
#define RLX_PASSES_GPU_SPIRV_EXACTKERNELS_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "llvm/ADT/StringSet.h"

namespace rlx {

/// On kernels that have operations of the program's.
inline constexpr llvm::StringLiteral exactAttributeName = "rlx.exact";

/// Replaces operations that Vulkan's drivers may compute badly, or need not
/// know, by some that they compute exactly; those of arith only in the kernels
/// named by `exact`. Fails, with a message at the
/// operation, where there is none.
mlir::LogicalResult expandForVulkan(mlir::gpu::GPUModuleOp kernels,
                                    const llvm::StringSet<> &exact);
/// The same for maxima and minima alone, which OpenCL's SPIR-V has none of.
void expandMaxima(mlir::gpu::GPUModuleOp kernels,
                  const llvm::StringSet<> &exact);
/// Additions and multiplications stay what they are.
void forbidContraction(mlir::spirv::FuncOp kernel);

} // namespace rlx

#endif // RLX_PASSES_GPU_SPIRV_EXACTKERNELS_H
