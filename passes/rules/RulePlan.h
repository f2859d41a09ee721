//===- RulePlan.h - Which rules become code ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A rule (ir/QuantRule.h) becomes code where each scale follows from the
// extremes of some neighbours in a row. What that needs of a scheme is told
// here, once for loops on the CPU and for kernels of devices. All else is
// computed by the host's quantizer.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_RULES_RULEPLAN_H
#define RLX_PASSES_RULES_RULEPLAN_H

#include "ir/QuantRule.h"
#include "passes/PassDetail.h"

namespace rlx {

/// How codes are found that are no integers.
enum class CodeKind {
  integer,
  smallFloat, ///< A float of at most 8 bits, with a sign and zeros.
  table       ///< A codebook of at most 16 entries.
};

struct RulePlan {
  /// For rows of `k` elements. Fails, with a reason that continues "is not
  /// lowered to loops, as ", where the host's quantizer has to be asked.
  static mlir::FailureOr<RulePlan> of(QuantScheme scheme, const QuantRule &rule,
                                      int64_t k, std::string &reason);

  QuantScheme scheme;
  QuantRule rule;
  FieldAttr code, scale, zero, offset; ///< The last two may be null.
  CodeKind kind = CodeKind::integer;
  int64_t group = 0;     ///< Elements of a row that share a scale.
  int64_t unit = 0;      ///< Of a row that is written at once: whole blocks,
                         ///< whole groups.
  bool hasSides = false; ///< Scales lie in tensors beside the blocks.

  /// Whether codes are the nearest for the scale as it is stored; else they are
  /// computed in f32 for the scale before.
  bool isExact() const {
    return rule.arithmetic == QuantRule::Arithmetic::exact ||
           rule.arithmetic == QuantRule::Arithmetic::log2f;
  }
  /// Whether f32 gives the exact quotient: scales are powers of two.
  bool dividesExactly() const {
    return rule.method == QuantRule::Method::powerOfTwo;
  }
  bool needsRange() const { return rule.method == QuantRule::Method::minMax; }
};

/// The rule of `attribute`, or of the scheme where it is null. The verifiers
/// have read it.
QuantRule ruleOf(QuantScheme scheme, mlir::StringAttr attribute);

/// What loops choose scales by; nothing where the host's quantizer does, which
/// --rlx-llvm calls.
std::optional<RulePlan> rulePlanOf(BlockQuantizeOp op);
std::optional<RulePlan> rulePlanOf(BlockFakeQuantizeOp op);

} // namespace rlx

#endif // RLX_PASSES_RULES_RULEPLAN_H
