//===- SmoothQuant.cpp - Factors moved from activations to weights --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/SmoothQuant.h"

#include "ir/QuantMethod.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>

using namespace rlx;

std::vector<double> rlx::columnMaxima(llvm::ArrayRef<float> weight,
                                      int64_t columns) {
  std::vector<double> maxima(columns);
  for (size_t i = 0; i < weight.size(); ++i)
    maxima[i % columns] =
        std::max(maxima[i % columns], std::fabs(double(weight[i])));
  return maxima;
}

llvm::Expected<std::vector<double>>
rlx::smoothFactors(llvm::ArrayRef<double> activationMaxima,
                   llvm::ArrayRef<double> weightMaxima, double alpha) {
  if (llvm::Error error = QuantMethod::smoothQuant(alpha).validate())
    return error;
  if (activationMaxima.size() != weightMaxima.size())
    return llvm::createStringError(
        "expected maxima of as many channels of activations as of weights, but "
        "got " +
        llvm::Twine(activationMaxima.size()) + " and " +
        llvm::Twine(weightMaxima.size()));
  for (llvm::ArrayRef<double> maxima : {activationMaxima, weightMaxima})
    for (auto [i, maximum] : llvm::enumerate(maxima))
      if (!(maximum >= 0) || std::isinf(maximum))
        return llvm::createStringError(llvm::formatv(
            "expected maxima to be finite and not negative, but that of "
            "channel {0} of {1} is {2}",
            i, maxima.data() == weightMaxima.data() ? "weights" : "activations",
            maximum));
  std::vector<double> factors;
  for (auto [x, w] : llvm::zip(activationMaxima, weightMaxima))
    factors.push_back(std::pow(std::max(x, leastMaximum), alpha) /
                      std::pow(std::max(w, leastMaximum), 1 - alpha));
  return factors;
}

std::vector<double> rlx::timesFactors(llvm::ArrayRef<float> rows,
                                      llvm::ArrayRef<double> factors) {
  std::vector<double> result(rows.begin(), rows.end());
  for (size_t i = 0; i < result.size(); ++i)
    result[i] *= factors[i % factors.size()];
  return result;
}

std::vector<double> rlx::overFactors(llvm::ArrayRef<float> rows,
                                     llvm::ArrayRef<double> factors) {
  std::vector<double> result(rows.begin(), rows.end());
  for (size_t i = 0; i < result.size(); ++i)
    result[i] /= factors[i % factors.size()];
  return result;
}
