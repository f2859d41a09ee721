//===- ObjectCode.h - From the LLVM dialect to an object file ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_CPU_OBJECTCODE_H
#define RLX_CODEGEN_CPU_OBJECTCODE_H

#include "codegen/cpu/Target.h"

#include "llvm/ADT/SmallVector.h"

namespace rlx {

/// The symbol through which a function of the program is called with an array
/// of pointers to its arguments.
std::string invokeSymbol(llvm::StringRef function);

/// The symbol of a function of the program in its code: no name of the C
/// library or of RLX begins like it.
std::string programSymbol(llvm::StringRef function);

/// `llvmDialect` is what the passes made of a program, as MLIR.
enum class CodeForm { object, assembly, llvmIr, llvmDialect };

/// Optimizes a module of the LLVM dialect and emits it. Each of `functions`,
/// which are those of the program, or else of the module, of these names, also
/// gets an entry `void (void **)` named by invokeSymbol. All others are local.
llvm::Expected<llvm::SmallVector<char, 0>>
emitCode(mlir::ModuleOp module, llvm::ArrayRef<std::string> functions,
         const CpuTarget &target, CodeForm form);

} // namespace rlx

#endif // RLX_CODEGEN_CPU_OBJECTCODE_H
