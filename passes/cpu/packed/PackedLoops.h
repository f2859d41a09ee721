//===- PackedLoops.h - Loops for packed weights -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The builders behind --rlx-blocks-to-loops for the operations that write and
// read packed weights, as kernels/LoopKernels.h has them for the others.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDLOOPS_H
#define RLX_PASSES_CPU_PACKED_PACKEDLOOPS_H

#include "ir/CpuProperties.h"
#include "ir/Dialect.h"

namespace rlx {

class SharedActivations;

mlir::LogicalResult emitPackLoops(PackWeightOp op);
/// Activations that other matmuls have rounded are read where they can be.
mlir::LogicalResult emitPackedMatmulLoops(PackedMatmulOp op,
                                          const CpuProperties &cpu,
                                          SharedActivations &shared);

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDLOOPS_H
