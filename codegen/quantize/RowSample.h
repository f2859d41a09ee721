//===- RowSample.h - Some rows that stand for all ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Picks the rows of a weight, or of an expert, from which a scale of all rows
// is chosen: those with the largest magnitude, the least and the greatest
// number, and others at even distances. Rules depend on extremes alone and give
// what they would give for all rows; a search sees a part.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_ROWSAMPLE_H
#define RLX_CODEGEN_QUANTIZE_ROWSAMPLE_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <map>
#include <vector>

namespace rlx {

class RowSample {
public:
  /// About how many elements are picked. Smaller weights need no sample.
  static constexpr int64_t mostElements = int64_t(1) << 21;

  RowSample(int64_t rows, int64_t columns);

  /// All rows have to be added, the first one first.
  void add(llvm::ArrayRef<float> row);
  /// What was picked, row after row.
  std::vector<float> take();

private:
  /// A row that was the most extreme when it came.
  struct Extreme {
    float number = 0;
    int64_t row = -1;
  };
  void pickIf(bool isMore, float number, Extreme &extreme,
              llvm::ArrayRef<float> row);

  int64_t rows, wanted, at = 0;
  Extreme largest, least, greatest;
  std::map<int64_t, std::vector<float>> picked; ///< By row.
};

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_ROWSAMPLE_H
