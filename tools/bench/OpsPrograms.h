//===- OpsPrograms.h - Operations of linalg to be measured ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A table of operations, each with a program for any sizes, what it moves and
// computes at least, and the same for NumPy.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_BENCH_OPSPROGRAMS_H
#define RLX_TOOLS_BENCH_OPSPROGRAMS_H

#include "runtime/Tensor.h"

#include <string>
#include <vector>

namespace rlx {

using Sizes = std::vector<int64_t>;

/// An operation with sizes.
struct OpProgram {
  std::string text; ///< `@main`, of f32 tensors
  std::vector<Sizes> inputs;
  Sizes result;
  /// What is read and written if nothing is twice, and the multiplications and
  /// additions of what is limited by them; 0 where memory is the limit.
  double bytes = 0, operations = 0;
  std::string numpy; ///< `y = ...` of x0, x1, ...
};

struct OpKind {
  const char *name;
  const char *sizes; ///< What its sizes mean, `M x N`.
  std::vector<Sizes> usual;
  OpProgram (*make)(const Sizes &sizes);
};

/// All of them, in the order in which they are measured.
const std::vector<OpKind> &opKinds();
/// The one of that name; null where there is none.
const OpKind *findOpKind(const std::string &name);

} // namespace rlx

#endif // RLX_TOOLS_BENCH_OPSPROGRAMS_H
