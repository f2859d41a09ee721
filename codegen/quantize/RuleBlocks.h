//===- RuleBlocks.h - Blocks by a rule, fast --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What RowWriter and Rules.h do for any scheme, for schemes that keep one scale
// in a block, as loops that compilers vectorize: the same bytes.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_RULEBLOCKS_H
#define RLX_CODEGEN_QUANTIZE_RULEBLOCKS_H

#include "codegen/quantize/WeightPlan.h"

namespace rlx::quantize {

class RuleBlocks {
public:
  /// Null where the rule or the scheme is another.
  static std::unique_ptr<RuleBlocks> create(const WeightPlan &plan);

  /// Writes a block, whose bytes are zeros, for finite numbers.
  void write(const float *x, uint8_t *block) const;

private:
  explicit RuleBlocks(const WeightPlan &plan) : plan(plan) {}
  bool prepare();
  bool prepareThresholds();

  const WeightPlan &plan;
  /// Of codes that are no integers: the first number of each but the lowest,
  /// and codes in the order of numbers.
  std::vector<float> thresholds;
  std::vector<uint8_t> codesByRank;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_RULEBLOCKS_H
