//===- GgufByteOrder.cpp - Tensors of big-endian GGUF files ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/weights/GgufByteOrder.h"

#include "runtime/Text.h"
#include "runtime/weights/GgmlTypes.h"

#include <algorithm>
#include <utility>

namespace rlx {
namespace {

/// Reverses the bytes of words that follow each other.
void reverseWords(std::byte *first, uint32_t bytes, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i, first += bytes)
    std::reverse(first, first + bytes);
}

/// Reverses the words of rows of blocks, as the type says where they lie.
void reverseRows(const GgmlType &type, std::span<const GgmlWords> words,
                 uint64_t rowBlocks, std::span<std::byte> bytes) {
  std::byte *at = bytes.data(), *end = at + bytes.size();
  while (at < end) {
    if (type.rowBytes)
      reverseWords(at, type.rowBytes, 1);
    at += type.rowBytes;
    for (uint64_t i = 0; i < rowBlocks; ++i, at += type.blockBytes)
      for (const GgmlWords &some : words)
        reverseWords(at + some.firstByte, some.bytes, some.count);
  }
}

} // namespace

Status turnBytes(GgufPart &part, std::vector<Tensor> &turned) {
  for (WeightEntry &entry : part.tensors) {
    const GgmlType *type = findGgmlType(std::string_view(entry.type));
    std::optional<std::vector<GgmlWords>> words;
    if (type)
      words = wordsOfBlock(*type);
    bool isSame = words && words->empty() && type->rowBytes == 0;
    if (!words || isSame || entry.bytes.empty())
      continue;
    Result<Tensor> copy =
        Tensor::allocate(ElementType::u8, {int64_t(entry.bytes.size())});
    if (!copy)
      return errorf("'{}': tensor {} is big-endian and is to be copied: {}",
                    entry.file, quoted(entry.name), copy.message());
    std::span<std::byte> bytes(
        reinterpret_cast<std::byte *>(copy->data<uint8_t>()),
        entry.bytes.size());
    std::ranges::copy(entry.bytes, bytes.begin());
    uint64_t columns = entry.shape.empty() ? 1 : uint64_t(entry.shape.back());
    reverseRows(*type, *words, columns / type->blockElements, bytes);
    entry.bytes = bytes;
    turned.push_back(copy.take());
  }
  return {};
}

} // namespace rlx
