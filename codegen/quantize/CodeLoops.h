//===- CodeLoops.h - The inner loops of searches, in vectors ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops over the elements of a group, eight at a time, compiled for several
// processors. Sums are those of eight lanes and no product and sum are made one
// operation, so that all processors give the same bits.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_CODELOOPS_H
#define RLX_CODEGEN_QUANTIZE_CODELOOPS_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace rlx::quantize {

/// Elements that share scale, zero and offset: values and their weights in the
/// error, all above or equal to 0.
struct Samples {
  const double *x;
  const double *w;
  int64_t count;
};

/// value(q) = scale * q + base.
struct Line {
  double scale = 0, base = 0;
};

/// Weighted sums over elements and their numbers q; the squared error of the
/// line they were chosen for.
struct Sums {
  double q = 0, qq = 0, xq = 0, error = 0;
};

struct CodeLoops {
  /// Chooses integers from `low` to `high`.
  Sums (*integers)(Samples, Line, double low, double high, double *q);
  /// Chooses one of `count` numbers: values[j + 1] above middles[j].
  Sums (*few)(Samples, Line, const double *values, const double *middles,
              int64_t count, double *q);
  /// Sums for numbers that were chosen.
  Sums (*given)(Samples, Line, const double *q);

  /// Those that this processor can run, the fastest first.
  static llvm::ArrayRef<CodeLoops> all();
  static const CodeLoops &get() { return all().front(); }
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_CODELOOPS_H
