//===- InverseFactor.cpp - The Cholesky factor of an inverse --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows are worked on in bands: a row from memory serves a band of others that
// stay in a cache.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/methods/InverseFactor.h"

#include "codegen/quantize/methods/DotProduct.h"

#include <algorithm>
#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

static constexpr int64_t band = 32;

/// y -= factor * x
static void subtract(double *y, double factor, const double *x, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i)
    y[i] -= factor * x[i];
}

/// H = C C^T from the last column to the first: C_ij of i <= j follows from the
/// columns behind j.
static bool factorize(double *a, int64_t n) {
  for (int64_t end = n; end > 0; end -= std::min(band, end)) {
    int64_t begin = std::max<int64_t>(end - band, 0);
    for (int64_t i = end - 1; i >= 0; --i)
      for (int64_t j = std::max(i, begin); j < end; ++j)
        a[i * n + j] -= dot(a + i * n + end, a + j * n + end, n - end);
    for (int64_t j = end - 1; j >= begin; --j) {
      double *row = a + j * n;
      double square = row[j] - dot(row + j + 1, row + j + 1, end - j - 1);
      // NaN is no number above 0 either.
      if (!(square > 0) || !std::isfinite(square))
        return false;
      row[j] = std::sqrt(square);
      for (int64_t i = 0; i < j; ++i) {
        double *other = a + i * n;
        other[j] =
            (other[j] - dot(other + j + 1, row + j + 1, end - j - 1)) / row[j];
      }
    }
  }
  return true;
}

/// C U = I in place, from the last row to the first: what is left of row i of
/// C are the factors of the rows of U below it.
static void invert(double *a, int64_t n) {
  std::vector<double> factors(band * n);
  for (int64_t end = n; end > 0; end -= std::min(band, end)) {
    int64_t begin = std::max<int64_t>(end - band, 0);
    for (int64_t i = begin; i < end; ++i) {
      std::copy(a + i * n + i, a + (i + 1) * n,
                factors.begin() + (i - begin) * n + i);
      std::fill(a + i * n + i + 1, a + (i + 1) * n, 0);
    }
    for (int64_t k = end; k < n; ++k)
      for (int64_t i = begin; i < end; ++i)
        subtract(a + i * n + k, factors[(i - begin) * n + k], a + k * n + k,
                 n - k);
    for (int64_t i = end - 1; i >= begin; --i) {
      double *row = a + i * n;
      const double *factor = factors.data() + (i - begin) * n;
      for (int64_t k = i + 1; k < end; ++k)
        subtract(row + k, factor[k], a + k * n + k, n - k);
      row[i] = 1 / factor[i];
      for (int64_t j = i + 1; j < n; ++j)
        row[j] *= row[i];
    }
  }
}

bool quantize::inverseFactor(std::vector<double> &matrix, int64_t n) {
  double *a = matrix.data();
  if (!factorize(a, n))
    return false;
  for (int64_t i = 0; i < n; ++i)
    std::fill(a + i * n, a + i * n + i, 0);
  invert(a, n);
  return true;
}
