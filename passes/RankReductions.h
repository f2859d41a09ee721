//===- RankReductions.h - Which sizes of 1 a slice leaves out ---*- C++ -*-===//

#ifndef RLX_PASSES_RANKREDUCTIONS_H
#define RLX_PASSES_RANKREDUCTIONS_H

#include "mlir/IR/Operation.h"

namespace rlx {

/// Cuts slices below `root` that leave out sizes of 1, and keep others that are
/// or may be 1, in two where that is ambiguous: a slice of the whole rank, and
/// a reshape that says which sizes go.
void splitRankReductions(mlir::Operation *root);

} // namespace rlx

#endif // RLX_PASSES_RANKREDUCTIONS_H
