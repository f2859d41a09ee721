//===- Verify.h - How far a run is from the exact result --------*- C++ -*-===//
//
// Compares the results of a run with those of the same program in double
// precision, on weights decoded by the reference (ir/Reference.h). Types of
// activations other than f32 are approximations; the reference does without.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_VERIFY_H
#define RLX_CODEGEN_VERIFY_H

#include "codegen/Compiler.h"

namespace rlx {

/// The difference of a tensor from what was expected.
struct ErrorReport {
  /// The norm of the difference over the norm of what was expected, over all
  /// elements that are a number in both.
  double relative = 0;
  double largest = 0;         ///< Absolute difference of one element,
  std::vector<int64_t> index; ///< which is this one,
  double expected = 0, got = 0;
  /// Elements that are a NaN in one only, or infinite in one only.
  int64_t mismatches = 0;
  std::vector<int64_t> firstMismatch;

  /// `relative error 3.1e-07, largest difference 1.2e-05 at [2, 5]
  /// (expected 1.5, got 1.500012)`
  std::string describe() const;
};

/// `expected` holds one number for each element of `got`, in the same order.
ErrorReport measureError(const TensorView &got,
                         llvm::ArrayRef<double> expected);

struct Verification {
  std::vector<ErrorReport> results; ///< one for each result of the function
  /// The relative error that the types of activations in the program allow,
  /// and weights that are requantized.
  double bound = 0;
  /// Success where each result is within the bound and NaN where it should be.
  llvm::Error check() const;
};

/// The largest relative error of a program that computes with activations of
/// that type.
double relativeErrorBound(mlir::Type activations);
/// What weights = requantized adds, independent of it: half of 1/126 of a
/// stretch's largest value at worst.
constexpr double requantizedErrorBound = 1.5e-2;

/// Gives the bytes that a weight is bound to.
using WeightLookUp = llvm::function_ref<TensorView(llvm::StringRef name)>;

/// Runs `function` of `module` in double precision on `inputs` and compares
/// `outputs` with its results. Decoded weights take eight bytes per element.
/// Fails where the program has no such form.
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
