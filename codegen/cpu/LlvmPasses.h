//===- LlvmPasses.h - What LLVM does before it generates code ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_CPU_LLVMPASSES_H
#define RLX_CODEGEN_CPU_LLVMPASSES_H

#include "llvm/Support/Error.h"

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace rlx {

/// Removes what functions of external linkage do not reach and optimizes the
/// rest: kernels, whose loops come unrolled and vectorized, and other
/// functions, whose loops do not.
llvm::Error optimize(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace rlx

#endif // RLX_CODEGEN_CPU_LLVMPASSES_H
