//===- Activations.h - What a weight is multiplied with ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calibration data: rows of activations that a weight saw. From these follow
// how large each input channel is and how much an error of the weight counts in
// its output. Channels are columns of activations and of weights. In place of
// rows there may be what a calibration record has of each channel; channels are
// then taken to be independent.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_ACTIVATIONS_H
#define RLX_CODEGEN_QUANTIZE_METHODS_ACTIVATIONS_H

#include "ir/CalibrationRecord.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace rlx {

class Activations {
public:
  /// `values` are rows of `columns` numbers. `name` is what messages call them.
  /// Errors: no row, a number that is not finite.
  static llvm::Expected<Activations>
  create(std::vector<float> values, int64_t columns, std::string name = {});

  /// What a record has of a value.
  static Activations ofChannels(const ValueStatistics &statistics);

  /// Whether there are rows, or only statistics of channels.
  bool hasRows() const { return !numbers.empty(); }
  int64_t rows() const { return numRows; }
  int64_t columns() const { return numColumns; }
  /// Only where there are rows.
  llvm::ArrayRef<float> row(int64_t i) const {
    return llvm::ArrayRef(numbers).slice(i * numColumns, numColumns);
  }

  /// Of each channel: the largest magnitude, the mean magnitude, the mean
  /// square.
  std::vector<double> maxima() const;
  std::vector<double> meanMagnitudes() const;
  std::vector<double> meanSquares() const;

  /// The sums of products of channels over all rows, X^T X, row after row. Only
  /// where there are rows.
  std::vector<double> gram() const;

  /// The same with each channel divided by a factor, rounded to f32.
  Activations dividedBy(llvm::ArrayRef<double> factors) const;

  /// An error unless a weight of so many columns was multiplied.
  llvm::Error checkColumns(int64_t expected) const;

private:
  Activations(std::vector<float> values, int64_t columns, std::string name)
      : numbers(std::move(values)), numColumns(columns),
        numRows(int64_t(numbers.size()) / columns), name(std::move(name)) {}

  std::vector<float> numbers;
  int64_t numColumns, numRows;
  std::string name;
  /// Of each channel, where there are no rows.
  std::vector<double> knownMaxima, knownMagnitudes, knownSquares;
};

/// Squared errors of outputs: the squared length of X d for differences d of
/// rows of a weight. Sums over the activations or over their Gram matrix,
/// whichever is smaller.
class OutputError {
public:
  explicit OutputError(const Activations &activations);

  /// Of differences of a whole row.
  double ofRow(llvm::ArrayRef<double> differences) const;
  /// Of differences in some of the columns.
  double ofColumns(llvm::ArrayRef<int64_t> columns,
                   llvm::ArrayRef<double> differences) const;
  /// Of all rows of a weight and what stands for it.
  double of(llvm::ArrayRef<float> weight,
            llvm::ArrayRef<double> approximation) const;

private:
  int64_t numRows, numColumns;
  bool isGram;                  ///< `matrix` is X^T X, else X.
  std::vector<double> matrix;   ///< Row after row.
  std::vector<double> diagonal; ///< Of X^T X, where nothing else is known.
};

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_ACTIVATIONS_H
