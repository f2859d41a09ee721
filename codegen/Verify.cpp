//===- Verify.cpp - How far a run is from the exact result ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Verify.h"

#include "codegen/reference/Element.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir;
using namespace rlx;

static std::vector<int64_t> indexOf(int64_t position,
                                    llvm::ArrayRef<int64_t> shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    index[i] = position % shape[i];
    position /= shape[i];
  }
  return index;
}

//===----------------------------------------------------------------------===//
// Differences
//===----------------------------------------------------------------------===//

namespace {
/// Squares of squares of f64 are beyond f64.
using Wide = long double;

/// Goes through the elements and adds them up.
class ErrorMeasure {
public:
  /// At most so many rows are independent of each other.
  ErrorMeasure(llvm::ArrayRef<int64_t> shape, int64_t mostRows)
      : shape(shape), mostRows(double(mostRows)),
        columns(shape.empty() ? 1 : shape.back()) {}
  void add(int64_t i, double expected, double got, double deviation,
           double magnitude);
  /// `got` is the number of the reference, though a double may not have it.
  void addUnequal(int64_t i, double expected, double got);
  ErrorReport report() const;

private:
  void note(int64_t i, double expected, double got, double difference);

  llvm::ArrayRef<int64_t> shape;
  double mostRows;
  ErrorReport result;
  struct Squares {
    Wide differences = 0, deviations = 0, squares = 0;
    int64_t count = 0;
    void add(double difference, Wide variance) {
      differences += Wide(difference) * difference;
      deviations += variance;
      squares += variance * variance;
      ++count;
    }
    /// How many of them matter: as many as there are if all deviations are the
    /// same, one if one is far larger than the others.
    double effective() const {
      return squares > 0 ? double(deviations * deviations / squares) : 1;
    }
  };
  double allowed(const Squares &squares) const;
  std::vector<Squares> columns; ///< by the index of the last dimension
  Squares all;
  std::vector<Wide> rowVariances;
  Wide reference = 0;
  int64_t largestAt = -1, mismatchAt = -1;
  /// Elements that may be too far off, with their differences.
  std::vector<std::pair<int64_t, double>> suspects;
};
} // namespace

void ErrorMeasure::note(int64_t i, double expected, double got,
                        double difference) {
  if (largestAt >= 0 && difference <= result.largest)
    return;
  result.largest = difference;
  result.expected = expected;
  result.got = got;
  largestAt = i;
}

void ErrorMeasure::add(int64_t i, double expected, double got, double deviation,
                       double magnitude) {
  bool isAnything = std::isinf(deviation);
  if (isAnything && (std::isfinite(expected) || std::isnan(got))) {
    ++result.undetermined;
    return;
  }
  if (!std::isfinite(expected) || !std::isfinite(got)) {
    bool same = expected == got || (std::isnan(expected) && std::isnan(got));
    if (!same && result.mismatches++ == 0)
      mismatchAt = i;
    return;
  }
  double difference = std::fabs(got - expected);
  Wide variance = Wide(deviation) * deviation;
  all.add(difference, variance);
  columns[i % int64_t(columns.size())].add(difference, variance);
  size_t row = size_t(i) / columns.size();
  if (rowVariances.size() <= row)
    rowVariances.resize(row + 1);
  rowVariances[row] += variance;
  reference += Wide(magnitude) * magnitude;
  if (difference > allowedOfElement * deviation)
    suspects.push_back({i, difference});
  note(i, expected, got, difference);
}

void ErrorMeasure::addUnequal(int64_t i, double expected, double got) {
  suspects.push_back({i, std::numeric_limits<double>::infinity()});
  note(i, expected, got, std::fabs(got - expected));
}

static double allowedOfRows(double rows) {
  return 2 + 4 / std::sqrt(std::max(rows, 1.0));
}

double ErrorMeasure::allowed(const Squares &squares) const {
  return allowedOfRows(std::min(squares.effective(), mostRows));
}

ErrorReport ErrorMeasure::report() const {
  ErrorReport report = result;
  if (largestAt >= 0)
    report.index = indexOf(largestAt, shape);
  if (mismatchAt >= 0)
    report.firstMismatch = indexOf(mismatchAt, shape);
  auto relativeTo = [&](Wide square) {
    if (square == 0)
      return 0.0;
    return reference > 0 ? double(std::sqrt(square / reference))
                         : std::numeric_limits<double>::infinity();
  };
  report.relative = relativeTo(all.differences);
  Squares rows;
  for (Wide variance : rowVariances)
    rows.add(0, variance);
  report.bound = allowed(rows) * relativeTo(all.deviations);
  for (auto [i, column] : llvm::enumerate(columns)) {
    double factor = allowed(column);
    if (column.differences > factor * factor * column.deviations &&
        report.columns++ == 0)
      report.firstColumn = int64_t(i);
  }
  double usual =
      all.count ? double(std::sqrt(all.deviations / Wide(all.count))) : 0;
  for (auto [i, difference] : suspects)
    if (difference > allowedOfElement * usual && report.outliers++ == 0)
      report.firstOutlier = indexOf(i, shape);
  return report;
}

/// Without the largest dimension, which is taken for a row.
static int64_t rowsOf(llvm::ArrayRef<int64_t> shape) {
  int64_t count = 1, largest = 1;
  for (int64_t size : shape) {
    count *= size;
    largest = std::max(largest, size);
  }
  return count / largest;
}

double rlx::allowedDeviations(llvm::ArrayRef<int64_t> shape) {
  return allowedOfRows(double(rowsOf(shape)));
}

ErrorReport rlx::measureError(const TensorView &got,
                              llvm::ArrayRef<double> expected) {
  ErrorMeasure measure(got.shape, 0);
  for (int64_t i = 0, e = expected.size(); i < e; ++i)
    measure.add(i, expected[i], elementAsDouble(got, i), 0, expected[i]);
  return measure.report();
}

/// The bits of an integer, as the reference has them.
static uint64_t bitsOf(const TensorView &tensor, int64_t i, unsigned width) {
  unsigned bytes = elementBytes(tensor.type);
  uint64_t bits = 0;
  std::memcpy(&bits, static_cast<const char *>(tensor.data) + i * bytes, bytes);
  return wrapBits(bits, width);
}

ErrorReport rlx::measureError(const TensorView &got,
                              const ReferenceTensor &expected) {
  const Numbers &numbers = expected.numbers;
  // Rows of matmuls are known to be rows.
  bool hasRows = !expected.magnitudes.empty() && numbers.size() > 0;
  ErrorMeasure measure(got.shape, hasRows && !got.shape.empty()
                                      ? numbers.size() / got.shape.back()
                                      : rowsOf(got.shape));
  for (int64_t i = 0, e = numbers.size(); i < e; ++i) {
    if (numbers.isFloat()) {
      double value = numbers.values[i];
      double magnitude = std::fabs(value);
      if (!expected.magnitudes.empty())
        magnitude = std::max(magnitude, expected.magnitudes[i]);
      measure.add(i, value, elementAsDouble(got, i, numbers.type),
                  numbers.deviation(i), magnitude);
      continue;
    }
    unsigned width = widthOf(numbers.type);
    uint64_t bits = bitsOf(got, i, width);
    double number = double(signedBits(numbers.bits[i], width));
    double found = double(signedBits(bits, width));
    double deviation = numbers.deviation(i);
    measure.add(i, number, deviation == 0 ? number : found, deviation, number);
    if (deviation == 0 && bits != numbers.bits[i])
      measure.addUnequal(i, number, found);
  }
  return measure.report();
}

std::string ErrorReport::describe() const {
  std::string text =
      fmt::format("relative error {:.2g}, largest difference {:.2g} at {} "
                  "(expected {:.9g}, got {:.9g})",
                  relative, largest, describeShape(index), expected, got);
  if (undetermined)
    text +=
        fmt::format(", {} elements not compared, as rounding on the way may "
                    "make them any number",
                    undetermined);
  if (mismatches)
    text += fmt::format(
        ", {} NaNs or infinities where there should be none or the other way "
        "round, the first at {}",
        mismatches, describeShape(firstMismatch));
  return text;
}

llvm::Error Verification::check() const {
  for (auto [i, result] : llvm::enumerate(results)) {
    if (result.passes())
      continue;
    std::string outliers =
        result.outliers
            ? fmt::format(", {} elements further off than rounding can be, the "
                          "first at {}",
                          result.outliers, describeShape(result.firstOutlier))
            : "";
    std::string columns =
        result.columns ? fmt::format(", {} columns further off than rounding "
                                     "can be, the first is {}",
                                     result.columns, result.firstColumn)
                       : "";
    return llvm::createStringError(
        fmt::format("verification failed: expected result {} to have a "
                    "relative error of at most {:.2g}, but got {}{}{}",
                    i, result.bound, result.describe(), outliers, columns));
  }
  return llvm::Error::success();
}

llvm::Expected<Verification> rlx::verify(ModuleOp module, WeightLookUp weights,
                                         llvm::StringRef function,
                                         llvm::ArrayRef<TensorView> inputs,
                                         llvm::ArrayRef<TensorView> outputs) {
  llvm::Expected<std::vector<ReferenceTensor>> exact =
      evaluate(module, weights, function, inputs);
  if (!exact)
    return exact.takeError();
  if (exact->size() != outputs.size())
    return llvm::createStringError(
        fmt::format("expected {} outputs of '{}' to verify, but got {}",
                    exact->size(), function.str(), outputs.size()));
  Verification verification;
  for (auto [i, output] : llvm::enumerate(outputs)) {
    const ReferenceTensor &expected = (*exact)[i];
    if (expected.shape != output.shape)
      return llvm::createStringError(fmt::format(
          "verification failed: expected result {} to have sizes {}, but got "
          "{}",
          i, describeShape(expected.shape), output.describe()));
    verification.results.push_back(measureError(output, expected));
    verification.bound =
        std::max(verification.bound, verification.results.back().bound);
  }
  return verification;
}
