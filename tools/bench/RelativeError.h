//===- RelativeError.h - Of a matmul, against double precision ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_BENCH_RELATIVEERROR_H
#define RLX_TOOLS_BENCH_RELATIVEERROR_H

#include "tools/bench/RandomWeight.h"

namespace rlx {

/// Norm of the difference from the reference over that of sqrt(sum x^2 w^2),
/// which is as large as results whose terms do not cancel, for up to 64 columns
/// and 8 rows of what `y` holds.
llvm::Expected<double> relativeError(const RandomWeight &weight,
                                     const Tensor &x, const Tensor &y);

} // namespace rlx

#endif // RLX_TOOLS_BENCH_RELATIVEERROR_H
