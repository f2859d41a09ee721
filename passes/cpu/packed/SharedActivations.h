//===- SharedActivations.h - Rounded once for several matmuls ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matmuls that follow each other and multiply the same activations with weights
// of the same scheme (queries and keys, gate and up) read the same rounded
// rows. These live until the last of them, as long as nothing writes to the
// activations between.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_SHAREDACTIVATIONS_H
#define RLX_PASSES_CPU_PACKED_SHAREDACTIVATIONS_H

#include "passes/cpu/packed/ActivationLoops.h"

namespace rlx {

class SharedActivations {
public:
  /// The rows that an earlier matmul has rounded and `op` can read; null where
  /// there are none. `multiple` is that of emitQuantizeActivations.
  const QuantizedActivations *find(PackedMatmulOp op, ActivationForm form,
                                   int64_t multiple);
  /// Emits that `op`, whose loops end where `b` is, needs them no more; keeps
  /// them for others.
  void release(LoopBuilder &b, PackedMatmulOp op, int64_t multiple,
               const QuantizedActivations &activations);

private:
  struct Kept {
    mlir::Value x;
    QuantAttr scheme;
    PackedAttr layout;
    int64_t multiple;
    QuantizedActivations activations;
    llvm::SmallVector<mlir::Operation *> ends; ///< where they are freed
  };
  llvm::SmallVector<Kept> all;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_SHAREDACTIVATIONS_H
