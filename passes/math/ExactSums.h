//===- ExactSums.h - Sums of f32 whose rounding is known --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What f64 would be used for, on devices that have none: additions and
// multiplications of f32 say themselves what they round off. They must round to
// nearest; what is subnormal on the way may be lost.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_MATH_EXACTSUMS_H
#define RLX_PASSES_MATH_EXACTSUMS_H

#include "passes/math/MathNumbers.h"

#include "llvm/ADT/ArrayRef.h"

namespace rlx::mathx {

/// A number with the sign of the exact sum of `terms`, 0 if that is 0: parts
/// that do not overlap have their sum, and the largest of them decides
/// (Shewchuk, "Adaptive precision floating-point arithmetic", 1997).
Num signOfSum(llvm::ArrayRef<Num> terms);

/// x * y + z, rounded once (Boldo and Melquiond, "Emulation of FMA and
/// correctly rounded sums", 2008). The product must be finite.
Num fusedMultiplyAdd(Num x, Num y, Num z);

} // namespace rlx::mathx

#endif // RLX_PASSES_MATH_EXACTSUMS_H
