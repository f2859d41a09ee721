//===- ActivationLoops.h - Activations as integers --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantizes rows of activations to i8, or to i16 or i24 as two or three bytes,
// symmetrically, one scale a group of a K block; with the sums that integer
// kernels need. The scale of a group that has an infinity or a NaN is NaN, and
// so is all that it gives: the results of that row, and of no other.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_ACTIVATIONLOOPS_H
#define RLX_PASSES_CPU_PACKED_ACTIVATIONLOOPS_H

#include "passes/cpu/kernels/RowAccess.h"
#include "passes/cpu/packed/PackedLayout.h"

namespace rlx {

/// What a kernel wants to know of its activations. Groups are numbers of
/// elements of K, 0 where nothing is needed.
struct ActivationForm {
  int64_t bytes;     ///< 1 for i8, 2 for i16, 3 for i24
  int64_t initGroup; ///< that a start value is for
  int64_t sumGroup;  ///< that a sum is for
  int64_t bsumGroup; ///< that a sum in bytes is for
  int64_t pairGroup; ///< that a sum of 16 bits is for
  int64_t start;     ///< that is added to start values of the last byte
  /// That a scale of 16 bits is for, where a K block has several.
  int64_t scaleGroup = 0;
  /// Sums of 16 bits that scales multiply are that many times larger.
  static constexpr int64_t scaledSums = 8;

  /// Bytes of a sum that dot products multiply.
  int64_t bsumBytes() const { return bytes + 1; }
  bool operator==(const ActivationForm &other) const = default;
};

/// x[m, k] = scale(m, k) * q[m, k], where q is the one byte, or the bytes as
/// digits of 256, the first being the most significant; each is signed.
struct QuantizedActivations : ActivationForm {
  // Rows of a K block lie side by side, so that those of a register tile share
  // pages and fill a cache evenly. S is K / K block, each memref `[S, M, ...]`.
  mlir::Value codes; ///< `[bytes, K block / 4]` of i32: four codes a word
  mlir::Value
      scales; ///< `[]` of f32, or `[groups]` where a K block has several
  mlir::Value starts; ///< `[bytes, K block / initGroup]` of i32: -bias * sum of
                      ///< codes, plus start for the last byte
  mlir::Value sums;   ///< `[K block / sumGroup]` of f32: scale * sum of q
  mlir::Value bsums; ///< `[bsumBytes, K block / bsumGroup]` of i8: the sum of q
                     ///< as signed bytes, the most significant first
  mlir::Value pairSums; ///< `[K block / pairGroup]` of i16: the sum of q; with
                        ///< scaleGroup, scaledSums times scale / unit of it
  mlir::Value units;    ///< `[]` of f32: the largest scale of the K block
  mlir::Value pairScales; ///< `[K block / scaleGroup]` of i16: scale / unit,
                          ///< 2^15 being 1

  /// Those that there are.
  llvm::SmallVector<mlir::Value> buffers() const;
  void release(LoopBuilder &b) const;
};

/// Emits the quantization of all rows of `x`, a memref whose last size is K.
/// Leading sizes are flattened to M, and M is rounded up to a multiple of
/// `multiple`: rows beyond the last repeat it.
QuantizedActivations emitQuantizeActivations(LoopBuilder &b, mlir::Value x,
                                             const PackedLayout &layout,
                                             ActivationForm form,
                                             int64_t multiple);

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_ACTIVATIONLOOPS_H
