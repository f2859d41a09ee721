//===- LoopNest.h - How the loops of a linalg operation lie -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which loop is innermost, so that memory is read along it; in which order the
// others are around it; and how much work there is.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_LINALG_LOOPNEST_H
#define RLX_PASSES_CPU_LINALG_LOOPNEST_H

#include "ir/CpuProperties.h"
#include "passes/support/LoopBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <string>

namespace rlx {

struct LoopNest {
  /// Of an operation on buffers.
  explicit LoopNest(mlir::linalg::LinalgOp op);

  mlir::linalg::LinalgOp op;
  llvm::SmallVector<mlir::utils::IteratorType> types; ///< of the loops
  /// The loops from the outermost to the innermost one.
  llvm::SmallVector<unsigned> order;
  /// Whether the reductions are innermost, so that what they give is kept in
  /// registers.
  bool keepsResults = false;
  /// A loop along which an input lies, while the result lies along the
  /// innermost one: both are cut into squares.
  std::optional<unsigned> crossing;
  llvm::SmallVector<int64_t> sizes; ///< of the loops, as far as they are known
  /// What an iteration costs, in reads of a number from memory.
  int64_t cost = 1;

  bool isParallel(unsigned loop) const {
    return types[loop] == mlir::utils::IteratorType::parallel;
  }
  /// Of all iterations; nothing where it is not known.
  std::optional<int64_t> work() const;
  std::string describe() const;
};

/// `expr` of the loops that are at `ivs`; those that it is no function of may
/// be nowhere.
mlir::Value applyToLoops(LoopBuilder &b, mlir::AffineExpr expr,
                         llvm::ArrayRef<mlir::Value> ivs);

/// Emits loops for `op`, on buffers, before it. False where it has no body that
/// could be put into loops.
bool emitLinalgLoops(mlir::linalg::LinalgOp op, const CpuProperties &cpu,
                     llvm::function_ref<void(const std::string &)> report);

} // namespace rlx

#endif // RLX_PASSES_CPU_LINALG_LOOPNEST_H
