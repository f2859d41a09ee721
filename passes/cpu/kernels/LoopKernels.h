//===- LoopKernels.h - Loops for the block operations -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The builders behind --rlx-blocks-to-loops, one file an operation. Each takes
// an operation on memrefs and emits loops before it; the pass erases it. Those
// of packed weights are in packed/PackedLoops.h.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_KERNELS_LOOPKERNELS_H
#define RLX_PASSES_CPU_KERNELS_LOOPKERNELS_H

#include "ir/CpuProperties.h"
#include "ir/Dialect.h"

namespace rlx {

struct RulePlan;

mlir::LogicalResult emitMatmulLoops(BlockMatmulOp op, const CpuProperties &cpu);
mlir::LogicalResult emitDequantizeLoops(BlockDequantizeOp op,
                                        const CpuProperties &cpu);
/// The codes for scales that are given, or of schemes without any.
mlir::LogicalResult emitQuantizeLoops(BlockQuantizeOp op,
                                      const CpuProperties &cpu);
void emitRuleLoops(BlockQuantizeOp op, const RulePlan &plan);
void emitRuleLoops(BlockFakeQuantizeOp op, const RulePlan &plan);

} // namespace rlx

#endif // RLX_PASSES_CPU_KERNELS_LOOPKERNELS_H
