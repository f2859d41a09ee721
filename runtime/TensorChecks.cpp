//===- TensorChecks.cpp - What callers may pass as tensors ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/TensorChecks.h"

#include <algorithm>

namespace rlx {

Status checkTensorSize(const TensorView &tensor, std::string_view what) {
  int64_t bytes = elementBytes(tensor.type);
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] < 0)
      return errorf("dimension {} of {} is negative, expected 0 or more, but "
                    "got {}",
                    i, what, tensor.describe());
    // Strides count too, those of tensors without elements.
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(tensor.shape[i], 1),
                               &bytes))
      return errorf("{} is too large: expected its size in bytes to fit in 63 "
                    "bits, but got {}",
                    what, tensor.describe());
  }
  return {};
}

Status checkTensor(const TensorView &tensor, std::string_view what) {
  if (Status status = checkTensorSize(tensor, what); !status)
    return status;
  if (!tensor.data && tensor.numElements() != 0)
    return errorf("{} has no data", what);
  return {};
}

bool shareMemory(const TensorView &a, const TensorView &b) {
  auto begin = [](const TensorView &tensor) {
    return reinterpret_cast<uintptr_t>(tensor.data);
  };
  auto size = [](const TensorView &tensor) {
    return static_cast<uintptr_t>(tensor.numBytes());
  };
  return begin(a) <= begin(b) ? size(b) && begin(b) - begin(a) < size(a)
                              : size(a) && begin(a) - begin(b) < size(b);
}

Status checkOutputMemory(std::span<const TensorView> inputs,
                         std::span<const TensorView> outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    for (size_t j = 0; j < inputs.size(); ++j)
      if (shareMemory(outputs[i], inputs[j]))
        return errorf("output {} shares memory with input {}, expected memory "
                      "of its own",
                      i, j);
    for (size_t j = 0; j < i; ++j)
      if (shareMemory(outputs[i], outputs[j]))
        return errorf("output {} shares memory with output {}, expected memory "
                      "of its own",
                      i, j);
  }
  return {};
}

} // namespace rlx
