//===- SchemeFile.h - Schemes of one's own by name --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_IR_SCHEMEFILE_H
#define RLX_IR_SCHEMEFILE_H

#include "ir/Scheme.h"

#include "llvm/Support/Error.h"

namespace rlx {

/// Reads a file that holds the description of one scheme, `#rlx.scheme<"name",
/// ...>`, and makes its name known: programs that `context` reads from now on
/// may write `#rlx.quant<name>`. Fails where the name is that of a built-in
/// scheme or of another file's, and the scheme is not.
llvm::Expected<QuantScheme> readSchemeFile(mlir::MLIRContext *context,
                                           llvm::StringRef path);

/// The built-in scheme of that name, or the one that a file brought.
std::optional<QuantScheme> findScheme(mlir::MLIRContext *context,
                                      llvm::StringRef name);

} // namespace rlx

#endif // RLX_IR_SCHEMEFILE_H
