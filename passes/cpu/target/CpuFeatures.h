//===- CpuFeatures.h - What instruction sets give to kernels ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One table of the instructions that kernels ask for by name: which feature has
// them, for which vectors, what they cost. A new instruction set is a row here
// and, if its operands differ from those of its kind, an expansion in
// passes/cpu/lower/ExpandTargetOps.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_TARGET_CPUFEATURES_H
#define RLX_PASSES_CPU_TARGET_CPUFEATURES_H

#include "ir/CpuProperties.h"

namespace rlx {

/// What an instruction does.
enum class VectorOp {
  /// i32 += sums of four products of unsigned and signed bytes (rlx.dot).
  byteDot,
  /// i32 += sums of two products of i16.
  i16Dot,
  /// i16 times i16, divided by 2^15 and rounded.
  i16Fraction,
  /// f32 += sums of two products of bf16.
  bf16Dot,
  /// Entries of a table of 16 bytes (rlx.lookup).
  lookup16,
  /// Entries of a table of as many bytes as the vector has; the six low bits of
  /// each code count.
  lookup64
};

struct VectorInstruction {
  VectorOp op;
  llvm::StringLiteral feature; ///< in LLVM's spelling
  int64_t bits;                ///< of its vectors
  llvm::StringLiteral intrinsic;
  /// Of a byteDot: vector operations for a vector, and what is multiplied: with
  /// `wordIntrinsic`, pairs of bytes become i16 and these i32.
  int64_t cost = 1;
  llvm::StringLiteral wordIntrinsic = "";
  /// Whether unsigned bytes must be below 128: the instruction reads them as
  /// signed, or sums of two products saturate otherwise.
  bool codesBelow128 = false;
};

/// The first instruction of the table that `cpu` has for vectors of `bits`;
/// null if it has none. `codeLimit`: unsigned bytes are below it.
const VectorInstruction *findInstruction(const CpuProperties &cpu, VectorOp op,
                                         int64_t bits, int64_t codeLimit = 256);

/// The intrinsic of that instruction for whole vector registers; empty if there
/// is none.
llvm::StringRef intrinsicFor(const CpuProperties &cpu, VectorOp op);

/// Vector operations for the sums of four products of bytes: of the best
/// feature for any vectors, or of plain shifts, products and additions.
int64_t byteDotCost(const CpuProperties &cpu);

/// Whether dot products of bytes, one operation each, share the two ports of
/// all other vector operations, so that nothing hides beside them.
bool hasSharedPorts(const CpuProperties &cpu);

/// The features of the table, each once.
llvm::ArrayRef<llvm::StringRef> knownCpuFeatures();

} // namespace rlx

#endif // RLX_PASSES_CPU_TARGET_CPUFEATURES_H
