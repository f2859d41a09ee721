//===- NpyFuzz.cpp - Any bytes as an .npy file ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is read has as many bytes as its shape says.
//
//===----------------------------------------------------------------------===//
#include "runtime/Npy.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

using namespace rlx;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto block = std::make_unique<std::byte[]>(size);
  std::copy_n(reinterpret_cast<const std::byte *>(data), size, block.get());
  std::span<const std::byte> bytes(block.get(), size);
  for (std::optional<ElementType> expected :
       {std::optional<ElementType>(), std::optional(ElementType::bf16)}) {
    Result<Tensor> tensor = parseNpy("x.npy", bytes, expected);
    if (!tensor) {
      if (tensor.message().find("'x.npy'") == std::string::npos)
        std::abort();
      continue;
    }
    std::optional<int64_t> count = countElements(tensor->shape());
    std::span<const std::byte> content = tensor->bytes();
    if (!count ||
        content.size() !=
            static_cast<size_t>(*count) * elementBytes(tensor->type()) ||
        content.size() > size ||
        !std::equal(content.begin(), content.end(),
                    bytes.end() - content.size()))
      std::abort();
  }
  return 0;
}
