//===- PackedLoopSizes.h - How the loops of an integer kernel are cut -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What #rlx.tiles and #rlx.kernel say, as loops need it.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDLOOPSIZES_H
#define RLX_PASSES_CPU_PACKED_PACKEDLOOPSIZES_H

#include "ir/Dialect.h"

namespace rlx {

/// How the loops of a kernel are cut. Rows are those of activations.
struct PackedLoopSizes {
  PackedLoopSizes(TilesAttr tiles, KernelAttr kernel, int64_t lanes);

  llvm::SmallVector<int64_t>
      mr;            ///< of register tiles without a panel, largest first
  int64_t minMPanel; ///< rows that are worth a panel; 0: never, 1: always
  int64_t mrPanel, nrPanel, mc;
  int64_t macroPanel; ///< tiles of N of a parallel iteration
  int64_t prefetchBytes;
  /// Whether rows that share a panel are rounded up to whole register tiles:
  /// there is room for some more than there are.
  bool roundsRowsUp;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDLOOPSIZES_H
