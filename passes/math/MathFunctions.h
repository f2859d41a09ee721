//===- MathFunctions.h - Functions of f32 as operations of arith *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What C libraries and drivers compute with less care than their callers need,
// or not at all, as additions, multiplications, divisions, square roots and
// operations on bits, each rounded once and none contracted or reordered. Right
// for all of f32: NaN, infinities, subnormals and the signs of zeros too. What
// `multiplyAdd` computes may be fused where a target says so.
//
// The comment of each says its largest error in units in the last place,
// measured in steps through all bit patterns.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_MATH_MATHFUNCTIONS_H
#define RLX_PASSES_MATH_MATHFUNCTIONS_H

#include "passes/math/MathNumbers.h"

namespace rlx::mathx {

//===----------------------------------------------------------------------===//
// MathExponentials.cpp
//===----------------------------------------------------------------------===//

/// `exp(x) * 2^adjust`. 1 ulp.
Num exp(Num x, int64_t adjust = 0);
Num exp2(Num x);  ///< 1 ulp
Num expm1(Num x); ///< 1.4 ulp
Num log(Num x);   ///< 1 ulp
Num log2(Num x);  ///< 1.2 ulp
Num log10(Num x); ///< 1.6 ulp
Num log1p(Num x); ///< 2.3 ulp
/// As C's: `pow(x, 0)` and `pow(1, y)` are 1 even for a NaN. 2 ulp.
Num pow(Num x, Num y);
Num sinh(Num x);  ///< 2 ulp
Num cosh(Num x);  ///< 1.4 ulp
Num tanh(Num x);  ///< 2.4 ulp
Num asinh(Num x); ///< 2.7 ulp
Num acosh(Num x); ///< 2.3 ulp
Num atanh(Num x); ///< 2.8 ulp
Num erf(Num x);   ///< 1.1 ulp
Num erfc(Num x);  ///< 2.4 ulp

//===----------------------------------------------------------------------===//
// MathAngles.cpp
//===----------------------------------------------------------------------===//

Num sin(Num x);          ///< 1.5 ulp
Num cos(Num x);          ///< 1.5 ulp
Num tan(Num x);          ///< 2.7 ulp
Num asin(Num x);         ///< 1.7 ulp
Num acos(Num x);         ///< 1.2 ulp
Num atan(Num x);         ///< 1.9 ulp
Num atan2(Num y, Num x); ///< 2.3 ulp
Num cbrt(Num x);         ///< 1 ulp

} // namespace rlx::mathx

namespace rlx {

/// The result of `op`, an operation of math on f32 or vectors of it, built
/// before it from the functions above; null where it is none of them. Where
/// `mayFuse`, sums of a product that may be fused say so (`contract`).
mlir::Value expandMath(mlir::Operation *op, bool mayFuse = false);

} // namespace rlx

#endif // RLX_PASSES_MATH_MATHFUNCTIONS_H
