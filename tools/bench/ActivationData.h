//===- ActivationData.h - Random activations --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What activations are drawn from. Rounding to integers costs more where few
// numbers are far larger than the others, as in transformers, than normal ones
// show.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_BENCH_ACTIVATIONDATA_H
#define RLX_TOOLS_BENCH_ACTIVATIONDATA_H

#include "runtime/Tensor.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace rlx {

/// `normal`; `t3`, Student's t with 3 degrees of freedom; `outliers`, normal,
/// with one channel of each 256, the same in all rows, 20 times larger.
llvm::ArrayRef<llvm::StringLiteral> activationDataNames();

/// Fills `x`, `[M, K]` of f32, with numbers of that kind, which is one of the
/// names, always the same ones.
void fillActivations(llvm::StringRef data, Tensor &x);

} // namespace rlx

#endif // RLX_TOOLS_BENCH_ACTIVATIONDATA_H
