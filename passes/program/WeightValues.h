//===- WeightValues.h - What follows from weights alone ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values that are the same in each call of a function, because they are
// computed from nothing but weights that are bound once.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_PROGRAM_WEIGHTVALUES_H
#define RLX_PASSES_PROGRAM_WEIGHTVALUES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"

namespace rlx {

class WeightValues {
public:
  explicit WeightValues(mlir::func::FuncOp function) : function(function) {}

  /// Whether `value` is a weight, or tensors that are computed from weights and
  /// constants and are worth being kept: hardly larger than what they are
  /// computed from.
  bool contains(mlir::Value value);
  /// Whether `value` is a weight as it is bound.
  bool isWeight(mlir::Value value) const;
  /// Whether something has to be computed for `value`, other than another view
  /// of a weight.
  bool isComputed(mlir::Value value) const;
  /// The operations that compute `value`, each behind its operands, and the
  /// weights they take.
  struct Origin {
    llvm::SetVector<mlir::Operation *> operations;
    llvm::SetVector<mlir::Value> weights;
  };
  Origin originOf(mlir::Value value) const;

private:
  bool compute(mlir::Value value);
  bool isConstant(mlir::Value value) const;

  mutable mlir::func::FuncOp function; ///< A handle, not the function itself.
  llvm::DenseMap<mlir::Value, bool> known;
};

} // namespace rlx

#endif // RLX_PASSES_PROGRAM_WEIGHTVALUES_H
