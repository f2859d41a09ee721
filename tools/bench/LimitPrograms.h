//===- LimitPrograms.h - Programs whose speed is a limit --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Texts of the LLVM dialect, because reading from memory ahead and dot products
// are instructions, not operations on tensors. Each takes a tensor of bytes and
// gives 64 of them, so that nothing is computed in vain.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_BENCH_LIMITPROGRAMS_H
#define RLX_TOOLS_BENCH_LIMITPROGRAMS_H

#include "tools/bench/Limits.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/TargetParser/Triple.h"

namespace rlx {

constexpr int64_t limitResultBytes = 64;

/// An instruction `sum = instruction(sum, a, b)` on vectors, whose rate is a
/// limit.
struct PeakInstruction {
  std::optional<double> Limits::*result;
  llvm::Triple::ArchType machine;
  const char *feature; ///< As LLVM names it.
  const char *name;    ///< LLVM's intrinsic; empty: fused multiply-add.
  const char *sum, *operand;
  unsigned bytes;      ///< Of a vector.
  unsigned operations; ///< Of one, a product and a sum counting two.

  /// Independent sums, enough to hide any latency: 28 and two operands fit into
  /// 32 registers, 12 into 16.
  unsigned sumsInFlight() const;
  /// Bytes of the input of its program.
  int64_t inputBytes() const { return int64_t(2 + sumsInFlight()) * bytes; }
  /// Numbers of moderate size in the format of the operands, and any sums.
  void fill(Tensor &tensor) const;
  /// Operations of one run of its program.
  double operationsPerRun() const;
};

/// The first of a result that the machine has counts.
llvm::ArrayRef<PeakInstruction> peakInstructions();

/// Many independent chains of one instruction on the vectors of the input: two
/// operands, then the first sums.
std::string peakProgram(const std::string &name,
                        const PeakInstruction &instruction);

/// Reads the input in `streams` parts at the same time, `ahead` bytes of each
/// being asked for in advance where that is not zero.
std::string readProgram(const std::string &name, unsigned streams,
                        int64_t ahead);

} // namespace rlx

#endif // RLX_TOOLS_BENCH_LIMITPROGRAMS_H
