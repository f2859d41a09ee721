//===- ProgramBuilder.h - From dispatches to a Program ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_GPU_PROGRAMBUILDER_H
#define RLX_CODEGEN_GPU_PROGRAMBUILDER_H

#include "codegen/Signature.h"
#include "runtime/gpu/Program.h"

namespace rlx {

/// What the runtime needs to run the function of `signature`, from a module
/// that the pipeline `rlx-gpu` has lowered. The kernels' code is added by the
/// caller. Fails where sizes depend on more than the inputs' shapes.
llvm::Expected<Program> buildProgram(mlir::ModuleOp module,
                                     const FunctionSignature &signature);

} // namespace rlx

#endif // RLX_CODEGEN_GPU_PROGRAMBUILDER_H
