//===- Pipelines.cpp - How the passes follow each other -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/TmTensor.h"
#include "ir/Util.h"
#include "passes/FusionReport.h"
#include "passes/PassDetail.h"
#include "passes/cpu/lower/ConvertRuntimeCalls.h"
#include "passes/dialects/DialectPasses.h"
#include "passes/import/recognize/RecognizePasses.h"
#include "passes/program/ProgramPasses.h"
#include "passes/quantize/QuantizePasses.h"
#include "passes/storage/BufferizeBlocks.h"
#include "passes/transformer/TransformerPasses.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Transforms/BufferDeallocationOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/ControlFlow/Transforms/BufferDeallocationOpInterfaceImpl.h"
#include "mlir/Dialect/ControlFlow/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/Transforms/RequestCWrappers.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/TilingInterfaceImpl.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/MemRef/Transforms/AllocationOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/SCF/Transforms/BufferDeallocationOpInterfaceImpl.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/IR/TensorInferTypeOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace rlx;

/// Upstream's, but for a pattern that takes sizes that a loop begins with for
/// those of all iterations.
static std::unique_ptr<Pass> canonicalizer() {
  return createCanonicalizerPass(
      GreedyRewriteConfig(), {"(anonymous namespace)::ForOpTensorCastFolder"});
}

static void addImport(OpPassManager &pm, bool constantsInCode,
                      bool report = false) {
  // What others have written comes first: all that follows sees linalg.
  pm.addPass(createReadGlobalsPass());
  pm.addPass(createLowerDialectsPass());
  pm.addPass(createPrepareCallsPass());
  pm.addPass(createCheckStatesPass());
  pm.addPass(createAdaptSignaturesPass());
  // Nothing is rewritten before what is undefined was checked.
  pm.addPass(createInlinerPass({}, [](OpPassManager &) {}));
  pm.addPass(createSymbolDCEPass());
  pm.addNestedPass<func::FuncOp>(createInsertChecksPass());
  pm.addNestedPass<func::FuncOp>(createLowerTmTensorPass());
  // Attention of the CPU has loops of its own.
  pm.addNestedPass<func::FuncOp>(
      createDecomposeTransformerPass({/*keepAttention=*/true}));
  // Checks look at the sizes of operands. Those of a result would become what a
  // tensor.cast behind it claims, as soon as the cast is folded into its type.
  pm.addPass(memref::createResolveShapedTypeResultDimsPass());
  pm.addNestedPass<func::FuncOp>(createKeepUnwrittenPass());
  // From here on sizes become known, and with them types.
  pm.addNestedPass<func::FuncOp>(createSplitRankReductionsPass());
  pm.addNestedPass<func::FuncOp>(createDenseScalarsPass());
  pm.addPass(createLiftControlFlowToSCFPass());
  pm.addNestedPass<func::FuncOp>(createDecomposePass());
  RecognizeWeightsPassOptions weights;
  weights.report = report;
  weights.floatViews = !constantsInCode;
  pm.addPass(createRecognizeWeightsPass(weights));
  pm.addNestedPass<func::FuncOp>(createLowerQMatmulPass());
  pm.addNestedPass<func::FuncOp>(createFuseDequantPass());
  pm.addNestedPass<func::FuncOp>(createNormalizeMatmulsPass());
  pm.addPass(canonicalizer());
  pm.addPass(createCSEPass());
  pm.addPass(createConstantsToWeightsPass({constantsInCode}));
  pm.addPass(createWeightsToArgumentsPass());
}

void rlx::buildImportPipeline(OpPassManager &pm) {
  addImport(pm, /*constantsInCode=*/false);
}

void rlx::buildImportPipelineInCode(OpPassManager &pm) {
  addImport(pm, /*constantsInCode=*/true);
}

void rlx::buildFusionReportPipeline(OpPassManager &pm,
                                    const CpuTargetOptions &options) {
  addImport(pm, /*constantsInCode=*/false, /*report=*/true);
  pm.addPass(createAttachCpuTargetPass({options.target}));
  pm.addNestedPass<func::FuncOp>(createFoldEmptyMatmulsPass());
  pm.addPass(createLowerEncodingsPass());
  pm.addPass(createPackWeightsPass());
  pm.addNestedPass<func::FuncOp>(createElementwiseToLinalgPass());
  pm.addPass(canonicalizer());
  pm.addNestedPass<func::FuncOp>(
      createFuseEpiloguePass({/*printChoices=*/true}));
}

void rlx::buildLayoutPipeline(OpPassManager &pm,
                              const CpuTargetOptions &options) {
  pm.addPass(createAttachCpuTargetPass({options.target}));
  pm.addNestedPass<func::FuncOp>(createFoldEmptyMatmulsPass());
  pm.addPass(createLowerEncodingsPass());
  pm.addPass(createPackWeightsPass({options.printChoices}));
  pm.addPass(createPackContractionsPass({options.printChoices}));
  pm.addPass(createHoistPackingPass());
  pm.addNestedPass<func::FuncOp>(createElementwiseToLinalgPass());
  pm.addPass(canonicalizer());
  pm.addNestedPass<func::FuncOp>(
      createFuseEpiloguePass({options.printChoices}));
  pm.addNestedPass<func::FuncOp>(createChooseTilesPass({options.printChoices}));
}

/// Tensors to buffers; results are written to buffers of the caller.
static void addBufferization(OpPassManager &pm) {
  // arith and math on tensors: the shapes of their results can then be told
  // too.
  pm.addNestedPass<func::FuncOp>(createElementwiseToLinalgPass());
  pm.addPass(createCheckTensorsPass());
  pm.addPass(createShapeFunctionsPass());
  pm.addPass(memref::createResolveShapedTypeResultDimsPass());
  pm.addNestedPass<func::FuncOp>(createFuseElementwisePass());
  pm.addPass(canonicalizer());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createHoistChecksPass());

  pm.addNestedPass<func::FuncOp>(createDistinctResultsPass());
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  // What a loop carries may be a new buffer each time; deallocation follows it.
  options.allowReturnAllocsFromLoops = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  pm.addPass(canonicalizer());
  pm.addPass(createCSEPass());
  pm.addPass(createTieStatesPass());
  // The caller owns the results' buffers: a result is written where it belongs.
  bufferization::BufferResultsToOutParamsPassOptions results;
  results.addResultAttribute = true;
  results.hoistStaticAllocs = true;
  results.hoistDynamicAllocs = true;
  results.modifyPublicFunctions = true;
  pm.addPass(bufferization::createBufferResultsToOutParamsPass(results));
}

void rlx::buildBufferizePipeline(OpPassManager &pm) {
  addBufferization(pm);
  bufferization::buildBufferDeallocationPipeline(
      pm, bufferization::BufferDeallocationPipelineOptions());
  pm.addPass(canonicalizer());
  pm.addPass(createCSEPass());
  // Memory is freed behind its last use: what a program needs at once does not
  // grow with its length, and what follows has memory that caches still hold.
  pm.addNestedPass<func::FuncOp>(
      bufferization::createOptimizeAllocationLivenessPass());
}

void rlx::buildLoopsPipeline(OpPassManager &pm,
                             const CpuTargetOptions &options) {
  pm.addPass(createAttachCpuTargetPass({options.target}));
  pm.addNestedPass<func::FuncOp>(createCopyStridedOperandsPass());
  // Before there are kernels to look through.
  pm.addNestedPass<func::FuncOp>(createCopiesToLinalgPass());
  pm.addNestedPass<func::FuncOp>(
      createFuseContractionsPass({options.printChoices}));
  pm.addPass(createOutlineEqualPass());
  pm.addNestedPass<func::FuncOp>(
      createContractionsToLoopsPass({options.printChoices}));
  pm.addNestedPass<func::FuncOp>(
      createLinalgToLoopsPass({options.printChoices}));
  pm.addNestedPass<func::FuncOp>(createBlocksToLoopsPass());
  pm.addNestedPass<func::FuncOp>(createExpandDecodePass());
  pm.addNestedPass<func::FuncOp>(createExpandTargetOpsPass());
  pm.addNestedPass<func::FuncOp>(createApproximateMathPass());
  // All that is allocated is there, in loops that say what threads do.
  pm.addPass(createMemoryFunctionsPass());
  pm.addPass(canonicalizer());
  pm.addPass(createCSEPass());
  pm.addPass(createOutlineParallelPass());
}

void rlx::buildLlvmPipeline(OpPassManager &pm) {
  pm.addPass(createLowerViewsAndVectorsPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addNestedPass<func::FuncOp>(LLVM::createLLVMRequestCWrappersPass());
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createCallMathPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCheckLoweredPass());
  pm.addPass(createOrderStreamsPass());
}

void rlx::buildKernelsPipeline(OpPassManager &pm,
                               const GpuTargetOptions &options) {
  pm.addNestedPass<func::FuncOp>(createDecomposeTransformerPass());
  pm.addNestedPass<func::FuncOp>(createFoldEmptyMatmulsPass());
  pm.addNestedPass<func::FuncOp>(createDecomposeFakeQuantizePass());
  pm.addPass(createLowerEncodingsPass());
  InterleaveWeightsPassOptions layout;
  layout.target = options.target;
  pm.addPass(createInterleaveWeightsPass(layout));
  // Device memory is freed by the runtime, which knows how long it is read.
  addBufferization(pm);
  pm.addPass(canonicalizer());
  pm.addPass(createCSEPass());
  pm.addPass(createBlocksToKernelsPass());
  // The dispatches' operands: whole buffers, and sizes.
  pm.addPass(createExpandShapesPass());
  pm.addNestedPass<func::FuncOp>(memref::createExpandStridedMetadataPass());
  pm.addPass(canonicalizer());
  pm.addPass(createCSEPass());
}

void rlx::buildSpirvPipeline(OpPassManager &pm) {
  pm.addPass(createKernelsToSpirvPass());
  OpPassManager &modules = pm.nest<spirv::ModuleOp>();
  modules.addPass(spirv::createSPIRVLowerABIAttributesPass());
  modules.addPass(createSpirvRequirementsPass());
}

void rlx::buildGpuPipeline(OpPassManager &pm, const GpuTargetOptions &options) {
  buildImportPipelineInCode(pm);
  buildKernelsPipeline(pm, options);
}

void rlx::buildCpuPipeline(OpPassManager &pm, const CpuTargetOptions &options) {
  buildImportPipeline(pm);
  buildLayoutPipeline(pm, options);
  buildBufferizePipeline(pm);
  buildLoopsPipeline(pm, options);
  buildLlvmPipeline(pm);
}

namespace {
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/quantize/QuantizePasses.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/import/recognize/RecognizePasses.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/program/ProgramPasses.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/dialects/DialectPasses.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/transformer/TransformerPasses.h.inc"
} // namespace

void rlx::registerPasses() {
  registerRlxPasses();
  registerRlxQuantizePasses();
  registerRlxProgramPasses();
  registerRlxRecognizePasses();
  registerRlxDialectPasses();
  registerRlxTransformerPasses();
  PassPipelineRegistration<>("rlx-import",
                             "Graphs as people write them to graphs RLX lowers",
                             buildImportPipeline);
  PassPipelineRegistration<CpuTargetOptions>(
      "rlx-fusion-report",
      "Import and fuse a graph, and say what was recognised, what was fused, "
      "what was not and why",
      buildFusionReportPipeline);
  PassPipelineRegistration<CpuTargetOptions>(
      "rlx-layout",
      "Encoded tensors to bytes, weights to the layouts that kernels read",
      buildLayoutPipeline);
  PassPipelineRegistration<>("rlx-bufferize", "Tensors to the caller's buffers",
                             buildBufferizePipeline);
  PassPipelineRegistration<CpuTargetOptions>(
      "rlx-loops",
      "Operations on buffers to loops, vectors and calls of the host",
      buildLoopsPipeline);
  PassPipelineRegistration<>("rlx-llvm", "Loops to the LLVM dialect",
                             buildLlvmPipeline);
  PassPipelineRegistration<CpuTargetOptions>(
      "rlx-cpu",
      "Graphs to the LLVM dialect for a CPU: import, layout, bufferize, loops, "
      "llvm",
      buildCpuPipeline);
  PassPipelineRegistration<>("rlx-spirv",
                             "Kernels to SPIR-V modules that can be serialized",
                             buildSpirvPipeline);
  PassPipelineRegistration<GpuTargetOptions>(
      "rlx-gpu", "Graphs to kernels for a device and their dispatches",
      buildGpuPipeline);
}

void rlx::registerDialects(DialectRegistry &registry) {
  registry.insert<RlxDialect, affine::AffineDialect, arith::ArithDialect,
                  bufferization::BufferizationDialect, cf::ControlFlowDialect,
                  complex::ComplexDialect, func::FuncDialect, gpu::GPUDialect,
                  index::IndexDialect, linalg::LinalgDialect, LLVM::LLVMDialect,
                  math::MathDialect, memref::MemRefDialect,
                  ml_program::MLProgramDialect, quant::QuantDialect,
                  scf::SCFDialect, tensor::TensorDialect,
                  tm_tensor::TmTensorDialect, tosa::TosaDialect, ub::UBDialect,
                  util::UtilDialect, vector::VectorDialect>();
  arith::registerBufferDeallocationOpInterfaceExternalModels(registry);
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(
      registry);
  cf::registerBufferDeallocationOpInterfaceExternalModels(registry);
  cf::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerTilingInterfaceExternalModels(registry);
  memref::registerAllocationOpInterfaceExternalModels(registry);
  scf::registerBufferDeallocationOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerInferTypeOpInterfaceExternalModels(registry);
  vector::registerBufferizableOpInterfaceExternalModels(registry);
  registerAllExtensions(registry);
  registerBlockBufferization(registry);
  registerRuntimeCallConversion(registry);
}
