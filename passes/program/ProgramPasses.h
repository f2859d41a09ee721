//===- ProgramPasses.h - What calls share -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes on what outlives a call of a program: its constants, what is computed
// of them once, its states; and on code that its operations share.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_PROGRAM_PROGRAMPASSES_H
#define RLX_PASSES_PROGRAM_PROGRAMPASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace rlx {

#define GEN_PASS_DECL
#include "passes/program/ProgramPasses.h.inc"

/// Constants and globals of less bytes stay in the code, where LLVM can look
/// into them; of larger ones code would take as long to compile as they are
/// large.
constexpr int64_t leastWeightBytes = 4096;

/// Marks the region of a contraction and of what is applied to its sums
/// (cpu/linalg/FuseContractions.cpp), which stay together; says whether nobody
/// else reads the sums.
inline constexpr llvm::StringLiteral fusedContraction = "rlx.fused";

/// Globals of IREE (util.global) as those of ml_program; one that is a
/// parameter of a file as a weight of that name. Fails, at the operation, where
/// one is neither.
llvm::LogicalResult readUtilGlobals(mlir::ModuleOp module);

/// The import pipeline (Passes.h) for code that is to have its constants in it.
void buildImportPipelineInCode(mlir::OpPassManager &pm);

} // namespace rlx

#endif // RLX_PASSES_PROGRAM_PROGRAMPASSES_H
