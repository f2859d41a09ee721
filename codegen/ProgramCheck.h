//===- ProgramCheck.h - Programs that strangers may write -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_PROGRAMCHECK_H
#define RLX_CODEGEN_PROGRAMCHECK_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LogicalResult.h"

namespace rlx {

/// Refuses, at the operation, what could reach any memory of the process: all
/// that is lowered to LLVM but is not on tensors, numbers or control flow, as
/// loads from addresses and inline assembly, and buffers, whose indices nothing
/// checks. Takes away attributes that MLIR hands to LLVM, such as alignments of
/// arguments: nobody checks them either.
mlir::LogicalResult checkProgram(mlir::ModuleOp module);

} // namespace rlx

#endif // RLX_CODEGEN_PROGRAMCHECK_H
