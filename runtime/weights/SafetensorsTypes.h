//===- SafetensorsTypes.h - The types of tensors in safetensors -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names and sizes of the element types that a safetensors header may have, and
// which of them are elements of the host.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_SAFETENSORSTYPES_H
#define RLX_RUNTIME_WEIGHTS_SAFETENSORSTYPES_H

#include "runtime/Tensor.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rlx {

struct SafetensorsType {
  std::string_view name; ///< As in the header.
  unsigned bits;         ///< Of an element; those below 8 lie without gaps.
  std::optional<ElementType> element;
};

std::span<const SafetensorsType> safetensorsTypes();

/// The type of that name, or of those elements; null when there is none.
const SafetensorsType *findSafetensorsType(std::string_view name);
const SafetensorsType *findSafetensorsType(ElementType element);

/// `BOOL, U8, ...`, for messages.
std::string listSafetensorsTypes();

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_SAFETENSORSTYPES_H
