//===- IndexSteps.h - An affine expression as a list of steps ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is evaluated for each element of a weight is taken out of the context
// once: a walk over an expression of MLIR asks it for each of its nodes.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_INDEXSTEPS_H
#define RLX_IR_INDEXSTEPS_H

#include "mlir/IR/AffineExpr.h"

namespace rlx {

class IndexSteps {
public:
  /// `expr` has no symbols.
  explicit IndexSteps(mlir::AffineExpr expr);

  /// The value of the expression for these dimensions: that of `evaluate`.
  int64_t at(llvm::ArrayRef<int64_t> dims) const;

  /// The number that an operation of a description gives. Descriptions come
  /// from users: what overflows wraps, as in generated code. A divisor below 1
  /// is malformed, and SchemeVerifier.cpp refuses it; here it gives 0.
  static int64_t apply(mlir::AffineExprKind kind, int64_t lhs, int64_t rhs);

private:
  /// A constant, the number of a dimension, or an operation on the last two
  /// results.
  struct Step {
    mlir::AffineExprKind kind;
    int64_t number;
  };
  llvm::SmallVector<Step> steps;
};

} // namespace rlx

#endif // RLX_IR_INDEXSTEPS_H
