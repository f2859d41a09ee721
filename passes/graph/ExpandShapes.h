//===- ExpandShapes.h - memref.expand_shape with sizes as given -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GRAPH_EXPANDSHAPES_H
#define RLX_PASSES_GRAPH_EXPANDSHAPES_H

#include "mlir/IR/Operation.h"

namespace rlx {

/// memref.expand_shape below `root` ==> memref.reinterpret_cast of the sizes
/// that it is given. Upstream's patterns compute one size of each group from
/// the others and crash where two of a group are dynamic; they also look
/// through the operation from those that read it, so this is done before any of
/// them.
void expandShapes(mlir::Operation *root);

} // namespace rlx

#endif // RLX_PASSES_GRAPH_EXPANDSHAPES_H
