//===- Subgroups.cpp - Kernels that compute across subgroups --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/spirv/Subgroups.h"

#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace rlx;

bool rlx::countsOnSubgroups(gpu::GPUFuncOp kernel) {
  return kernel
      .walk([](Operation *op) {
        bool counts =
            isa<gpu::SubgroupReduceOp, gpu::ShuffleOp, gpu::SubgroupIdOp,
                gpu::LaneIdOp, gpu::SubgroupMmaComputeOp>(op);
        return counts ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

LogicalResult rlx::reduceByShuffles(gpu::GPUModuleOp module, GpuAttr target) {
  RewritePatternSet patterns(module.getContext());
  populateGpuLowerClusteredSubgroupReduceToShufflePatterns(
      patterns, target.getSubgroupSize());
  return applyPatternsGreedily(module, std::move(patterns));
}
