//===- PackedLoopSizes.cpp - How the loops of an integer kernel are cut ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedLoopSizes.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace rlx;

PackedLoopSizes::PackedLoopSizes(TilesAttr tiles, KernelAttr kernel,
                                 int64_t lanes)
    : minMPanel(kernel.getMinMPanel()), mrPanel(tiles.getMrPanel()),
      nrPanel(tiles.getNrPanel()), mc(std::max(tiles.getMc(), mrPanel)),
      macroPanel(
          llvm::alignTo(llvm::divideCeil(tiles.getNc(), lanes), nrPanel)),
      prefetchBytes(tiles.getPrefetchBytes()),
      roundsRowsUp(nrPanel > 1 || minMPanel == 1) {
  for (int64_t count : {tiles.getMr(), int64_t(4), int64_t(2), int64_t(1)})
    if (mr.empty() || count < mr.back())
      mr.push_back(count);
}
