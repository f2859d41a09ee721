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
static bool factorize(UpperTriangle &a) {
  int64_t n = a.size();
  for (int64_t end = n; end > 0; end -= std::min(band, end)) {
    int64_t begin = std::max<int64_t>(end - band, 0);
    for (int64_t i = end - 1; i >= 0; --i)
      for (int64_t j = std::max(i, begin); j < end; ++j)
        a.row(i)[j] -= dot(a.row(i) + end, a.row(j) + end, n - end);
    for (int64_t j = end - 1; j >= begin; --j) {
      double *row = a.row(j);
      double square = row[j] - dot(row + j + 1, row + j + 1, end - j - 1);
      // NaN is no number above 0 either.
      if (!(square > 0) || !std::isfinite(square))
        return false;
      row[j] = std::sqrt(square);
      for (int64_t i = 0; i < j; ++i) {
        double *other = a.row(i);
        other[j] =
            (other[j] - dot(other + j + 1, row + j + 1, end - j - 1)) / row[j];
      }
    }
  }
  return true;
}

/// C U = I in place, from the last row to the first: what is left of row i of
/// C are the factors of the rows of U below it.
static void invert(UpperTriangle &a) {
  int64_t n = a.size();
  std::vector<double> factors(band * n);
  for (int64_t end = n; end > 0; end -= std::min(band, end)) {
    int64_t begin = std::max<int64_t>(end - band, 0);
    for (int64_t i = begin; i < end; ++i) {
      std::copy(a.row(i) + i, a.row(i) + n,
                factors.begin() + (i - begin) * n + i);
      std::fill(a.row(i) + i + 1, a.row(i) + n, 0);
    }
    for (int64_t k = end; k < n; ++k)
      for (int64_t i = begin; i < end; ++i)
        subtract(a.row(i) + k, factors[(i - begin) * n + k], a.row(k) + k,
                 n - k);
    for (int64_t i = end - 1; i >= begin; --i) {
      double *row = a.row(i);
      const double *factor = factors.data() + (i - begin) * n;
      for (int64_t k = i + 1; k < end; ++k)
        subtract(row + k, factor[k], a.row(k) + k, n - k);
      row[i] = 1 / factor[i];
      for (int64_t j = i + 1; j < n; ++j)
        row[j] *= row[i];
    }
  }
}

bool quantize::inverseFactor(UpperTriangle &matrix) {
  if (!factorize(matrix))
    return false;
  invert(matrix);
  return true;
}
