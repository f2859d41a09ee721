//===- TransformerPasses.h - Passes of passes/transformer/ ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_TRANSFORMER_TRANSFORMERPASSES_H
#define RLX_PASSES_TRANSFORMER_TRANSFORMERPASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace rlx {

#define GEN_PASS_DECL
#include "passes/transformer/TransformerPasses.h.inc"

} // namespace rlx

#endif // RLX_PASSES_TRANSFORMER_TRANSFORMERPASSES_H
