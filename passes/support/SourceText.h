//===- SourceText.h - Where an operation stands, for messages ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_SUPPORT_SOURCETEXT_H
#define RLX_PASSES_SUPPORT_SOURCETEXT_H

#include "mlir/IR/Operation.h"

namespace rlx {

/// `file.mlir:3:8: 'linalg.generic' `: how a message about `op` at run time
/// begins. Without a file in its location, only the name.
std::string sourceText(mlir::Operation *op);

} // namespace rlx

#endif // RLX_PASSES_SUPPORT_SOURCETEXT_H
