//===- RuleArithmetic.h - Scales and codes as arithmetic --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits what a rule says (ir/QuantRule.h): scales from the extremes of a group,
// codes of its elements, and the numbers that they mean. The bits are those of
// the host's quantizer: f32 stands where a rule computes in f32, operation by
// operation, and f64 where only the nearest code counts. Elements may be
// numbers or vectors; where they come from is for the caller.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_RULES_RULEARITHMETIC_H
#define RLX_PASSES_RULES_RULEARITHMETIC_H

#include "passes/decode/CodeNumbers.h"
#include "passes/math/MathNumbers.h"
#include "passes/rules/RulePlan.h"

namespace rlx {

class RuleArithmetic {
public:
  /// Without `lookUp` for a CPU, with it for a device.
  RuleArithmetic(mathx::Builder &b, const RulePlan &plan,
                 CodeNumbers::LookUp lookUp = nullptr);

  /// Whether it needs no f64 on a device.
  static bool fitsDevices(const RulePlan &plan);

  /// What a rule reads of a group. Which are set follows from the method: the
  /// first value of largest magnitude, or that magnitude; the least and the
  /// most.
  struct Extremes {
    mathx::Num largest, least, most;
  };
  /// What a rule says of a group.
  struct Scale {
    mathx::Num scale, zero, offset; ///< As they are stored.
    mathx::Num inverse, least;      ///< What codes in f32 are computed with.
    mathx::Truth isUsable;          ///< Else all codes are the same one.
    mathx::Int exponent;            ///< The code of a power of two.
  };
  Scale choose(const Extremes &extremes);
  /// The codes of numbers, as i32 of the codes' bits.
  mathx::Int codes(const Scale &scale, mathx::Num x);
  /// What codes mean, as rlx.decode computes it.
  mathx::Num values(const Scale &scale, mathx::Int codes);
  /// The code of a scale, zero or offset that is stored, as i32.
  mathx::Int storedCode(const Scale &scale, FieldAttr field);

private:
  Scale byQuotient(mathx::Num extreme);
  Scale byRange(mathx::Num least, mathx::Num most);
  Scale byPowerOfTwo(mathx::Num magnitude);
  mathx::Int exponentOf(mathx::Num magnitude);
  mathx::Num stored(FieldAttr field, mathx::Num number);

  mathx::Int codesInF32(const Scale &scale, mathx::Num x);
  mathx::Int exactCodes(const Scale &scale, mathx::Num x);
  mathx::Int codesOnLine(const Scale &scale, mathx::Num x);
  mathx::Int codesOnLineInF32(const Scale &scale, mathx::Num x);
  mathx::Int nearest(mathx::Num t);
  mathx::Int nearestInteger(mathx::Num t);
  mathx::Int nearestIntegerBeside(mathx::Num t, mathx::Num zero);
  mathx::Int nearestSmallFloat(mathx::Num t);
  mathx::Int nearestOfTable(mathx::Num t);
  mathx::Int codeOfInteger(mathx::Int number, int64_t from = 0);

  mathx::Num number(double value) {
    return {{&b, mlir::arith::ConstantOp::create(
                     b, b.getF32FloatAttr(float(value)))}};
  }

  mathx::Builder &b;
  const RulePlan &plan;
  CodeNumbers::LookUp deviceLookUp;
  double low = 0, high = 0; ///< The least and the greatest number of a code.
};

} // namespace rlx

#endif // RLX_PASSES_RULES_RULEARITHMETIC_H
