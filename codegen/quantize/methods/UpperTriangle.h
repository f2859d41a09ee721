//===- UpperTriangle.h - Half of a square matrix ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_UPPERTRIANGLE_H
#define RLX_CODEGEN_QUANTIZE_METHODS_UPPERTRIANGLE_H

#include <algorithm>
#include <cstdint>
#include <vector>

namespace rlx {

/// The upper half of a matrix of n rows and columns with its diagonal, row
/// after row: all of a symmetric or upper triangular one, in half the memory.
class UpperTriangle {
public:
  UpperTriangle() = default;
  explicit UpperTriangle(int64_t n) : n(n), numbers(n * (n + 1) / 2) {}

  int64_t size() const { return n; }
  /// Element (i, j), i <= j, is `row(i)[j]`.
  double *row(int64_t i) { return numbers.data() + startOf(i); }
  const double *row(int64_t i) const { return numbers.data() + startOf(i); }
  /// Element (i, j) of a symmetric matrix.
  double at(int64_t i, int64_t j) const {
    return row(std::min(i, j))[std::max(i, j)];
  }

  /// Of a matrix of n rows.
  static int64_t bytes(int64_t n) {
    return n * (n + 1) / 2 * int64_t(sizeof(double));
  }

private:
  /// Where column 0 of row i would be.
  int64_t startOf(int64_t i) const { return i * (2 * n - i - 1) / 2; }

  int64_t n = 0;
  std::vector<double> numbers;
};

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_UPPERTRIANGLE_H
