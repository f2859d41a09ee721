//===- RowGroups.h - Operations of linalg that share their rows -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A norm or a softmax is several operations that go through the same rows, each
// with its own. Where nothing that one writes for a row is read by another for
// a different row, they may as well go through a row together, while it is in
// the nearest cache, and what lies between them need not have more than a row.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_LINALG_ROWGROUPS_H
#define RLX_PASSES_CPU_LINALG_ROWGROUPS_H

#include "passes/cpu/linalg/LoopNest.h"

#include <vector>

namespace rlx {

/// Operations of a block, in their order, of which nothing between the first
/// and the last has to stay there.
struct RowGroup {
  std::vector<LoopNest> nests;
  /// How many leading loops, all parallel and of the same sizes, they share.
  unsigned depth = 0;
  /// What they alone read and write, by rows in its leading dimensions.
  llvm::SmallVector<mlir::memref::AllocOp> temporaries;
};

/// All groups of at least two operations on buffers in `function`.
std::vector<RowGroup> findRowGroups(mlir::func::FuncOp function);

/// Emits the loops of a group where its last operation is, and erases its
/// operations.
void emitRowLoops(const RowGroup &group, const CpuProperties &cpu);
/// What to say of it at its last operation.
std::string describe(const RowGroup &group);

} // namespace rlx

#endif // RLX_PASSES_CPU_LINALG_ROWGROUPS_H
