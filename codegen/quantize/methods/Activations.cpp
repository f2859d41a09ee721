//===- Activations.cpp - What a weight is multiplied with -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/Activations.h"

#include "codegen/quantize/methods/DotProduct.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

static std::string calledName(llvm::StringRef name) {
  return name.empty() ? "activations" : ("activations '" + name + "'").str();
}

static llvm::Error checkFinite(llvm::ArrayRef<float> values, int64_t firstRow,
                               int64_t columns, llvm::StringRef name) {
  for (auto [i, value] : llvm::enumerate(values))
    if (!std::isfinite(value))
      return llvm::createStringError(
          "element [" + llvm::Twine(firstRow + int64_t(i) / columns) + ", " +
          llvm::Twine(int64_t(i) % columns) + "] of " + calledName(name) +
          " is " +
          (std::isnan(value) ? "nan"
           : value > 0       ? "inf"
                             : "-inf") +
          ", expected finite numbers");
  return llvm::Error::success();
}

static llvm::Error checkCount(int64_t count, int64_t columns,
                              llvm::StringRef name) {
  if (columns >= 1 && count > 0 && count % columns == 0)
    return llvm::Error::success();
  return llvm::createStringError("expected " + calledName(name) +
                                 " to have rows of " + llvm::Twine(columns) +
                                 " numbers, but got " + llvm::Twine(count) +
                                 " numbers");
}

llvm::Expected<Activations> Activations::create(std::vector<float> values,
                                                int64_t columns,
                                                std::string name) {
  auto count = int64_t(values.size());
  if (llvm::Error error = checkCount(count, columns, name))
    return error;
  if (llvm::Error error = checkFinite(values, 0, columns, name))
    return error;
  Activations result(count / columns, columns, std::move(name));
  result.numbers =
      std::make_shared<const std::vector<float>>(std::move(values));
  return result;
}

/// Adds the products of channels of some rows.
static void addProducts(llvm::ArrayRef<float> rows, UpperTriangle &sums) {
  int64_t k = sums.size(), count = int64_t(rows.size()) / k;
  // Some rows at once, so that the result is read and written less often.
  constexpr int64_t atOnce = 8;
  for (int64_t t = 0; t < count; t += atOnce) {
    int64_t end = std::min(t + atOnce, count);
    for (int64_t i = 0; i < k; ++i) {
      double *to = sums.row(i);
      for (int64_t u = t; u < end; ++u) {
        const float *x = rows.data() + u * k;
        double factor = x[i];
        if (factor == 0)
          continue;
#pragma omp simd
        for (int64_t j = i; j < k; ++j)
          to[j] += factor * double(x[j]);
      }
    }
  }
}

llvm::Expected<Activations> Activations::read(int64_t rows, int64_t columns,
                                              std::string name,
                                              ReadRows readRows) {
  if (llvm::Error error =
          checkCount(columns < 1 ? 0 : rows * columns, columns, name))
    return error;
  if (rows <= columns) {
    std::vector<float> values(rows * columns);
    readRows(0, rows, values);
    return create(std::move(values), columns, std::move(name));
  }
  Activations result(rows, columns, std::move(name));
  result.knownMaxima.resize(columns);
  result.knownMagnitudes.resize(columns);
  result.knownSquares.resize(columns);
  auto sums = std::make_shared<UpperTriangle>(columns);
  constexpr int64_t atOnce = 64;
  std::vector<float> some;
  for (int64_t begin = 0; begin < rows; begin += atOnce) {
    int64_t end = std::min(rows, begin + atOnce);
    some.resize((end - begin) * columns);
    readRows(begin, end, some);
    if (llvm::Error error = checkFinite(some, begin, columns, result.name))
      return error;
    for (size_t i = 0; i < some.size(); ++i) {
      double x = std::fabs(double(some[i]));
      size_t column = i % columns;
      result.knownMaxima[column] = std::max(result.knownMaxima[column], x);
      result.knownMagnitudes[column] += x;
      result.knownSquares[column] += x * x;
    }
    addProducts(some, *sums);
  }
  for (auto *means : {&result.knownMagnitudes, &result.knownSquares})
    for (double &sum : *means)
      sum /= double(rows);
  result.products = std::move(sums);
  return result;
}

Activations Activations::ofChannels(const ValueStatistics &statistics) {
  Activations result(statistics.rows, statistics.channels(), statistics.name);
  result.knownMaxima = statistics.maxima;
  result.knownMagnitudes = statistics.meanMagnitudes;
  result.knownSquares = statistics.meanSquares;
  return result;
}

llvm::Error Activations::checkColumns(int64_t expected) const {
  if (expected == numColumns)
    return llvm::Error::success();
  return llvm::createStringError(
      "expected " + calledName(name) + " to have " + llvm::Twine(expected) +
      " columns, as the weight has, but got " + llvm::Twine(numColumns));
}

std::vector<double> Activations::maxima() const {
  if (!numbers)
    return knownMaxima;
  std::vector<double> result(numColumns);
  for (int64_t t = 0; t < rows(); ++t)
    for (auto [most, x] : llvm::zip(result, row(t)))
      most = std::max(most, double(std::fabs(x)));
  return result;
}

std::vector<double> Activations::meanMagnitudes() const {
  if (!numbers)
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
  if (!numbers)
    return knownSquares;
  std::vector<double> result(numColumns);
  for (int64_t t = 0; t < rows(); ++t)
    for (auto [sum, x] : llvm::zip(result, row(t)))
      sum += double(x) * double(x);
  for (double &sum : result)
    sum /= double(rows());
  return result;
}

std::shared_ptr<const UpperTriangle> Activations::gram() const {
  if (products)
    return products;
  return std::make_shared<const UpperTriangle>(copyOfGram());
}

UpperTriangle Activations::copyOfGram() const {
  if (products)
    return *products;
  UpperTriangle sums(numColumns);
  addProducts(*numbers, sums);
  return sums;
}

Activations Activations::dividedBy(llvm::ArrayRef<double> factors) const {
  Activations result = *this;
  if (numbers) {
    std::vector<float> divided(*numbers);
    for (size_t i = 0; i < divided.size(); ++i)
      divided[i] = float(double(divided[i]) / factors[i % numColumns]);
    result.numbers =
        std::make_shared<const std::vector<float>>(std::move(divided));
  }
  if (products) {
    UpperTriangle divided(*products);
    for (int64_t i = 0; i < numColumns; ++i)
      for (int64_t j = i; j < numColumns; ++j)
        divided.row(i)[j] /= factors[i] * factors[j];
    result.products = std::make_shared<const UpperTriangle>(std::move(divided));
  }
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
    : numRows(activations.rows()), numColumns(activations.columns()) {
  if (!activations.hasRows()) {
    diagonal = activations.meanSquares();
    for (double &square : diagonal)
      square *= double(numRows);
  } else if (activations.products || numRows > numColumns) {
    products = activations.gram();
  } else {
    numbers = activations.numbers;
  }
}

double OutputError::ofRow(llvm::ArrayRef<double> d) const {
  double error = 0;
  if (!diagonal.empty()) {
    for (auto [square, difference] : llvm::zip_equal(diagonal, d))
      error += square * difference * difference;
    return error;
  }
  if (products) {
    // What is beside the diagonal counts twice.
    for (int64_t i = 0; i < numColumns; ++i) {
      const double *row = products->row(i);
      error += d[i] * (row[i] * d[i] + 2 * dot(row + i + 1, d.data() + i + 1,
                                               numColumns - i - 1));
    }
    return std::max(error, 0.0);
  }
  for (int64_t t = 0; t < numRows; ++t) {
    double product =
        dot(numbers->data() + t * numColumns, d.data(), numColumns);
    error += product * product;
  }
  return error;
}

double OutputError::ofColumns(llvm::ArrayRef<int64_t> columns,
                              llvm::ArrayRef<double> d) const {
  double error = 0;
  if (!diagonal.empty()) {
    for (auto [column, difference] : llvm::zip_equal(columns, d))
      error += diagonal[column] * difference * difference;
    return error;
  }
  if (products) {
    for (auto [i, first] : llvm::zip_equal(columns, d)) {
      double sum = 0;
      for (auto [j, second] : llvm::zip_equal(columns, d))
        sum += products->at(i, j) * second;
      error += sum * first;
    }
    return std::max(error, 0.0);
  }
  for (int64_t t = 0; t < numRows; ++t) {
    const float *row = numbers->data() + t * numColumns;
    double sum = 0;
    for (auto [column, difference] : llvm::zip_equal(columns, d))
      sum += double(row[column]) * difference;
    error += sum * sum;
  }
  return error;
}

SquareSums OutputError::compare(llvm::ArrayRef<float> row,
                                llvm::ArrayRef<double> approximation,
                                llvm::ArrayRef<double> factors) const {
  std::vector<double> d(row.begin(), row.end());
  SquareSums sums;
  sums.size = ofRow(d);
  for (auto [i, value] : llvm::enumerate(d))
    value = approximation[i] / (factors.empty() ? 1 : factors[i]) - value;
  sums.error = ofRow(d);
  return sums;
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

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

ExpertActivations::ExpertActivations(std::vector<Activations> given)
    : each(std::move(given)) {
  for (const Activations &activations : each)
    errors.emplace_back(activations);
}

std::vector<double> ExpertActivations::maxima() const {
  std::vector<double> result = each.front().maxima();
  for (const Activations &activations : llvm::drop_begin(each))
    for (auto [most, own] : llvm::zip_equal(result, activations.maxima()))
      most = std::max(most, own);
  return result;
}

std::vector<double> ExpertActivations::meanMagnitudes() const {
  if (each.size() == 1)
    return each.front().meanMagnitudes();
  std::vector<double> result(columns());
  double rows = 0;
  for (const Activations &activations : each) {
    rows += double(activations.rows());
    for (auto [sum, mean] :
         llvm::zip_equal(result, activations.meanMagnitudes()))
      sum += double(activations.rows()) * mean;
  }
  for (double &sum : result)
    sum /= rows;
  return result;
}

llvm::Error ExpertActivations::checkShape(llvm::ArrayRef<int64_t> shape) const {
  if (llvm::Error error = each.front().checkColumns(shape.back()))
    return error;
  int64_t experts = shape.size() == 3 ? shape.front() : 1;
  if (each.size() == 1 || int64_t(each.size()) == experts)
    return llvm::Error::success();
  return llvm::createStringError(
      "expected activations of all " + llvm::Twine(experts) +
      " experts, or of each, but got those of " + llvm::Twine(each.size()));
}
