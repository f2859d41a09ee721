//===- Elementwise.h - Operations of arith and math on tensors --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_SUPPORT_ELEMENTWISE_H
#define RLX_PASSES_SUPPORT_ELEMENTWISE_H

#include "mlir/IR/Operation.h"

namespace rlx {

/// Whether `op` computes each element of its results from the elements of
/// tensors at the same place. A select of whole tensors of dynamic size by one
/// condition does not: they may differ in size.
bool isElementwiseOnTensors(mlir::Operation *op);

} // namespace rlx

#endif // RLX_PASSES_SUPPORT_ELEMENTWISE_H
