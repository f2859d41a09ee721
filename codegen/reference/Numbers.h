//===- Numbers.h - Numbers with what rounding may do to them ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A column of numbers of one type: the elements of a tensor, or what a scalar
// is at each of some points. Floats are doubles, each with a deviation: how far
// the program's result is expected to be from it (one standard deviation), to
// first order, because the program rounds. Results of f32 are not rounded here,
// only their deviation grows; what has fewer bits is rounded as the program
// says. Integers are bits, with a deviation too where they come from floats:
// the answer of a comparison that may be the other one has one of up to 1.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_NUMBERS_H
#define RLX_CODEGEN_REFERENCE_NUMBERS_H

#include "mlir/IR/BuiltinTypes.h"

#include <limits>
#include <vector>

namespace rlx {

/// The deviation of a number of which nothing is known.
constexpr double unknownDeviation = std::numeric_limits<double>::infinity();

struct Numbers {
  mlir::Type type; ///< a float or an integer type, or index
  std::vector<double> values;
  std::vector<double> deviations; ///< none: the numbers are exact
  std::vector<uint64_t> bits;     ///< of integers, zero above their width

  bool isFloat() const { return llvm::isa<mlir::FloatType>(type); }
  int64_t size() const { return isFloat() ? values.size() : bits.size(); }
  double deviation(int64_t i) const {
    return deviations.empty() ? 0 : deviations[i];
  }
  /// Makes room for `count` numbers, without deviations.
  void reset(mlir::Type type, int64_t count);
  /// Gives all deviations, which are 0 where there are none.
  std::vector<double> &allDeviations();
  /// Number `to` becomes number `from` of `other`, which has the same type.
  void copy(int64_t to, const Numbers &other, int64_t from, int64_t count = 1);
  /// Numbers of which nothing is known.
  static Numbers undefined(mlir::Type type, int64_t count);
};

/// Bits of an integer or index.
unsigned widthOf(mlir::Type type);
/// `bits` without what lies above `width`, and as a signed number.
uint64_t wrapBits(uint64_t bits, unsigned width);
int64_t signedBits(uint64_t bits, unsigned width);

/// Whether numbers of that type can be evaluated.
bool isKnownType(mlir::Type type);

/// Rounds to a float type as an operation of the program does that gives it.
class Rounding {
public:
  explicit Rounding(mlir::Type type);

  /// Half of the distance of 1 from the next number.
  double unit() const { return roundoff; }
  /// `deviation` is that of `value` before; `roundings` is how many half ulps
  /// the operation may be off.
  void apply(double &value, double &deviation, double roundings = 1) const;
  /// Makes a sum unknown that may be infinite on the way: its terms have that
  /// `size` together, and their order is free.
  void boundSum(double &sum, double &deviation, double size) const;
  /// The number of the type that is nearest.
  double nearest(double value) const;
  /// The same with the infinity that it becomes beyond the type's range, which
  /// is all that is done to f32 and f64.
  double bounded(double value) const;
  /// The distance of numbers of the type around `value`.
  double spacing(double value) const;

private:
  mlir::FloatType type;
  double roundoff, smallest, largest;
  bool isExplicit; ///< whether values are rounded
};

/// The root of the sum of squares; infinite where one is no number.
double combineDeviations(double a, double b);

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_NUMBERS_H
