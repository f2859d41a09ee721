//===- ContractionInit.h - What a contraction adds to -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What stands in the destination of a contraction before its sums: zeros, or a
// bias that is repeated for every row.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_IMPORT_CONTRACTIONINIT_H
#define RLX_PASSES_IMPORT_CONTRACTIONINIT_H

#include "mlir/IR/Builders.h"

namespace rlx {

/// Whether a tensor is filled with zeros.
bool isZeroTensor(mlir::Value init);

/// The `[N]` that `init`, `[lead..., N]`, repeats for every row, or null.
mlir::Value repeatedRow(mlir::Value init);

/// `value`, a tensor, cast to `shape`, which has its rank.
mlir::Value castShape(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value value, llvm::ArrayRef<int64_t> shape);

} // namespace rlx

#endif // RLX_PASSES_IMPORT_CONTRACTIONINIT_H
