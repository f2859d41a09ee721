//===- RandomWeight.h - Weights with random codes ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stored bytes of a weight that nobody trained, for measurements and tests. All
// codes occur; fields that are floats get finite values of moderate size,
// scales positive ones, zero points and offsets such that values lie around
// zero. All of it follows from the scheme's description. Made for speed; the
// edges of each format are the unit tests' own generator's.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_BENCH_RANDOMWEIGHT_H
#define RLX_TOOLS_BENCH_RANDOMWEIGHT_H

#include "ir/Reference.h"
#include "runtime/Tensor.h"

namespace rlx {

struct RandomWeight {
  struct Side {
    std::string name; ///< `scales`, `zero_points` or `global_scale`.
    Tensor tensor;    ///< As a program takes it.
    mlir::RankedTensorType type;
  };

  mlir::RankedTensorType type; ///< With the encoding.
  Tensor blocks;               ///< u8, the bytes of a row as last size.
  std::vector<Side> sides;

  /// For the reference decoder; valid as long as this.
  StoredWeight stored() const;
  /// The bytes of the blocks and side tensors.
  int64_t numBytes() const;
};

/// A weight of shape `[N, K]` or `[E, N, K]`. The same seed gives the same
/// bytes. Fails where K is not a multiple of the block or memory is not there.
llvm::Expected<RandomWeight> makeRandomWeight(QuantScheme scheme,
                                              llvm::ArrayRef<int64_t> shape,
                                              uint64_t seed);

} // namespace rlx

#endif // RLX_TOOLS_BENCH_RANDOMWEIGHT_H
