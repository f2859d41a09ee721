//===- AttentionLoops.h - Loops for rlx.block_attention ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_CPU_ATTENTION_ATTENTIONLOOPS_H
#define RLX_PASSES_CPU_ATTENTION_ATTENTIONLOOPS_H

#include "ir/CpuProperties.h"
#include "ir/Dialect.h"

namespace rlx {

/// Takes an operation on memrefs and emits loops before it.
mlir::LogicalResult emitAttentionLoops(BlockAttentionOp op,
                                       const CpuProperties &cpu);

} // namespace rlx

#endif // RLX_PASSES_CPU_ATTENTION_ATTENTIONLOOPS_H
