//===- DotProduct.h - Sums of products --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_DOTPRODUCT_H
#define RLX_CODEGEN_QUANTIZE_METHODS_DOTPRODUCT_H

#include <cstdint>

namespace rlx::quantize {

/// Of vectors of `count` numbers, in the order that vectors of the target give.
template <typename T>
inline double dot(const T *a, const double *b, int64_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i)
    sum += double(a[i]) * b[i];
  return sum;
}

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_METHODS_DOTPRODUCT_H
