//===- RowWriter.h - Problems of some rows, solved and written --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gathers the elements of a problem, has its scales and codes chosen, and
// writes them to where the scheme says.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_ROWWRITER_H
#define RLX_CODEGEN_QUANTIZE_ROWWRITER_H

#include "codegen/quantize/CellSearch.h"
#include "codegen/quantize/RowBytes.h"

namespace rlx::quantize {

/// Quantizes the problems of some rows. Holds what each needs, once.
class RowWriter {
public:
  RowWriter(const WeightPlan &plan, const float *values, int64_t begin,
            QuantizedBytes bytes)
      : plan(plan), values(values), begin(begin), bytes(plan, begin, bytes),
        search(plan.numbers) {}

  void writePlain(int64_t row);
  /// Codes of the cells of a problem, which are not written; they stay until
  /// the next call.
  llvm::ArrayRef<uint32_t> chooseCells(const Problem &problem, Patch patch);
  /// `patch` counts rows of the weight, `firstColumn` is where it begins.
  void write(const Problem &problem, Patch patch, int64_t firstColumn);
  void writeSums(int64_t row) { bytes.writeSums(row); }

private:
  using Place = RowBytes::Place;
  Place placeOf(int64_t position) const {
    return {patch.firstRow + position / patch.columns,
            firstColumn + position % patch.columns};
  }
  float valueAt(Place place) const {
    return values[(place.row - begin) * plan.columns + place.column];
  }
  void gather(const Problem &problem);
  /// What counts for a search; null where all count alike.
  const float *weigh(const Problem &problem);
  void solve(const Problem &problem);
  void chooseNearest(const Problem &problem);
  void writeVectors(const Problem &problem, const VectorCodes &vectors);

  const WeightPlan &plan;
  const float *values;
  int64_t begin;
  RowBytes bytes;
  Patch patch;
  int64_t firstColumn = 0;
  std::vector<float> singles;
  std::vector<float> w;
  std::vector<double> exactX, exactW; ///< The same, for vectors of codes.
  CellSearch search;
  std::vector<uint32_t> cellCodes, elementCodes;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_ROWWRITER_H
