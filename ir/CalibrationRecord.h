//===- CalibrationRecord.h - What values of a program were like -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics of the chosen values of a program over batches of its inputs, as a
// file. `rlx-run --calibrate` writes them; passes take ranges from them, and
// quantizers the sizes of input channels. Values have the name of the first
// weight that they are multiplied with, or the one that the program gives.
//
//   { "format": "rlx-calibration", "version": 1, "batches": 2,
//     "values": [
//       { "name": "blk.0.attn_q.weight",
//         "weights": ["blk.0.attn_q.weight", "blk.0.attn_k.weight"],
//         "rows": 24, "min": -3.5, "max": 4.25,
//         "average_min": -3.1, "average_max": 4.0,
//         "histogram": { "limit": 8, "counts": [0, 0, 3, ...] },
//         "channel_maxima": [0.5, ...], "channel_means": [0.25, ...],
//         "channel_mean_squares": [0.125, ...] } ] }
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_CALIBRATIONRECORD_H
#define RLX_IR_CALIBRATIONRECORD_H

#include "ir/Histogram.h"

#include "llvm/ADT/StringRef.h"

#include <string>

namespace rlx {

/// How a range follows from statistics: all that was seen; the moving average
/// of the extremes of batches; what most numbers lie in; the range of least
/// divergence.
enum class RangeRule { minMax, average, percentile, entropy };

/// Its word: `minmax`, `average`, `percentile`, `entropy`.
llvm::StringRef nameOf(RangeRule rule);
llvm::Expected<RangeRule> parseRangeRule(llvm::StringRef word);

struct RangeChoice {
  RangeRule rule = RangeRule::minMax;
  /// Of all numbers, with RangeRule::percentile.
  double percent = 99.99;

  /// Error: percent that is not above 0, or above 100.
  llvm::Error validate() const;
};

struct NumberRange {
  double least = 0, most = 0;
  double magnitude() const { return std::max(-least, most); }
};

struct ValueStatistics {
  std::string name;
  /// What it is multiplied with, in the program's order; may be none.
  std::vector<std::string> weights;
  int64_t rows = 0; ///< How many numbers each channel had.
  double least = 0, most = 0;
  double averageLeast = 0, averageMost = 0;
  Histogram histogram;
  /// Of each channel: the largest magnitude, the mean magnitude, the mean
  /// square. A weight's channel is a column.
  std::vector<double> maxima, meanMagnitudes, meanSquares;

  int64_t channels() const { return int64_t(maxima.size()); }
  /// `levels`: how many codes there are for the magnitudes of one sign.
  NumberRange range(const RangeChoice &choice, int64_t levels) const;
};

/// The file that holds rows of a value: its name with `.npy`, other signs than
/// letters, digits, `.`, `_` and `-` being `_`.
std::string rowsFileName(llvm::StringRef value);

class CalibrationRecord {
public:
  CalibrationRecord() = default;
  /// Errors: no batch, no value, a value or a weight that is there twice.
  static llvm::Expected<CalibrationRecord>
  create(int64_t batches, std::vector<ValueStatistics> values);

  /// Reads a file's or a text's JSON; the first mistake is the error.
  static llvm::Expected<CalibrationRecord> read(llvm::StringRef path);
  static llvm::Expected<CalibrationRecord> parse(llvm::StringRef text);
  /// What `parse` reads.
  std::string json() const;

  int64_t batches() const { return numBatches; }
  llvm::ArrayRef<ValueStatistics> values() const { return all; }
  /// The value of that name, or null.
  const ValueStatistics *find(llvm::StringRef name) const;
  /// The value that a weight is multiplied with, or null.
  const ValueStatistics *findForWeight(llvm::StringRef weight) const;

private:
  int64_t numBatches = 0;
  std::vector<ValueStatistics> all;
};

} // namespace rlx

#endif // RLX_IR_CALIBRATIONRECORD_H
