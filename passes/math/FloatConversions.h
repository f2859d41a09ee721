//===- FloatConversions.h - Conversions as arithmetic -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions to and from small floats that no target has instructions for, and
// those that targets round twice. All is derived from what LLVM knows of a
// type: its precision, its range, and what it has of infinities, NaN and zeros.
// To the nearest, of two to the even one; beyond the range, and of an infinity,
// what llvm::APFloat gives, which is what MLIR folds constants with.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_MATH_FLOATCONVERSIONS_H
#define RLX_PASSES_MATH_FLOATCONVERSIONS_H

#include "passes/math/MathNumbers.h"

namespace rlx {

/// Whether `type` is a float of 8 bits with a sign and a zero, which is what
/// the functions below know.
bool isSmallFloat(mlir::Type type);

/// The bits of the small float that is nearest to `x`.
mathx::Int smallFloatBits(mlir::FloatType type, mathx::Num x);
/// The number that `bits`, which are zero above the type's, mean.
mathx::Num smallFloatNumber(mlir::FloatType type, mathx::Int bits);

/// An f32 beside `x`, an f64 or a vector of it, that rounds to a type of less
/// than 23 bits of precision as `x` does: what is not exact becomes odd.
mathx::Num roundToOdd(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// The same for an integer of at most 64 bits.
mathx::Num integerRoundedToOdd(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                               bool isSigned);

/// Computes `op`, of arith or math, in f32 and rounds the result, where its
/// operands are small floats or the CPU's own way for bf16 loses subnormal
/// numbers. Returns whether it did, and `op` is gone.
bool widenArithmetic(mlir::Operation *op);

/// The result of `op`, a conversion of arith, built before it; null where a CPU
/// has code for it that rounds once, or there is none.
mlir::Value expandConversion(mlir::Operation *op);

} // namespace rlx

#endif // RLX_PASSES_MATH_FLOATCONVERSIONS_H
