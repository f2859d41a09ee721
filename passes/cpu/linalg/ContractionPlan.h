//===- ContractionPlan.h - How a contraction is computed --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbers that are multiplied, the instruction that does it, and the sizes
// of tiles, from the contraction's types and sizes and the target.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_LINALG_CONTRACTIONPLAN_H
#define RLX_PASSES_CPU_LINALG_CONTRACTIONPLAN_H

#include "ir/CpuProperties.h"
#include "passes/cpu/linalg/Contraction.h"
#include "passes/cpu/linalg/PackedFactor.h"

#include <string>

namespace rlx {

struct ContractionPlan {
  /// What factors are packed as, `wordK` neighbours along k in a word; what
  /// sums are kept in, as wide as a word.
  mlir::Type packed, word, sum;
  int64_t wordK = 1;
  /// The intrinsic that adds the products of words; empty where vectors are
  /// multiplied and added.
  llvm::StringRef intrinsic;
  /// Of an intrinsic that multiplies unsigned bytes with signed ones: whether
  /// those of b are the unsigned ones, and whether those of a become unsigned
  /// by adding 128, which is taken from the sums again.
  bool hasUnsignedB = false, hasShiftedA = false;

  int64_t lanes = 1;   ///< sums of a vector
  int64_t vectors = 1; ///< of a register tile's columns
  int64_t rows = 1;    ///< of a register tile
  int64_t columns() const { return lanes * vectors; }
  /// m, n and k of a panel and what is multiplied with it: one unit of work.
  int64_t mc = 1, nc = 1, kc = 1;
  /// Whether b lies in packed panels already (PackedFactor.h).
  bool hasPackedB = false;
  /// n of a unit where there is one row.
  int64_t rowColumns = 1;
  /// Whether sums are kept in a buffer of their own until they are complete:
  /// where c has other numbers, or does not have columns side by side.
  bool hasOwnSums = false;
  /// Whether a single row of a has loops of its own.
  bool hasRowLoops = false;
  /// Products that are worth another thread, of panels and of a single row.
  int64_t leastProducts = 0, leastRowProducts = 0;

  static ContractionPlan of(const Contraction &contraction,
                            const CpuProperties &cpu);
  /// How b is packed where that is done once, before all calls; its sizes are
  /// known.
  static PackedFactor packingOf(const Contraction &contraction,
                                const CpuProperties &cpu);
  /// For a remark.
  std::string describe(const Contraction &contraction) const;

private:
  void chooseNumbers(const Contraction &contraction, const CpuProperties &cpu);
  void chooseDepth(const Contraction &contraction, const CpuProperties &cpu);
};

/// What sums of products of `type` are kept in: what is less than 32 bits wide
/// is rounded, or cut, when a sum is complete. Null where there is no such.
mlir::Type contractionSumType(mlir::Type type);

} // namespace rlx

#endif // RLX_PASSES_CPU_LINALG_CONTRACTIONPLAN_H
