//===- Verify.h - How far a run is from the exact result --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares the results of a run with those that an interpreter gives, which
// evaluates the program as it was parsed, in double precision
// (reference/Evaluate.h), and tells how far rounding may have taken each: types
// of activations other than f32, for example, are approximations. A result
// passes where it differs by what rounding does, and fails otherwise.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_VERIFY_H
#define RLX_CODEGEN_VERIFY_H

#include "codegen/Compiler.h"
#include "codegen/reference/Evaluate.h"

namespace rlx {

/// The difference of a tensor from what was expected.
struct ErrorReport {
  /// The norm of the difference over the norm of what was expected, over all
  /// elements that are a number in both. What was expected of a sum of products
  /// is here at least the root of the sum of the squares of its terms: it is as
  /// large as a sum whose terms do not cancel.
  double relative = 0;
  double largest = 0;         ///< Absolute difference of one element,
  std::vector<int64_t> index; ///< which is this one,
  double expected = 0, got = 0;
  /// Elements that are a NaN in one only, or infinite in one only.
  int64_t mismatches = 0;
  std::vector<int64_t> firstMismatch;
  /// Elements that rounding may make any number, as where sums overflow on the
  /// way: they are not compared.
  int64_t undetermined = 0;

  /// What `relative` may be: see allowedDeviations.
  double bound = 0;
  /// Elements that are further off than any may be, and the first of them.
  int64_t outliers = 0;
  std::vector<int64_t> firstOutlier;
  /// Indices of the last dimension at which all elements together are further
  /// off than they may be, and the first of them: what a part of a weight that
  /// is read wrongly shows in.
  int64_t columns = 0, firstColumn = 0;

  /// `relative error 3.1e-07, largest difference 1.2e-05 at [2, 5]
  /// (expected 1.5, got 1.500012)`
  std::string describe() const;
  /// Whether the difference is what rounding does.
  bool passes() const {
    return mismatches == 0 && outliers == 0 && columns == 0 &&
           relative <= bound;
  }
};

/// `expected` holds one number for each element of `got`, in the same order.
/// Nothing is allowed for rounding.
ErrorReport measureError(const TensorView &got,
                         llvm::ArrayRef<double> expected);
/// The same, with what rounding is expected to do. `got` has the shape.
ErrorReport measureError(const TensorView &got,
                         const ReferenceTensor &expected);

/// How many times the norm of the deviations that rounding is expected to give
/// a difference of that shape may have: 2 + 4 / sqrt(rows), because each of few
/// rows may be as far off as one of many at times is, and elements of a row may
/// all be off by the same. The largest dimension is taken for a row, in results
/// of matmuls the last; rows that are off by little beside others do not count.
double allowedDeviations(llvm::ArrayRef<int64_t> shape);
/// The same for one element, on whose deviation or, where that is larger, the
/// root mean square of all.
constexpr double allowedOfElement = 8;

struct Verification {
  std::vector<ErrorReport> results; ///< one for each result of the function
  /// The largest bound of a result.
  double bound = 0;
  /// Success where each result is what rounding makes of the exact one.
  llvm::Error check() const;
};

/// Evaluates `function` of `module`, which is as it was parsed, on `inputs` and
/// compares `outputs` with its results. Fails where that cannot be done.
llvm::Expected<Verification> verify(mlir::ModuleOp module, WeightLookUp weights,
                                    llvm::StringRef function,
                                    llvm::ArrayRef<TensorView> inputs,
                                    llvm::ArrayRef<TensorView> outputs);
/// The same with the weights of an executable that `module` was compiled to.
template <typename ExecutableT>
llvm::Expected<Verification>
verify(mlir::ModuleOp module, const ExecutableT &executable,
       llvm::StringRef function, llvm::ArrayRef<TensorView> inputs,
       llvm::ArrayRef<TensorView> outputs) {
  return verify(module, WeightLookUp([&](llvm::StringRef name) {
                  return executable.boundWeight(name);
                }),
                function, inputs, outputs);
}

} // namespace rlx

#endif // RLX_CODEGEN_VERIFY_H
