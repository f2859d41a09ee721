//===- TileChoice.h - How the loops of matmuls are cut ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cost model of CPU kernels. It counts vector operations: what a K step of
// a scheme costs to decode, by the bits of its codes and tables, and what
// multiplying it costs, by its groups and the target's dot products. Registers
// bound register tiles, caches bound panels, and a panel pays from that M on
// where decoding again for each register tile would cost more than storing and
// loading it.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_TILECHOICE_H
#define RLX_PASSES_CPU_TILECHOICE_H

#include "passes/PassDetail.h"

namespace rlx {

/// What the model must know of the target.
struct TileTarget {
  int64_t lanes = 16;     ///< f32 of a vector register
  int64_t registers = 32; ///< vector registers
  /// Vector operations that the sums of four products of bytes take.
  double dotCost = 1;
  /// The intrinsic that adds products of pairs of bf16 to f32 lanes, or empty.
  llvm::StringRef bf16Dot;
  /// The intrinsic that adds products of pairs of i16 to i32 lanes, or empty.
  llvm::StringRef i16Dot;

  /// Whether products take the place of all other vector operations, not of
  /// some of them.
  bool twoVectorPorts = false;

  static TileTarget of(int64_t lanes, int64_t registers,
                       llvm::StringRef instructions,
                       bool twoVectorPorts = false);
};

/// Fails, with a message, where loops cannot be made for such vectors.
mlir::LogicalResult checkVectors(mlir::Operation *op, int64_t lanes,
                                 int64_t registers);

/// Fails, with a message, where `op` packs a weight or multiplies a packed one
/// and the layout is not that of its scheme. Other operations are right.
mlir::LogicalResult checkPacking(mlir::Operation *op);

/// What may be done. Two of it round: panels with groups in pairs, and sums
/// that are floats from the start.
struct AllowedKernels {
  bool i16Pairs = true, magicNumbers = true, prescaledWeights = true;
};

/// The tiles of a matmul, and why in a phrase.
struct TileChoice {
  TilesAttr tiles;
  std::string why;
};
TileChoice chooseTiles(PackedMatmulOp op, const TileTarget &target,
                       AllowedKernels allowed);
TileChoice chooseTiles(BlockMatmulOp op, const TileTarget &target,
                       AllowedKernels allowed);

} // namespace rlx

#endif // RLX_PASSES_CPU_TILECHOICE_H
