//===- Activations.h - What a weight is multiplied with ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calibration data: rows of activations that a weight saw. From these follow
// how large each input channel is and how much an error of the weight counts in
// its output. Channels are columns of activations and of weights. In place of
// rows there may be what a calibration record has of each channel; channels are
// then taken to be independent. Memory is that of as many rows as there are
// columns at most: of more, the sums of their products are enough.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_ACTIVATIONS_H
#define RLX_CODEGEN_QUANTIZE_METHODS_ACTIVATIONS_H

#include "codegen/quantize/methods/UpperTriangle.h"
#include "ir/CalibrationRecord.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace rlx {

class Activations {
public:
  /// `values` are rows of `columns` numbers. `name` is what messages call them.
  /// Errors: no row, a number that is not finite.
  static llvm::Expected<Activations>
  create(std::vector<float> values, int64_t columns, std::string name = {});

  /// Reads `begin` to `end` of the rows into the numbers.
  using ReadRows = llvm::function_ref<void(
      int64_t begin, int64_t end, llvm::MutableArrayRef<float> numbers)>;
  /// The same for rows that are read some at a time. More rows than columns are
  /// not kept, but summed up.
  static llvm::Expected<Activations> read(int64_t rows, int64_t columns,
                                          std::string name, ReadRows readRows);
  /// About how much memory that takes.
  static int64_t bytesFor(int64_t rows, int64_t columns) {
    return rows > columns ? UpperTriangle::bytes(columns)
                          : rows * columns * int64_t(sizeof(float));
  }

  /// What a record has of a value.
  static Activations ofChannels(const ValueStatistics &statistics);

  /// Whether there are rows, or only statistics of channels.
  bool hasRows() const { return numbers || products; }
  int64_t rows() const { return numRows; }
  int64_t columns() const { return numColumns; }
  /// Only where there are rows that are kept.
  llvm::ArrayRef<float> row(int64_t i) const {
    return llvm::ArrayRef(*numbers).slice(i * numColumns, numColumns);
  }

  /// Of each channel: the largest magnitude, the mean magnitude, the mean
  /// square.
  std::vector<double> maxima() const;
  std::vector<double> meanMagnitudes() const;
  std::vector<double> meanSquares() const;

  /// The sums of products of channels over all rows, X^T X. Only where there
  /// are rows.
  std::shared_ptr<const UpperTriangle> gram() const;
  UpperTriangle copyOfGram() const;

  /// The same with each channel divided by a factor; rows are rounded to f32.
  Activations dividedBy(llvm::ArrayRef<double> factors) const;

  /// An error unless a weight of so many columns was multiplied.
  llvm::Error checkColumns(int64_t expected) const;

private:
  friend class OutputError;
  Activations(int64_t rows, int64_t columns, std::string name)
      : numRows(rows), numColumns(columns), name(std::move(name)) {}

  int64_t numRows, numColumns;
  std::string name;
  /// Rows, or the sums of their products, or neither.
  std::shared_ptr<const std::vector<float>> numbers;
  std::shared_ptr<const UpperTriangle> products;
  /// Of each channel, where no rows are kept.
  std::vector<double> knownMaxima, knownMagnitudes, knownSquares;
};

/// Squares of errors and of what they are errors of.
struct SquareSums {
  double error = 0, size = 0;

  /// Adds a number of a weight and what it became. Infinities and NaNs are kept
  /// where they are allowed, and have no error.
  void add(double value, double stored) {
    if (!std::isfinite(value))
      return;
    size += value * value;
    error += (value - stored) * (value - stored);
  }
};

/// Squared errors of outputs: the squared length of X d for differences d of
/// rows of a weight. Sums over the activations or over their Gram matrix,
/// whichever is smaller.
class OutputError {
public:
  explicit OutputError(const Activations &activations);

  /// Of differences of a whole row. Several threads may ask at once.
  double ofRow(llvm::ArrayRef<double> differences) const;
  /// Of differences in some of the columns.
  double ofColumns(llvm::ArrayRef<int64_t> columns,
                   llvm::ArrayRef<double> differences) const;
  /// Of a row of a weight and what stands for it once it is divided by factors,
  /// if there are some; and of the row itself.
  SquareSums compare(llvm::ArrayRef<float> row,
                     llvm::ArrayRef<double> approximation,
                     llvm::ArrayRef<double> factors = {}) const;
  /// Of all rows of a weight and what stands for it.
  double of(llvm::ArrayRef<float> weight,
            llvm::ArrayRef<double> approximation) const;

private:
  int64_t numRows, numColumns;
  /// One of these: X, X^T X, or its diagonal.
  std::shared_ptr<const std::vector<float>> numbers;
  std::shared_ptr<const UpperTriangle> products;
  std::vector<double> diagonal;
};

/// Activations of all experts of a weight, or of each one; of [N, K] there is
/// one.
class ExpertActivations {
public:
  /// At least one, all of as many columns.
  explicit ExpertActivations(std::vector<Activations> each);

  int64_t columns() const { return each.front().columns(); }
  const OutputError &errorOf(int64_t expert) const {
    return errors[errors.size() == 1 ? 0 : expert];
  }
  int64_t rowsOf(int64_t expert) const {
    return each[each.size() == 1 ? 0 : expert].rows();
  }
  /// Of each channel, over all rows of all experts.
  std::vector<double> maxima() const;
  std::vector<double> meanMagnitudes() const;
  /// An error unless weights of that shape were multiplied.
  llvm::Error checkShape(llvm::ArrayRef<int64_t> shape) const;

private:
  std::vector<Activations> each;
  std::vector<OutputError> errors;
};

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_ACTIVATIONS_H
