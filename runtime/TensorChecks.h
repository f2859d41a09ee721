//===- TensorChecks.h - What callers may pass as tensors ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks of views, whose shapes and pointers are whatever their maker wrote.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TENSORCHECKS_H
#define RLX_RUNTIME_TENSORCHECKS_H

#include "runtime/Tensor.h"

namespace rlx {

/// An error where a dimension is negative, or where sizes or strides in bytes
/// do not fit in 63 bits. `what` is the subject of the sentence.
Status checkTensorSize(const TensorView &tensor, std::string_view what);
/// The same, and an error where there are elements but no data.
Status checkTensor(const TensorView &tensor, std::string_view what);

/// Whether two tensors, each of which checkTensor accepts, have bytes in
/// common.
bool shareMemory(const TensorView &a, const TensorView &b);

/// An error where an output shares memory with an input or another output:
/// programs write results whenever they like.
Status checkOutputMemory(std::span<const TensorView> inputs,
                         std::span<const TensorView> outputs);

} // namespace rlx

#endif // RLX_RUNTIME_TENSORCHECKS_H
