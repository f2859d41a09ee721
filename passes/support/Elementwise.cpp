//===- Elementwise.cpp - Operations of arith and math on tensors ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/support/Elementwise.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace rlx;

bool rlx::isElementwiseOnTensors(Operation *op) {
  if (!OpTrait::hasElementwiseMappableTraits(op) ||
      !llvm::any_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>))
    return false;
  auto select = dyn_cast<arith::SelectOp>(op);
  return !select || isa<RankedTensorType>(select.getCondition().getType()) ||
         cast<RankedTensorType>(select.getType()).hasStaticShape();
}
