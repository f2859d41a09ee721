//===- Estimate.h - Numbers of f32 and how far off they may be --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an operation that is made of many computes, step by step in double
// precision, beside what rounding each step to f32 may do to it.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_ESTIMATE_H
#define RLX_CODEGEN_REFERENCE_ESTIMATE_H

#include "codegen/reference/Interpreter.h"

#include <cmath>

namespace rlx {

/// Half an ulp of 1, in f32.
constexpr double halfUlp = 0x1p-24;
/// What functions of any target may be off, in half ulps.
constexpr double offOfFunctions = 8;

/// A number that the program computes in f32, and how far it may be off.
struct Estimate {
  double value = 0, deviation = 0;

  /// The same, rounded `roundings` times.
  Estimate rounded(double roundings = 1) const {
    return {value, std::hypot(deviation, roundings * halfUlp * value)};
  }
};

inline Estimate operator+(Estimate a, Estimate b) {
  return Estimate{a.value + b.value, std::hypot(a.deviation, b.deviation)}
      .rounded();
}
inline Estimate operator-(Estimate a, Estimate b) {
  return Estimate{a.value - b.value, std::hypot(a.deviation, b.deviation)}
      .rounded();
}
inline Estimate operator*(Estimate a, Estimate b) {
  return Estimate{a.value * b.value,
                  std::hypot(a.deviation * b.value, a.value * b.deviation)}
      .rounded();
}
inline Estimate operator/(Estimate a, Estimate b) {
  double ratio = a.value / b.value;
  return Estimate{
      ratio, std::hypot(a.deviation / b.value, ratio * b.deviation / b.value)}
      .rounded(4);
}

inline Estimate estimateOf(const Numbers &numbers, int64_t i) {
  return {numbers.values[i], numbers.deviation(i)};
}

/// A constant of the program, in f32.
inline Estimate constantOfF32(double value) {
  return {double(float(value)), 0};
}

/// The results of an operation while they are computed.
struct EstimatedResult {
  EstimatedResult(mlir::Type type, std::vector<int64_t> shape)
      : type(type), shape(std::move(shape)),
        rounding(mlir::getElementTypeOrSelf(type)) {
    numbers.reset(mlir::getElementTypeOrSelf(type), countOf(this->shape));
    numbers.allDeviations();
  }
  void set(int64_t i, Estimate estimate) {
    rounding.apply(estimate.value, estimate.deviation);
    if (std::isnan(estimate.deviation))
      estimate.deviation = unknownDeviation;
    numbers.values[i] = estimate.value;
    numbers.deviations[i] = estimate.deviation;
  }
  Datum take() { return Datum(type, std::move(shape), std::move(numbers)); }

  mlir::Type type;
  std::vector<int64_t> shape;
  Numbers numbers;
  Rounding rounding;
};

inline mlir::LogicalResult checkSizes(mlir::Operation *op, llvm::StringRef what,
                                      const Datum &datum,
                                      llvm::ArrayRef<int64_t> expected) {
  if (llvm::ArrayRef(datum.shape()) == expected)
    return mlir::success();
  return op->emitOpError() << "expected " << what << " to have sizes "
                           << describeShape(expected.vec()) << ", but got "
                           << describeShape(datum.shape());
}

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_ESTIMATE_H
