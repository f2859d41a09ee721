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

/// What the pipelines must know of the machine the code is for.
struct CpuTargetOptions : mlir::PassPipelineOptions<CpuTargetOptions> {
  Option<int64_t> vectorLength{*this, "vector-length",
                               llvm::cl::desc("f32 lanes of a vector register"),
                               llvm::cl::init(16)};
  Option<int64_t> vectorRegisters{
      *this, "vector-registers",
      llvm::cl::desc("vector registers of the target"), llvm::cl::init(32)};
  Option<std::string> instructions{
      *this, "instructions",
      llvm::cl::desc(
          "features whose instructions may be used, separated by commas")};
  Option<bool> twoVectorPorts{
      *this, "two-vector-ports",
      llvm::cl::desc("products take the place of all other vector operations, "
                     "not of some of them"),
      llvm::cl::init(false)};
  Option<bool> deterministic{
      *this, "deterministic",
      llvm::cl::desc(
          "compute a row in the same order whatever the number of rows"),
      llvm::cl::init(false)};
  // How loops are cut; 0 leaves it to --rlx-choose-tiles.
  Option<int64_t> mr{*this, "mr", llvm::cl::desc("M of a register tile"),
                     llvm::cl::init(0)};
  Option<int64_t> minMPanel{
      *this, "min-m-panel",
      llvm::cl::desc("least M for which weights are decoded into a panel"),
      llvm::cl::init(0)};
  Option<int64_t> mrPanel{
      *this, "mr-panel",
      llvm::cl::desc("M of a register tile that reads a panel"),
      llvm::cl::init(0)};
  Option<int64_t> mc{*this, "mc", llvm::cl::desc("most M that shares a panel"),
                     llvm::cl::init(0)};
  Option<int64_t> nc{*this, "nc",
                     llvm::cl::desc("N of an iteration of the parallel loop"),
                     llvm::cl::init(0)};
  Option<int64_t> kc{*this, "kc",
                     llvm::cl::desc("K after which the next columns follow"),
                     llvm::cl::init(0)};
  Option<int64_t> nrPanel{
      *this, "nr-panel",
      llvm::cl::desc("vectors of N of a register tile that reads a panel of "
                     "packed weights"),
      llvm::cl::init(0)};
  Option<int64_t> prefetchBytes{
      *this, "prefetch-bytes",
      llvm::cl::desc(
          "distance, in bytes, at which packed weights are prefetched"),
      llvm::cl::init(0)};
  Option<bool> magicNumbers{
      *this, "magic-numbers",
      llvm::cl::desc("let sums of products with i8 be floats from the start, "
                     "which rounds their last bits; not with deterministic"),
      llvm::cl::init(true)};
  Option<bool> i16Pairs{
      *this, "i16-pairs",
      llvm::cl::desc("let panels for i8 hold groups in pairs, which rounds "
                     "their scales to 16 bits; not with deterministic"),
      llvm::cl::init(true)};
  Option<bool> prescaledWeights{
      *this, "prescaled-weights",
      llvm::cl::desc("multiply codes with integer scales first where the "
                     "products fit bytes"),
      llvm::cl::init(true)};
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
