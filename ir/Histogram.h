//===- Histogram.h - How often numbers of which size occur ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts of numbers in bins of one width, on both sides of 0, up to a power of
// two that grows with what is added: two bins then become one, so that nothing
// has to be seen twice. From the counts follow the usual choices of a range for
// few codes: a percentile, and the limit of least divergence (Migacz, "8-bit
// Inference with TensorRT", 2017).
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_HISTOGRAM_H
#define RLX_IR_HISTOGRAM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace rlx {

class Histogram {
public:
  /// Bins on each side of 0.
  static constexpr int64_t binsOfSide = 2048;

  Histogram() : bins(2 * binsOfSide) {}
  /// From what `limit` and `counts` gave. Errors: another number of counts, a
  /// limit that is no power of two, or 0 where numbers other than 0 are
  /// counted.
  static llvm::Expected<Histogram> create(double limit,
                                          std::vector<uint64_t> counts);

  /// Counts numbers, which are finite.
  void add(llvm::ArrayRef<float> values);

  /// The magnitude at which the outermost bins end; 0: there were only zeros.
  double limit() const { return end; }
  /// From the least numbers to the greatest; bin `binsOfSide` begins with 0.
  llvm::ArrayRef<uint64_t> counts() const { return bins; }
  uint64_t total() const;

  /// The magnitude that so many percent of all numbers do not exceed.
  double magnitude(double percent) const;
  /// What so many percent of all numbers lie between, with as many below as
  /// above.
  std::pair<double, double> range(double percent) const;
  /// The magnitude to cut off at, such that the distribution of magnitudes in
  /// `levels` steps diverges least from what was counted.
  double leastDivergence(int64_t levels) const;

private:
  void growTo(double magnitude);
  std::vector<double> magnitudes() const;
  double width() const { return end / double(binsOfSide); }

  double end = 0;
  std::vector<uint64_t> bins;
};

} // namespace rlx

#endif // RLX_IR_HISTOGRAM_H
