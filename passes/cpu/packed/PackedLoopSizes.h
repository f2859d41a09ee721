//===- PackedLoopSizes.h - How the loops of an integer kernel are cut -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tiles that a matmul was given, as its loops need them.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDLOOPSIZES_H
#define RLX_PASSES_CPU_PACKED_PACKEDLOOPSIZES_H

#include "passes/cpu/packed/PackedOperand.h"

namespace rlx {

/// Rows are those of activations.
struct PackedLoopSizes {
  /// Of the kernel that multiplies `weight`, whose layout is `packed`.
  PackedLoopSizes(PackedMatmulOp op, const PackedLayout &packed,
                  const PackedOperand &weight);

  /// Of register tiles that decode as they read, largest first.
  llvm::SmallVector<int64_t> rows;
  int64_t minMPanel; ///< that are worth a panel
  int64_t mrPanel;   ///< of a register tile in a panel
  int64_t nrPanel;   ///< of N of a register tile in a panel
  /// Bytes that weights are asked for in advance; 0 leaves it to the target.
  int64_t ahead;
  int64_t height;   ///< that share a panel
  int64_t together; ///< tiles of N of a parallel iteration
  /// Whether rows that share a panel are rounded up to whole register tiles:
  /// there is room for some more than there are.
  bool roundsRowsUp;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDLOOPSIZES_H
