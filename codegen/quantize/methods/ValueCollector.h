//===- ValueCollector.h - Statistics of one value over batches --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Adds tensors up to what a calibration record has of a value. Nothing is kept
// but sums, so that any number of batches takes the same memory.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_VALUECOLLECTOR_H
#define RLX_CODEGEN_QUANTIZE_METHODS_VALUECOLLECTOR_H

#include "ir/CalibrationRecord.h"

namespace rlx {

class ValueCollector {
public:
  /// `averaging` is how much the extremes of a batch count in the moving
  /// average; the first batch counts wholly.
  ValueCollector(std::string name, std::vector<std::string> weights,
                 double averaging = 0.01);

  /// Adds a tensor of the current batch; dimension `channelDimension` counts
  /// channels. Errors: no element, another number of channels than before, a
  /// number that is not finite.
  llvm::Error add(llvm::ArrayRef<float> values, llvm::ArrayRef<int64_t> shape,
                  int64_t channelDimension);
  /// The next tensors are of another batch. Error: nothing was added to this.
  llvm::Error endBatch();

  /// Of all batches that have ended.
  ValueStatistics statistics() const;

private:
  ValueStatistics sums; ///< Means are sums here.
  double averaging;
  int64_t batches = 0;
  bool isBatchEmpty = true;
  double batchLeast = 0, batchMost = 0;
};

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_VALUECOLLECTOR_H
