//===- GatherLoops.h - tensor.gather and scatter by elements ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_CHECKS_GATHERLOOPS_H
#define RLX_PASSES_CHECKS_GATHERLOOPS_H

#include "mlir/IR/Operation.h"

namespace rlx {

/// Replaces `op` where it is tensor.gather, by a linalg.generic that extracts
/// each element, or tensor.scatter, by loops that insert each. Indices are
/// checked where they are used. Returns whether it was one of them.
bool replaceByElements(mlir::Operation *op);

} // namespace rlx

#endif // RLX_PASSES_CHECKS_GATHERLOOPS_H
