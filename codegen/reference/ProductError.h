//===- ProductError.h - What rounding does to sums of products --*- C++ -*-===//
//
// Matmuls may round their activations to the type that the program names, and
// what is allowed beside it. Each rounding is a deviation of a factor:
//
//   i8, i16   the step of 256 elements of K that share a scale, evenly
//   bf16, f16 the last bit, of the weights too
//   requantized  the step of 256 elements of a weight row
//
// With e, d the deviations of x and w, those of y = sum_k x w are
// sqrt(sum_k e^2 w^2 + x^2 d^2), and what sums in f32 add.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_PRODUCTERROR_H
#define RLX_CODEGEN_REFERENCE_PRODUCTERROR_H

#include "codegen/reference/WeightRows.h"

namespace rlx {

/// A row of activations: numbers, and squares of deviations.
struct ActivationRow {
  std::vector<double> values, squares, variances;
};

/// A sum of products with its deviation, and the root of the sum of the squares
/// of the products.
struct ProductSum {
  double value, deviation, magnitude;
};

class ProductError {
public:
  /// `activations` may be null, which is f32.
  ProductError(mlir::Type activations, bool isRequantized);

  /// Reads `k` activations of `x` from `begin` on.
  void readRow(const Datum &x, int64_t begin, int64_t k,
               ActivationRow &row) const;
  /// Squares of a row's numbers, and the squares of what products with it add,
  /// in the place of magnitudes and deviations.
  void prepare(WeightRow &row) const;
  ProductSum multiply(const ActivationRow &x, const WeightRow &w) const;

private:
  mlir::Type activations;
  bool isRequantized;
};

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_PRODUCTERROR_H
