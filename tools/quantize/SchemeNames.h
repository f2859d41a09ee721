//===- SchemeNames.h - Schemes that a command line names --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_QUANTIZE_SCHEMENAMES_H
#define RLX_TOOLS_QUANTIZE_SCHEMENAMES_H

#include "ir/Scheme.h"

#include "llvm/Support/Error.h"

namespace rlx::quantize {

/// The scheme that a file of that path describes, or the built-in one of that
/// name. Error: neither, with the nearest names.
llvm::Expected<QuantScheme> findScheme(mlir::MLIRContext &context,
                                       llvm::StringRef name);

/// Those of a list with commas; `all` and `gguf` stand for the built-in ones,
/// or those of them that ggml has, that can be quantized. Error: an unknown
/// one.
llvm::Expected<llvm::SmallVector<QuantScheme>>
readSchemes(mlir::MLIRContext &context, llvm::StringRef given);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_SCHEMENAMES_H
