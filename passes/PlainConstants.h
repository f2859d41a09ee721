//===- PlainConstants.h - Constants whose value can be asked for *- C++ -*-===//

#ifndef RLX_PASSES_PLAINCONSTANTS_H
#define RLX_PASSES_PLAINCONSTANTS_H

#include "mlir/IR/Operation.h"

namespace rlx {

/// Gives constants of rank 0 below `root` that are resources their value as a
/// dense attribute: upstream's lowering asks for it, and resources have none.
void makeScalarsPlain(mlir::Operation *root);

} // namespace rlx

#endif // RLX_PASSES_PLAINCONSTANTS_H
