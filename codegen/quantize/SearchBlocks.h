//===- SearchBlocks.h - Blocks by a search ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What RowWriter does for any scheme, for searches of schemes that keep all
// scales in their blocks: the same bytes.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_SEARCHBLOCKS_H
#define RLX_CODEGEN_QUANTIZE_SEARCHBLOCKS_H

#include "codegen/quantize/CellSearch.h"
#include "codegen/quantize/WeightPlan.h"

namespace rlx::quantize {

/// Quantizes blocks one after the other. Holds what each needs, once.
class SearchBlocks {
public:
  explicit SearchBlocks(const WeightPlan &plan);

  /// Whether blocks of a plan can be written.
  static bool areSearched(const WeightPlan &plan);

  /// Writes a block, whose bytes are zeros, for finite numbers. `importance` of
  /// its columns, or null.
  void write(const float *x, const float *importance, uint8_t *block);

private:
  void writeProblem(size_t index, const float *x, const float *importance,
                    uint8_t *block);

  const WeightPlan &plan;
  std::vector<CellSearch> searches; ///< Of each problem of a block.
  std::vector<bool> isRun;          ///< Whether its elements are neighbours.
  std::vector<float> values, weights;
  std::vector<uint8_t> codes, gathered;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_SEARCHBLOCKS_H
