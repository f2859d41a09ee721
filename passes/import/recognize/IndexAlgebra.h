//===- IndexAlgebra.h - Indices of elements in one form ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reshapes, slices and transposes make an index of divisions and products of
// others. Where the sizes of the dimensions are known, most of it cancels: of
// [N, 64] seen as [N, 2, 32] and seen as [N, 64] again, nothing is left. Here
// an index is brought to one form, so that equal ones are equal expressions.
//
// The form is a sum of atoms with coefficients and a constant. An atom is a
// dimension or a quotient; x mod c is x - c * (x floordiv c).
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_IMPORT_RECOGNIZE_INDEXALGEBRA_H
#define RLX_PASSES_IMPORT_RECOGNIZE_INDEXALGEBRA_H

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace rlx {

class IndexAlgebra {
public:
  /// `sizes` are those of the dimensions, which go from 0 to below them.
  IndexAlgebra(mlir::MLIRContext *context, llvm::ArrayRef<int64_t> sizes)
      : context(context), sizes(sizes) {}

  mlir::MLIRContext *getContext() const { return context; }
  llvm::ArrayRef<int64_t> getSizes() const { return sizes; }
  mlir::AffineExpr constant(int64_t value) const;
  mlir::AffineExpr dim(unsigned position) const;

  /// `expr`, of dimensions and constants, in the one form.
  mlir::AffineExpr simplify(mlir::AffineExpr expr) const;
  mlir::AffineExpr add(mlir::AffineExpr a, mlir::AffineExpr b) const;
  mlir::AffineExpr mul(mlir::AffineExpr a, int64_t factor) const;
  /// Of a positive divisor.
  mlir::AffineExpr floorDiv(mlir::AffineExpr a, int64_t divisor) const;
  mlir::AffineExpr mod(mlir::AffineExpr a, int64_t divisor) const;

  /// The least and the largest value of `expr`, or bounds of them.
  struct Range {
    int64_t low, high;
  };
  Range range(mlir::AffineExpr expr) const;

  /// `expr` without the terms in dimension `position`, which it has with this
  /// coefficient; nothing where a quotient depends on the dimension.
  struct Split {
    int64_t coefficient;
    mlir::AffineExpr rest;
  };
  std::optional<Split> split(mlir::AffineExpr expr, unsigned position) const;
  /// `expr` as divisor * first + second, with coefficients below `divisor` in
  /// the second.
  std::pair<mlir::AffineExpr, mlir::AffineExpr>
  splitMultiples(mlir::AffineExpr expr, int64_t divisor) const;

private:
  struct Sum;
  Sum parse(mlir::AffineExpr expr) const;
  mlir::AffineExpr build(const Sum &sum) const;
  Sum divide(Sum sum, int64_t divisor) const;
  Range range(const Sum &sum) const;

  mlir::MLIRContext *context;
  llvm::SmallVector<int64_t> sizes;
};

/// An expression e such that e(i) = values[i] for i = 0 ... size - 1, made of
/// quotients and remainders of `index`; null where none is found.
mlir::AffineExpr fitTable(llvm::ArrayRef<int64_t> values,
                          mlir::AffineExpr index);

} // namespace rlx

#endif // RLX_PASSES_IMPORT_RECOGNIZE_INDEXALGEBRA_H
