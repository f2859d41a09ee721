//===- QuantizedOperand.h - The weight of an operation ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the operations of rlx that take a quantized weight have in common: which
// operand it is, and the side operands that belong to it.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_SUPPORT_QUANTIZEDOPERAND_H
#define RLX_PASSES_SUPPORT_QUANTIZEDOPERAND_H

#include "passes/PassDetail.h"

namespace rlx {

/// The side operands of an operation; null where there is none.
struct SideValues {
  mlir::Value scales, zeroPoints, globalScale;

  template <typename OpT> static SideValues of(OpT op) {
    return {op.getScales(), op.getZeroPoints(), op.getGlobalScale()};
  }
  /// The one that a scheme calls `name`.
  mlir::Value &named(llvm::StringRef name);
  /// Those that are there.
  llvm::SmallVector<mlir::Value, 3> given() const;
};

/// The operand through which `op` takes a weight that may be quantized, or
/// null.
mlir::OpOperand *quantizedOperand(mlir::Operation *op);
/// The side operands of `op`, an operation that has a quantized operand.
SideValues sidesOf(mlir::Operation *op);
void setSides(mlir::Operation *op, const SideValues &sides);

/// `value`, a tensor of floats, with elements of type `element`.
mlir::Value convertElements(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value value, mlir::Type element);

/// Whether `op`, a matmul of rlx, is what kernels take: activations, bias and
/// result of f32, the activations of rlx.matmul `[M, K]`; or decodes to f32.
/// --rlx-normalize-matmuls makes it so. True of all other operations.
bool isNormalMatmul(mlir::Operation *op);

} // namespace rlx

#endif // RLX_PASSES_SUPPORT_QUANTIZEDOPERAND_H
