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

#include "ir/CpuProperties.h"
#include "passes/PassDetail.h"

namespace rlx {

/// Fails, with a message, where `op` packs a weight or multiplies a packed one
/// and the layout is not that of its scheme. Other operations are right.
mlir::LogicalResult checkPacking(mlir::Operation *op);

/// The tiles of a matmul, and why in a phrase.
struct TileChoice {
  TilesAttr tiles;
  std::string why;
};
/// Fails, with a message, where the sizes that `cpu` asks for cannot be. The
/// layout of a packed weight is the scheme's (checkPacking).
mlir::FailureOr<TileChoice> chooseTiles(PackedMatmulOp op,
                                        const CpuProperties &cpu);
mlir::FailureOr<TileChoice> chooseTiles(BlockMatmulOp op,
                                        const CpuProperties &cpu);

} // namespace rlx

#endif // RLX_PASSES_CPU_TILECHOICE_H
