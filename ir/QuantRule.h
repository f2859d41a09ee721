//===- QuantRule.h - How scales are chosen from the data --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scheme says how codes, scales and offsets are stored; a rule says how a
// quantizer chooses them. Rules of built-in schemes stand in the table of
// schemes, as text:
//
//   signed_max N     scale = the value of largest magnitude / N
//   absmax N         scale = the largest magnitude / N
//   minmax           scale and offset (or zero point) from least and most
//   power_of_two N   scale = 2^(floor(log2(largest magnitude)) - log2(N))
//   search           the least squared error that a search finds
//
// Then, in any order: `by reciprocal`, `by inverse`, `by log2f` (the arithmetic
// of other implementations, bit for bit), `ties up|away|even|first`, `sums
// LENGTH at BYTE` (sums of codes in bits that no field reads), `else NAME` (the
// scheme for weights whose K is no multiple of the block).
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_QUANTRULE_H
#define RLX_IR_QUANTRULE_H

#include "ir/Scheme.h"

#include "llvm/Support/Error.h"

#include <optional>
#include <string>

namespace rlx {

struct QuantRule {
  enum class Method { search, signedMax, absMax, minMax, powerOfTwo };
  /// The code for a number in the middle between two: the greater number, the
  /// one of larger magnitude, the even code, the code that counts less. By
  /// type: integers away from zero, others even.
  enum class Ties { byType, up, away, even, first };
  /// How the code of x is computed.
  enum class Arithmetic {
    exact,      ///< The nearest for the scale as it is stored.
    reciprocal, ///< In f32, x * (1 / scale) with the scale before it is stored.
    inverse,    ///< In f32, x * (N / extreme); the scale is the inverse.
    log2f       ///< As `exact`; the exponent by f32's log2, which rounds.
  };
  /// The i16 at `firstByte + 2 * j` is the sum of codes j * length and so on.
  struct Sums {
    int64_t length, firstByte;
  };

  Method method = Method::search;
  double reach = 0; ///< N
  Ties ties = Ties::byType;
  Arithmetic arithmetic = Arithmetic::exact;
  std::optional<Sums> sums;
  std::string fallback; ///< A scheme's name, or nothing.

  /// Reads a rule's text. Errors name the word.
  static llvm::Expected<QuantRule> parse(llvm::StringRef text);
  /// The rule in the table of schemes; a search for all others.
  static QuantRule of(QuantScheme scheme);
};

/// Why no weights of a scheme can be made from numbers; success if they can.
llvm::Error checkQuantizable(QuantScheme scheme);

/// Why codes cannot be chosen one after the other: elements share them. Success
/// if each element has its own.
llvm::Error checkOwnCodes(QuantScheme scheme);

/// Why a rule cannot be followed by a scheme; success if it can.
llvm::Error checkRule(const QuantRule &rule, QuantScheme scheme);

/// The texts of rules, in the order of `builtinSchemes()`; empty: by a search.
llvm::ArrayRef<llvm::StringRef> builtinRules();
/// The position in `builtinSchemes()` of what `name`, a display name or ggml
/// spelling, belongs to.
std::optional<size_t> findBuiltinScheme(llvm::StringRef name);

} // namespace rlx

#endif // RLX_IR_QUANTRULE_H
