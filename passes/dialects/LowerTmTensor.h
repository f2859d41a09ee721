//===- LowerTmTensor.h - torch-mlir's own operations ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_IMPORT_LOWERTMTENSOR_H
#define RLX_PASSES_IMPORT_LOWERTMTENSOR_H

#include "ir/TmTensor.h"

namespace rlx {

/// Builds two contractions and a softmax of linalg before `op`, and gives its
/// result. Scores are f32 where elements are shorter.
mlir::Value lowerAttention(tm_tensor::AttentionOp op);

/// Builds loops that merge sorted runs before `op`, and gives its results.
llvm::SmallVector<mlir::Value> lowerSort(tm_tensor::SortOp op);

} // namespace rlx

#endif // RLX_PASSES_IMPORT_LOWERTMTENSOR_H
