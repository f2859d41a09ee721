//===- Rules.h - Scales and codes by a rule ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales from the extremes of the data, in the arithmetic that the rule asks
// for (ir/QuantRule.h): the bytes are those that other implementations write.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_RULES_H
#define RLX_CODEGEN_QUANTIZE_RULES_H

#include "codegen/quantize/Solver.h"

namespace rlx::quantize {

/// The code of x for the scale, zero and offset as they are stored: the
/// nearest, exactly.
uint32_t exactCode(const FieldNumbers &code, const Solver::Parts &parts,
                   double x);

/// What a rule says of a group: numbers to be stored, and what x is multiplied
/// with where codes are computed in f32.
struct ScaleOfRule {
  double scale = 0, base = 0;
  float inverse = 0, least = 0;
};
ScaleOfRule scaleByRule(const QuantRule &rule, const SchemeNumbers &numbers,
                        llvm::ArrayRef<float> x);

/// Codes of the cells and elements of a problem with one group, in its order.
/// `x` holds finite numbers.
void followRule(const QuantRule &rule, const SchemeNumbers &numbers,
                const Problem &problem, llvm::ArrayRef<float> x,
                std::vector<uint32_t> &cellCodes,
                std::vector<uint32_t> &elementCodes);

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_RULES_H
