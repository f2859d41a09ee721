//===- Decompositions.h - What transformers need, as linalg -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function builds, before an operation of TransformerOps.td, what has its
// results, which have its types. Sizes have been checked.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_TRANSFORMER_DECOMPOSITIONS_H
#define RLX_PASSES_TRANSFORMER_DECOMPOSITIONS_H

#include "passes/PassDetail.h"

namespace rlx {

mlir::Value decompose(mlir::OpBuilder &builder, RmsNormOp op);
mlir::Value decompose(mlir::OpBuilder &builder, LayerNormOp op);
mlir::Value decompose(mlir::OpBuilder &builder, RopeTableOp op);
mlir::Value decompose(mlir::OpBuilder &builder, RopeOp op);
/// A slice of the cache; of one that is quantized, a slice of its rows.
mlir::Value decompose(mlir::OpBuilder &builder, AppendOp op);
/// Two contractions and a softmax, with scores `[KV, T, H / KV, n]` in memory.
mlir::Value decompose(mlir::OpBuilder &builder, AttentionOp op);
/// The values and the ids.
llvm::SmallVector<mlir::Value> decompose(mlir::OpBuilder &builder, TopkOp op);

} // namespace rlx

#endif // RLX_PASSES_TRANSFORMER_DECOMPOSITIONS_H
