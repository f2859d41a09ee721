//===- RoundToBf16.h - Conversions to bf16 in code --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_CPU_ROUNDTOBF16_H
#define RLX_CODEGEN_CPU_ROUNDTOBF16_H

#include "llvm/IR/Module.h"

namespace rlx {

/// Where no instruction rounds to bf16, LLVM calls __truncsfbf2 and
/// __truncdfbf2, which came late to compilers' libraries. Gives a module that
/// has numbers of bf16 functions of these names, for itself alone.
void defineRoundingToBf16(llvm::Module &module);

} // namespace rlx

#endif // RLX_CODEGEN_CPU_ROUNDTOBF16_H
