//===- ActivationLoops.h - Activations as integers ----------------*- C++
//-*-===//
//
// Quantizes rows of activations to i8, or to i16 as two bytes, symmetrically,
// one scale a stretch of K; with the sums that integer kernels need.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_ACTIVATIONLOOPS_H
#define RLX_PASSES_ACTIVATIONLOOPS_H

#include "passes/BlockLoops.h"
#include "passes/PackedLayout.h"

namespace rlx {

/// x[m, k] = scales[m, k / stretch] * q[m, k], where q is the one byte, or 256
/// times the first byte plus the second.
struct QuantizedActivations {
  int64_t bytes;     ///< 1 for i8, 2 for i16
  int64_t initGroup; ///< elements of K a start value is for; 0: none are needed
  int64_t sumGroup;  ///< elements of K a sum is for; 0: none are needed
  mlir::Value
      codes; ///< memref `[M, bytes, K / 4 or more]` of i32: four codes a word
  mlir::Value scales; ///< memref `[M, K / stretch]` of f32
  mlir::Value starts; ///< memref `[M, bytes, K / initGroup]` of i32: -bias *
                      ///< sum of codes
  mlir::Value sums;   ///< memref `[M, K / sumGroup]` of f32: scale * sum of q

  void release(LoopBuilder &b) const;
};

/// Emits the quantization of all rows of `x`, a memref whose last size is K.
/// Leading sizes are flattened to M.
QuantizedActivations emitQuantizeActivations(LoopBuilder &b, mlir::Value x,
                                             const PackedLayout &layout,
                                             int64_t bytes, int64_t initGroup,
                                             int64_t sumGroup);

} // namespace rlx

#endif // RLX_PASSES_ACTIVATIONLOOPS_H
