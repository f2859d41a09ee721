//===- CHeader.h - Compiled functions for C ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header that belongs to an object file: a C function for each function of
// the program and each packing of its weights, what the object asks of whoever
// links it, and a small default for that. Neither RLX nor LLVM is needed.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_CPU_CHEADER_H
#define RLX_CODEGEN_CPU_CHEADER_H

#include "codegen/Signature.h"
#include "codegen/cpu/Target.h"

namespace rlx {

/// The text of a header for code of `signatures`, as emitModule gives them;
/// `program` is the program's name in comments. Fails where the name of a
/// function is none that C can refer to.
llvm::Expected<std::string>
printHeader(llvm::ArrayRef<FunctionSignature> signatures,
            const CpuTarget &target, llvm::StringRef program);

} // namespace rlx

#endif // RLX_CODEGEN_CPU_CHEADER_H
