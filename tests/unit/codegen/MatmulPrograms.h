//===- MatmulPrograms.h - Programs of one matmul, and what they give ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RLX_TESTS_UNIT_CODEGEN_MATMULPROGRAMS_H
#define RLX_TESTS_UNIT_CODEGEN_MATMULPROGRAMS_H

#include "ir/ActivationType.h"
#include "tests/unit/codegen/TestSupport.h"

namespace rlx::test {

/// A function `name` of any number of rows times a weight of that name, with
/// activations of a type that it says.
inline std::string matmulFunction(const std::string &name,
                                  const RandomWeight &weight,
                                  const std::string &activations = "f32") {
  std::string n = std::to_string(weight.shape[0]),
              k = std::to_string(weight.shape[1]);
  std::string x = "tensor<?x" + k + "xf32>", y = "tensor<?x" + n + "xf32>",
              types = x;
  for (const std::string &type : weight.types())
    types += ", " + type;
  return "func.func @" + name + "(%x: " + x + ") -> " + y + " {\n" +
         weight.definitions(name) + "  %y = rlx.matmul %x, %" + name +
         weight.operands(name) + " {activations = " + activations + "} : (" +
         types + ") -> " + y + "\n  return %y : " + y + "\n}\n";
}

/// A function `name` of any number of tokens times the experts of a weight of
/// that name that each of them names, two. `clauses` say how.
inline std::string gatherFunction(const std::string &name,
                                  const RandomWeight &weight,
                                  const std::string &clauses) {
  std::string x = "tensor<?x" + std::to_string(weight.shape[2]) + "xf32>",
              ids = "tensor<?x2xi32>",
              y = "tensor<?x2x" + std::to_string(weight.shape[1]) + "xf32>",
              types = x;
  for (auto [index, type] : llvm::enumerate(weight.types()))
    types += ", " + type + (index ? "" : ", " + ids);
  return "func.func @" + name + "(%x: " + x + ", %ids: " + ids + ") -> " + y +
         " {\n" + weight.definitions(name) + "  %y = rlx.gather_matmul %x, %" +
         name + ", %ids" + weight.operands(name) + " " + clauses + " : (" +
         types + ") -> " + y + "\n  return %y : " + y + "\n}\n";
}

/// A function `values` that decodes a weight of that name.
inline std::string valuesFunction(const RandomWeight &weight) {
  std::string types;
  for (const std::string &type : weight.types())
    types += (types.empty() ? "" : ", ") + type;
  std::string y = "tensor<" + std::to_string(weight.shape[0]) + "x" +
                  std::to_string(weight.shape[1]) + "xf32>";
  return "func.func @values() -> " + y + " {\n" + weight.definitions("values") +
         "  %y = rlx.dequantize %values" + weight.operands("values") + " : (" +
         types + ") -> " + y + "\n  return %y : " + y + "\n}\n";
}

/// The largest integer that activations of a type are rounded to; of floats,
/// one that they hold.
inline int64_t largestCode(llvm::StringRef activations) {
  const ActivationType *type = activationTypeNamed(activations);
  return type && type->isInteger ? int64_t(type->largestCode) : 127;
}

/// Integers up to `largest` in magnitude, which occurs in every 32 elements.
inline std::vector<float> integers(int64_t m, int64_t k, int64_t largest,
                                   uint32_t seed) {
  std::vector<float> values = Random(seed).floats(size_t(m * k));
  for (int64_t i = 0; i < m * k; ++i)
    values[i] = i % k % 32 == 31 || i % k == k - 1
                    ? float(largest)
                    : std::round(values[i] / 4 * float(largest));
  return values;
}

/// How much larger sums of products are as a rule than these, whose terms may
/// happen to cancel: what is left then has the rounding errors of what
/// cancelled.
inline double cancellation(llvm::ArrayRef<float> x, llvm::ArrayRef<double> w,
                           llvm::ArrayRef<double> sums, int64_t k) {
  double usual = 0, here = 0;
  for (size_t i = 0; i < x.size(); ++i)
    for (size_t j = i % k; j < w.size(); j += k)
      usual += x[i] * w[j] * (x[i] * w[j]);
  for (double sum : sums)
    here += sum * sum;
  double ratio = std::sqrt(usual / here);
  return std::isfinite(ratio) ? std::max(1.0, ratio) : 1;
}

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_CODEGEN_MATMULPROGRAMS_H
