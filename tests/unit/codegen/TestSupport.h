//===- TestSupport.h - Programs, buffers, comparison for codegen's tests --===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles programs, makes the caller's buffers, and compares results with
// numbers in double precision.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_CODEGEN_TESTSUPPORT_H
#define RLX_TESTS_UNIT_CODEGEN_TESTSUPPORT_H

#include "codegen/Compiler.h"
#include "codegen/Verify.h"
#include "tests/unit/codegen/RandomWeight.h"
#include "tests/unit/ir/TestSupport.h"

namespace rlx::test {

/// Compiles a program that must compile; null where it does not.
inline std::unique_ptr<Executable>
compiled(const std::string &text, const CompileOptions &options = {}) {
  auto executable = compileText(text, options);
  if (executable)
    return std::move(*executable);
  ADD_FAILURE() << llvm::toString(executable.takeError()) << "\n" << text;
  return nullptr;
}

/// A buffer of the caller, with a view of it.
template <typename T> struct Buffer {
  Buffer(ElementType type, std::vector<int64_t> shape,
         std::vector<T> content = {})
      : values(std::move(content)), type(type), shape(std::move(shape)) {
    values.resize(size_t(*countElements(this->shape)));
  }
  TensorView view() { return {type, shape, values.data()}; }
  operator TensorView() { return view(); }

  std::vector<T> values;
  ElementType type;
  std::vector<int64_t> shape;
};
struct Floats : Buffer<float> {
  explicit Floats(std::vector<int64_t> shape, std::vector<float> content = {})
      : Buffer(ElementType::f32, std::move(shape), std::move(content)) {}
  /// Random ones between -4 and 4.
  static Floats random(std::vector<int64_t> shape, uint32_t seed) {
    return Floats(shape, Random(seed).floats(size_t(*countElements(shape))));
  }
};
struct Ids : Buffer<int32_t> {
  Ids(std::vector<int64_t> shape, std::vector<int32_t> content)
      : Buffer(ElementType::i32, std::move(shape), std::move(content)) {}
};

/// The text of an error, which must be one.
inline std::string messageOf(llvm::Error error) {
  EXPECT_TRUE(bool(error)) << "expected an error";
  return llvm::toString(std::move(error));
}
template <typename T> std::string messageOf(llvm::Expected<T> result) {
  EXPECT_FALSE(bool(result)) << "expected an error";
  return result ? "" : llvm::toString(result.takeError());
}
#define EXPECT_SUCCESS(expression)                                             \
  if (llvm::Error failure = (expression))                                      \
  ADD_FAILURE() << llvm::toString(std::move(failure))
#define EXPECT_CONTAINS(text, part)                                            \
  EXPECT_NE(std::string(text).find(part), std::string::npos)                   \
      << "expected: " << part << "\ngot: " << text

/// Whether `got` is `expected` up to a relative error of `bound`, with NaNs in
/// the same places. `seed` is told where it is not.
inline testing::AssertionResult isClose(const TensorView &got,
                                        llvm::ArrayRef<double> expected,
                                        double bound, uint32_t seed) {
  if (got.numElements() != int64_t(expected.size()))
    return testing::AssertionFailure()
           << "expected " << expected.size() << " elements, but got "
           << got.describe();
  ErrorReport report = measureError(got, expected);
  if (!report.mismatches && report.relative <= bound)
    return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << report.describe() << ", allowed " << bound << ", seed " << seed;
}

/// y[m, n] = bias[n] + sum_k x[m, k] * w[n, k] in double precision.
inline std::vector<double> product(llvm::ArrayRef<float> x,
                                   llvm::ArrayRef<double> w, int64_t m,
                                   int64_t n, int64_t k,
                                   llvm::ArrayRef<float> bias = {}) {
  std::vector<double> y(m * n);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = bias.empty() ? 0 : bias[j];
      for (int64_t l = 0; l < k; ++l)
        sum += double(x[i * k + l]) * w[j * k + l];
      y[i * n + j] = sum;
    }
  return y;
}

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_CODEGEN_TESTSUPPORT_H
