//===- FuseElementwise.h - Elementwise operations become one ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GRAPH_FUSEELEMENTWISE_H
#define RLX_PASSES_GRAPH_FUSEELEMENTWISE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace rlx {

/// Fuses producers that are used once into elementwise operations of linalg. An
/// operation is not moved into a reduction, which would compute it again for
/// each of its iterations.
llvm::LogicalResult fuseElementwise(mlir::func::FuncOp function);

} // namespace rlx

#endif // RLX_PASSES_GRAPH_FUSEELEMENTWISE_H
