//===- RowAccess.h - What loops of block operations share -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows, stored operands, ids and activations as loops read them.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_KERNELS_ROWACCESS_H
#define RLX_PASSES_CPU_KERNELS_ROWACCESS_H

#include "ir/CpuProperties.h"
#include "passes/PassDetail.h"
#include "passes/support/LoopBuilder.h"

namespace rlx {

class QuantScheme;

/// How a row of K elements is cut into vectors: iterations of `step` elements,
/// each of `step / run` decodes of `run` lanes; what does not fill a step is
/// cut block by block into `tailRun` lanes.
struct RowSteps {
  RowSteps(const QuantScheme &scheme, int64_t lanes);
  int64_t block;
  int64_t run, step;
  int64_t tailRun;
  /// The part of K elements that whole steps cover.
  int64_t mainLength(int64_t k) const { return k / step * step; }
};

/// The operands of a block operation that decoding reads.
struct StoredOperands {
  mlir::Value weight, scales, zeroPoints, globalScale;
  QuantAttr scheme;

  template <typename OpT> static StoredOperands of(OpT op) {
    return {op.getWeight(), op.getScales(), op.getZeroPoints(),
            op.getGlobalScale(), op.getScheme()};
  }
  /// `lanes` elements from element `first` of the block on.
  mlir::Value decode(LoopBuilder &b, mlir::ValueRange row, mlir::Value block,
                     int64_t first, int64_t lanes) const;
};

/// A parallel loop over the rows of `memref`: `body` gets the indices of all
/// its dimensions but the last.
void emitRowLoop(LoopBuilder &b, mlir::Value memref,
                 llvm::function_ref<void(mlir::ValueRange)> body);

/// Reports ids outside `0 <= id < bound` to the host. `ids` is a memref of i32.
void emitIndexCheck(LoopBuilder &b, mlir::Value ids, mlir::Value bound,
                    llvm::StringRef what);
/// The id at `indices` as an index that is safe to use: 0 where out of range.
mlir::Value emitSafeIndex(LoopBuilder &b, mlir::Value ids,
                          mlir::ValueRange indices, mlir::Value bound);

/// Emits loops that round `x` to what `activations` (ir/ActivationType.h) can
/// hold, the latter two with a scale for each `group` elements, into a buffer
/// of f32 that the caller frees.
mlir::Value emitRoundedActivations(LoopBuilder &b, mlir::Value x,
                                   mlir::Type activations, int64_t group);

/// Whether `operand` of a block operation on buffers lies as loops read it: the
/// last dimension without a stride, and rows that are one list where they are
/// read as one. --rlx-copy-strided-operands sees to it.
bool isContiguousFor(mlir::OpOperand &operand);

} // namespace rlx

#endif // RLX_PASSES_CPU_KERNELS_ROWACCESS_H
