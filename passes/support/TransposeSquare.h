//===- TransposeSquare.h - Squares of vectors, transposed -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_SUPPORT_TRANSPOSESQUARE_H
#define RLX_PASSES_SUPPORT_TRANSPOSESQUARE_H

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx {

/// As many vectors as each has elements, a power of two: element j of vector i
/// becomes element i of vector j.
llvm::SmallVector<mlir::Value>
transposeSquare(mlir::ImplicitLocOpBuilder &b,
                llvm::SmallVector<mlir::Value> vectors);

} // namespace rlx

#endif // RLX_PASSES_SUPPORT_TRANSPOSESQUARE_H
