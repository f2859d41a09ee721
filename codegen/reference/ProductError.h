//===- ProductError.h - What rounding does to sums of products --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matmuls may round their activations to the type that the program names, and
// what is allowed beside it. Each rounding is a deviation of a factor:
//
//   integers  the step of the elements of K that share a scale, evenly
//   bf16, f16 the last bit, of the weights too; of bf16 all of a subnormal
//   reencoded  the step of 256 elements of a weight row
//
// With e, d the deviations of x and w, those of y = sum_k x w are
// sqrt(sum_k e^2 w^2 + x^2 d^2), and what sums in f32 add. That is for numbers
// that are rounded up as often as down. Where many are the same, their errors
// add up: so rounding is also done, as it is documented, and what it gives is
// no outlier.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_PRODUCTERROR_H
#define RLX_CODEGEN_REFERENCE_PRODUCTERROR_H

#include "codegen/reference/WeightRows.h"

namespace rlx {

/// A row of activations: numbers, their squares, squares of deviations, and
/// what rounding adds.
struct ActivationRow {
  std::vector<double> values, squares, variances, errors;
};
/// The same of a weight, whose squares of deviations are relative to x.
struct FactorRow {
  std::vector<double> values, squares, variances, errors;
};

/// A sum of products with its deviation, and the root of the sum of the squares
/// of the products.
struct ProductSum {
  double value, deviation, magnitude;
};

class ProductError {
public:
  /// `activations` may be null, which is f32; of integers, at most
  /// `activationGroup` elements share a scale.
  ProductError(mlir::MLIRContext *context, mlir::Type activations,
               int64_t activationGroup, bool isReencoded);

  /// Reads `k` activations of `x` from `begin` on.
  void readRow(const Datum &x, int64_t begin, int64_t k,
               ActivationRow &row) const;
  void prepare(const WeightRow &weight, FactorRow &row) const;
  ProductSum multiply(const ActivationRow &x, const FactorRow &w) const;

private:
  mlir::Type activations;
  int64_t activationGroup;
  bool isReencoded;
  Rounding sums;
};

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_PRODUCTERROR_H
