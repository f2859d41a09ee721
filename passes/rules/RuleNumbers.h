//===- RuleNumbers.h - Numbers that rules compute with ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_RULES_RULENUMBERS_H
#define RLX_PASSES_RULES_RULENUMBERS_H

#include "passes/rules/RuleArithmetic.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace rlx {

/// f32's bits.
constexpr int64_t f32Mantissa = 23, f32Bias = 127, f32Magnitude = 0x7fffffff,
                  f32Infinity = 0x7f800000;

/// `scalar` for each element of `like`.
template <typename T> T spread(T scalar, mathx::Term like) {
  auto vector = llvm::dyn_cast<mlir::VectorType>(like.value.getType());
  if (!vector || llvm::isa<mlir::VectorType>(scalar.value.getType()))
    return scalar;
  return {{scalar.b,
           mlir::vector::BroadcastOp::create(
               *scalar.b, vector.clone(scalar.value.getType()), scalar.value)}};
}

/// `x` between the two.
inline mathx::Int bounded(mathx::Int x, int64_t least, int64_t most) {
  x = choose(x < least, x.number(least), x);
  return choose(x > most, x.number(most), x);
}

} // namespace rlx

#endif // RLX_PASSES_RULES_RULENUMBERS_H
