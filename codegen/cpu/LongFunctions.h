//===- LongFunctions.h - Functions not worth optimizing ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_CPU_LONGFUNCTIONS_H
#define RLX_CODEGEN_CPU_LONGFUNCTIONS_H

#include "llvm/IR/Module.h"

namespace rlx {

/// Marks the functions that are little but a long list of calls, such as the
/// step of a model with many layers, as not to be optimized: the time of
/// several of LLVM's passes grows faster than the list, and what they save is
/// nothing beside what is called.
void markLongFunctions(llvm::Module &module);

} // namespace rlx

#endif // RLX_CODEGEN_CPU_LONGFUNCTIONS_H
