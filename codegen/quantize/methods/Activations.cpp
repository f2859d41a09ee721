//===- Activations.cpp - What a weight is multiplied with -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/Activations.h"

#include "codegen/quantize/methods/DotProduct.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

llvm::Expected<Activations> Activations::create(std::vector<float> values,
                                                int64_t columns,
                                                std::string name) {
  std::string what =
      name.empty() ? "activations" : "activations '" + name + "'";
  if (columns < 1 || values.empty() || values.size() % columns != 0)
    return llvm::createStringError("expected " + what + " to have rows of " +
                                   llvm::Twine(columns) + " numbers, but got " +
                                   llvm::Twine(values.size()) + " numbers");
  for (auto [i, value] : llvm::enumerate(values))
    if (!std::isfinite(value))
      return llvm::createStringError("element [" + llvm::Twine(i / columns) +
                                     ", " + llvm::Twine(i % columns) + "] of " +
                                     what + " is " +
                                     (std::isnan(value) ? "nan"
                                      : value > 0       ? "inf"
                                                        : "-inf") +
                                     ", expected finite numbers");
  return Activations(std::move(values), columns, std::move(name));
}

Activations Activations::ofChannels(const ValueStatistics &statistics) {
  Activations result({}, statistics.channels(), statistics.name);
  result.numRows = statistics.rows;
  result.knownMaxima = statistics.maxima;
  result.knownMagnitudes = statistics.meanMagnitudes;
  result.knownSquares = statistics.meanSquares;
  return result;
}

llvm::Error Activations::checkColumns(int64_t expected) const {
  if (expected == numColumns)
    return llvm::Error::success();
  return llvm::createStringError("expected " +
                                 (name.empty() ? std::string("activations")
                                               : "activations '" + name + "'") +
                                 " to have " + llvm::Twine(expected) +
                                 " columns, as the weight has, but got " +
                                 llvm::Twine(numColumns));
}

std::vector<double> Activations::maxima() const {
  if (!hasRows())
    return knownMaxima;
  std::vector<double> result(numColumns);
  for (int64_t t = 0; t < rows(); ++t)
    for (auto [most, x] : llvm::zip(result, row(t)))
      most = std::max(most, double(std::fabs(x)));
  return result;
}

std::vector<double> Activations::meanMagnitudes() const {
  if (!hasRows())
    return knownMagnitudes;
  std::vector<double> result(numColumns);
  for (int64_t t = 0; t < rows(); ++t)
    for (auto [sum, x] : llvm::zip(result, row(t)))
      sum += std::fabs(double(x));
  for (double &sum : result)
    sum /= double(rows());
  return result;
}

std::vector<double> Activations::meanSquares() const {
  if (!hasRows())
    return knownSquares;
  std::vector<double> result(numColumns);
  for (int64_t t = 0; t < rows(); ++t)
    for (auto [sum, x] : llvm::zip(result, row(t)))
      sum += double(x) * double(x);
  for (double &sum : result)
    sum /= double(rows());
  return result;
}

std::vector<double> Activations::gram() const {
  int64_t k = numColumns;
  std::vector<double> result(k * k);
  // Some rows at once, so that the result is read and written less often.
  constexpr int64_t atOnce = 8;
  for (int64_t t = 0; t < rows(); t += atOnce) {
    int64_t end = std::min(t + atOnce, rows());
    for (int64_t i = 0; i < k; ++i) {
      double *sums = result.data() + i * k;
      for (int64_t u = t; u < end; ++u) {
        const float *x = row(u).data();
        double factor = x[i];
        if (factor == 0)
          continue;
#pragma omp simd
        for (int64_t j = i; j < k; ++j)
          sums[j] += factor * double(x[j]);
      }
    }
  }
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j < i; ++j)
      result[i * k + j] = result[j * k + i];
  return result;
}

Activations Activations::dividedBy(llvm::ArrayRef<double> factors) const {
  Activations result = *this;
  for (size_t i = 0; i < result.numbers.size(); ++i)
    result.numbers[i] =
        float(double(result.numbers[i]) / factors[i % numColumns]);
  for (size_t i = 0; i < result.knownMaxima.size(); ++i) {
    result.knownMaxima[i] /= factors[i];
    result.knownMagnitudes[i] /= factors[i];
    result.knownSquares[i] /= factors[i] * factors[i];
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

OutputError::OutputError(const Activations &activations)
    : numRows(activations.rows()), numColumns(activations.columns()),
      isGram(numRows > numColumns) {
  if (!activations.hasRows()) {
    diagonal = activations.meanSquares();
    for (double &square : diagonal)
      square *= double(numRows);
    return;
  }
  if (isGram) {
    matrix = activations.gram();
    numRows = numColumns;
    return;
  }
  for (int64_t t = 0; t < numRows; ++t)
    llvm::append_range(matrix, activations.row(t));
}

double OutputError::ofRow(llvm::ArrayRef<double> d) const {
  double error = 0;
  if (!diagonal.empty()) {
    for (auto [square, difference] : llvm::zip_equal(diagonal, d))
      error += square * difference * difference;
    return error;
  }
  for (int64_t t = 0; t < numRows; ++t) {
    double product = dot(matrix.data() + t * numColumns, d.data(), numColumns);
    error += product * (isGram ? d[t] : product);
  }
  return std::max(error, 0.0);
}

double OutputError::ofColumns(llvm::ArrayRef<int64_t> columns,
                              llvm::ArrayRef<double> d) const {
  if (!diagonal.empty()) {
    double error = 0;
    for (auto [column, difference] : llvm::zip_equal(columns, d))
      error += diagonal[column] * difference * difference;
    return error;
  }
  auto product = [&](int64_t row) {
    double sum = 0;
    for (auto [column, difference] : llvm::zip(columns, d))
      sum += matrix[row * numColumns + column] * difference;
    return sum;
  };
  double error = 0;
  if (isGram) {
    for (auto [column, difference] : llvm::zip(columns, d))
      error += product(column) * difference;
    return std::max(error, 0.0);
  }
  for (int64_t t = 0; t < numRows; ++t) {
    double sum = product(t);
    error += sum * sum;
  }
  return error;
}

double OutputError::of(llvm::ArrayRef<float> weight,
                       llvm::ArrayRef<double> approximation) const {
  std::vector<double> d(numColumns);
  double error = 0;
  for (size_t begin = 0; begin < weight.size(); begin += numColumns) {
    for (int64_t i = 0; i < numColumns; ++i)
      d[i] = approximation[begin + i] - double(weight[begin + i]);
    error += ofRow(d);
  }
  return error;
}
