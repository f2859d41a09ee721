//===- ExpandShapes.h - memref.expand_shape with sizes as given -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GRAPH_EXPANDSHAPES_H
#define RLX_PASSES_GRAPH_EXPANDSHAPES_H

#include "mlir/IR/PatternMatch.h"

namespace rlx {

/// memref.expand_shape ==> memref.reinterpret_cast of the sizes that it is
/// given. Upstream's pattern computes one size of each group from the others
/// and crashes where two of a group are dynamic.
void populateExpandShapePatterns(mlir::RewritePatternSet &patterns);

} // namespace rlx

#endif // RLX_PASSES_GRAPH_EXPANDSHAPES_H
