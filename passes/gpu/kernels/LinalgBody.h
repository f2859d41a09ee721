//===- LinalgBody.h - The kernel of an ordinary operation -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A work-item for each element of the results: LinalgKernels.cpp reads operands
// and writes what the body computes, LinalgReductions.cpp loops over what is
// reduced.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_KERNELS_LINALGBODY_H
#define RLX_PASSES_GPU_KERNELS_LINALGBODY_H

#include "passes/gpu/kernels/ElementAccess.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"

namespace rlx {

class LinalgKernel {
public:
  LinalgKernel(mlir::linalg::LinalgOp op, KernelModule &kernels)
      : op(op), kernels(kernels),
        b(op, kernels, "linalg_" + op->getName().stripDialect()) {}
  mlir::LogicalResult emit();

private:
  mlir::LogicalResult readOperands();
  mlir::LogicalResult captureValues();
  mlir::LogicalResult capture(mlir::Operation *user, mlir::Value value);
  llvm::SmallVector<mlir::Value> mapped(mlir::OpOperand &operand);
  mlir::Value loadOperand(mlir::OpOperand &operand);
  llvm::SmallVector<mlir::Value> clampedTo(mlir::memref::LoadOp load,
                                           mlir::ValueRange indices);
  mlir::LogicalResult cloneSafely(mlir::Operation *inner,
                                  mlir::IRMapping &mapping);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitBody(mlir::ValueRange outputs);
  bool hasInnerUnknown();
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitFlatReduction(mlir::ValueRange outputs);
  mlir::LogicalResult checkIterations();
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitReductions(unsigned next, mlir::ValueRange outputs);
  llvm::SmallVector<mlir::Value> loadOutputs();
  void storeOutputs(mlir::ValueRange values);
  bool hasSize(unsigned loop);
  mlir::OpFoldResult hostLoopSize(unsigned loop);
  void setParallelIndices(mlir::Value point);
  bool matchSharedReduction();
  mlir::LogicalResult emitShared();

  mlir::linalg::LinalgOp op;
  KernelModule &kernels;
  KernelBuilder b;
  llvm::DenseMap<mlir::OpOperand *, ElementAccess> access;
  mlir::IRMapping captured;
  llvm::DenseMap<mlir::Value, ElementAccess> capturedBuffers;
  llvm::SmallVector<mlir::Value> indices; ///< Of all loops.
  llvm::SmallVector<unsigned> parallel, reductions;
  /// Of the outputs, where a workgroup shares the reduction.
  llvm::SmallVector<mlir::Operation *> combiners;
  mlir::OpFoldResult points;
};

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_LINALGBODY_H
