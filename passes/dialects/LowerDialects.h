//===- LowerDialects.h - Dialects that upstream lowers ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_IMPORT_LOWERDIALECTS_H
#define RLX_PASSES_IMPORT_LOWERDIALECTS_H

#include "mlir/IR/BuiltinOps.h"

namespace rlx {

/// Whether --rlx-lower-dialects would change anything.
bool hasForeignDialects(mlir::ModuleOp module);

} // namespace rlx

#endif // RLX_PASSES_IMPORT_LOWERDIALECTS_H
