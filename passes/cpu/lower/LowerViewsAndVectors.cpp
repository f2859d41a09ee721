//===- LowerViewsAndVectors.cpp - What convert-to-llvm does not take ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/PassDetail.h"
#include "passes/graph/ExpandShapes.h"

#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rlx {
#define GEN_PASS_DEF_LOWERVIEWSANDVECTORSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// Whether convert-to-llvm takes `op`, an operation on vectors, by itself.
static bool isCommon(Operation *op) {
  auto isShort = [](Type type) {
    auto vector = dyn_cast<VectorType>(type);
    return !vector || (vector.getRank() == 1 && !vector.isScalable());
  };
  return isa<vector::BitCastOp, vector::BroadcastOp, vector::ExtractOp,
             vector::FMAOp, vector::FromElementsOp, vector::InsertOp,
             vector::LoadOp, vector::MaskedLoadOp, vector::MaskedStoreOp,
             vector::ReductionOp, vector::ShuffleOp, vector::StoreOp,
             vector::ToElementsOp>(op) &&
         llvm::all_of(op->getOperandTypes(), isShort) &&
         llvm::all_of(op->getResultTypes(), isShort);
}

namespace {
struct LowerViewsAndVectorsPass
    : rlx::impl::LowerViewsAndVectorsPassBase<LowerViewsAndVectorsPass> {
  void runOnOperation() override {
    auto isUncommon = [](Operation *op) {
      return isa_and_nonnull<vector::VectorDialect>(op->getDialect()) &&
                     !isCommon(op)
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    };
    if (getOperation()->walk(isUncommon).wasInterrupted()) {
      OpPassManager vectors(ModuleOp::getOperationName());
      vectors.addNestedPass<func::FuncOp>(createConvertVectorToSCFPass());
      vectors.addPass(createConvertVectorToLLVMPass());
      if (failed(runPipeline(vectors, getOperation())))
        return signalPassFailure();
    }
    expandShapes(getOperation());
    SmallVector<Operation *> views;
    getOperation()->walk([&](ViewLikeOpInterface op) { views.push_back(op); });
    RewritePatternSet patterns(&getContext());
    memref::populateExpandStridedMetadataPatterns(patterns);
    (void)applyOpPatternsGreedily(views, std::move(patterns));
  }
};
} // namespace
