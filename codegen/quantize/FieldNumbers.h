//===- FieldNumbers.h - The numbers of a field, and the nearest -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a code of a field means is said by numberOf (ir/Reference.h); this is
// the way back: the code whose number is nearest to a given one. Codes that are
// no finite numbers are never chosen.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_FIELDNUMBERS_H
#define RLX_CODEGEN_QUANTIZE_FIELDNUMBERS_H

#include "ir/QuantRule.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace rlx::quantize {

class FieldNumbers {
public:
  explicit FieldNumbers(FieldAttr field,
                        QuantRule::Ties ties = QuantRule::Ties::byType);

  /// The code whose number is nearest to `t`, at the bounds where `t` lies
  /// beyond them. Of a zero with both signs, the one with the sign of `t`.
  uint32_t nearest(double t) const;
  /// The number that a code means.
  double number(uint32_t code) const;
  /// The number of the nearest code; halves of integers go anywhere.
  double nearestNumber(double t) const {
    if (kind != Kind::integer)
      return number(nearest(t));
    // Adding it leaves no bits behind the point.
    constexpr double magic = 0x1.8p52;
    return (std::min(std::max(t, low), high) + magic) - magic;
  }
  /// The code of a number that there is, of integers.
  uint32_t codeOfInteger(int64_t number) const {
    return uint32_t(number + bias) & mask;
  }

  /// The codes of the nearest number and of `reach` numbers at either side.
  /// Where numbers lie so close that neighbours make no difference, only the
  /// nearest.
  llvm::SmallVector<uint32_t, 8> around(double t, int reach) const;
  /// The same, with neighbours in any case.
  llvm::SmallVector<uint32_t, 8> neighbours(double t, int reach) const;

  double lowest() const { return low; }
  double highest() const { return high; }
  bool hasNegative() const { return low < 0; }
  bool hasPositive() const { return high > 0; }
  /// Whether all numbers are integers that follow each other.
  bool isInteger() const { return kind == Kind::integer; }
  /// Whether the field is a float of 16 bits or more.
  bool isWide() const { return kind == Kind::wide; }
  /// Rising, without the wide floats.
  llvm::ArrayRef<double> sorted() const { return numbers; }

  FieldAttr attr() const { return field; }

  /// The code for a number as IEEE's conversion gives it: infinite where it is
  /// too large. Only for wide floats; others give the nearest.
  uint32_t converted(double t) const;
  /// The code of an infinity or NaN, where there is one.
  std::optional<uint32_t> special(double t) const;

private:
  enum class Kind { integer, wide, table };
  /// How a float of 16 or 32 bits is stored.
  struct FloatLayout {
    unsigned mantissaBits = 0;
    int leastExponent = 0;
  };

  double wideNumber(uint32_t code) const;
  uint32_t wideCode(double t) const;

  bool tieGoesUp(double t, size_t below) const;
  size_t positionOf(double t) const;
  uint32_t codeAt(size_t position) const;

  FieldAttr field;
  QuantRule::Ties ties;
  Kind kind;
  unsigned width;
  uint32_t mask; ///< Of as many bits.
  int64_t bias;
  FloatLayout layout; ///< Of wide floats.
  double low = 0, high = 0;
  std::vector<double> numbers; ///< Sorted, -0 before 0.
  std::vector<uint32_t> codes; ///< Of `numbers`; empty for integers.
  std::vector<double> numberByCode;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_FIELDNUMBERS_H
