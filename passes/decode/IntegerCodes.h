//===- IntegerCodes.h - Codes as integers of 8 bits -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_DECODE_INTEGERCODES_H
#define RLX_PASSES_DECODE_INTEGERCODES_H

#include "ir/Scheme.h"

#include <optional>

namespace rlx {

/// Integers that stand for a scheme's codes: number(code) = (u - bias) * unit.
struct IntegerCodes {
  unsigned width = 0; ///< bits stored
  int64_t bias = 0;   ///< of u, which is unsigned and less than `below`
  int64_t below = 0;
  double unit = 1;
  int64_t flip = 0; ///< what a signed code is xored with to become unsigned
  llvm::SmallVector<int8_t> table; ///< u by code, where codes are looked up

  /// The largest magnitude of u - bias.
  int64_t largest() const {
    return std::max(std::abs(bias), std::abs(below - 1 - bias));
  }
  /// Fails, with a reason, where the codes are no integers of 8 bits.
  static std::optional<IntegerCodes> of(FieldAttr code, std::string &reason);
};

} // namespace rlx

#endif // RLX_PASSES_DECODE_INTEGERCODES_H
