//===- Nesting.h - Texts that parsers can read ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_IR_NESTING_H
#define RLX_IR_NESTING_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace rlx {

/// How deep brackets of a text may nest, aliases replaced by what they stand
/// for. Programs of models stay below 20.
constexpr unsigned maxNesting = 256;
/// How many signs may follow each other in an expression, as in `d0 + d0 + d0`.
constexpr unsigned maxChain = 1024;

/// Parsers of MLIR and JSON call themselves for each bracket, and for each
/// operator of an affine expression, without a limit: a text of strangers that
/// nests 20,000 deep would end the process. This is an error that names the
/// line where a text, MLIR or JSON, goes beyond the limits above, or writes
/// `array<index: ...>`, which MLIR's parser does not survive. `name` stands for
/// the text.
llvm::Error checkNesting(llvm::StringRef text, llvm::StringRef name);

} // namespace rlx

#endif // RLX_IR_NESTING_H
