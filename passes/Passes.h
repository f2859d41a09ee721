//===- Passes.h - The passes and pipelines of RLX ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_PASSES_H
#define RLX_PASSES_PASSES_H

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassOptions.h"

namespace rlx {

#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

/// The CPU that the pipelines generate kernels for.
struct CpuTargetOptions : mlir::PassPipelineOptions<CpuTargetOptions> {
  Option<std::string> target{
      *this, "target",
      llvm::cl::desc("a #rlx.cpu attribute: the CPU, and what is wanted "
                     "otherwise than the cost model; empty: the module's")};
  Option<bool> printChoices{
      *this, "print-choices",
      llvm::cl::desc("remark which kernels were chosen, and why"),
      llvm::cl::init(false)};
};

/// The device that the pipelines generate kernels for.
struct GpuTargetOptions : mlir::PassPipelineOptions<GpuTargetOptions> {
  Option<std::string> target{
      *this, "target",
      llvm::cl::desc("a #rlx.gpu attribute: the device and what it can do"),
      llvm::cl::init("#rlx.gpu<vulkan>")};
};

/// Graphs as people write them to graphs of rlx operations on weights that are
/// arguments: inlining, fusion, clean-up.
void buildImportPipeline(mlir::OpPassManager &pm);
/// Encoded tensors to bytes, and weights to the layouts that kernels read.
void buildLayoutPipeline(mlir::OpPassManager &pm,
                         const CpuTargetOptions &options);
/// Tensors to buffers that the caller owns.
void buildBufferizePipeline(mlir::OpPassManager &pm);
/// Operations on buffers to loops, vectors and calls of the host.
void buildLoopsPipeline(mlir::OpPassManager &pm,
                        const CpuTargetOptions &options);
/// Loops to the LLVM dialect.
void buildLlvmPipeline(mlir::OpPassManager &pm);
/// All of the above.
void buildCpuPipeline(mlir::OpPassManager &pm, const CpuTargetOptions &options);
/// Imported graphs to kernels for a device and dispatches of them.
void buildKernelsPipeline(mlir::OpPassManager &pm,
                          const GpuTargetOptions &options);
/// Graphs to kernels for a device: import and kernels.
void buildGpuPipeline(mlir::OpPassManager &pm, const GpuTargetOptions &options);
/// Kernels to SPIR-V modules that can be serialized.
void buildSpirvPipeline(mlir::OpPassManager &pm);

/// Registers the passes and, by name, the pipelines (`--rlx-cpu`, ...).
void registerPasses();

/// Inserts the dialects that the passes read and write, with the interfaces of
/// bufferization, inlining and conversion to LLVM.
void registerDialects(mlir::DialectRegistry &registry);

} // namespace rlx

#endif // RLX_PASSES_PASSES_H
