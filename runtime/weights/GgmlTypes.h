//===- GgmlTypes.h - The types of tensors in GGUF files -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers, names and block sizes of ggml's types: what it takes to find and
// measure a tensor in a file. How a block is decoded is the business of the
// scheme of that name, in the compiler; nothing here reads a block.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_GGMLTYPES_H
#define RLX_RUNTIME_WEIGHTS_GGMLTYPES_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

struct GgmlType {
  uint32_t id;            ///< The number in files.
  std::string_view name;  ///< In ggml's spelling.
  uint32_t blockElements; ///< Neighbours along the innermost dimension.
  uint32_t blockBytes;
  int32_t fileType; ///< What `general.file_type` says of files of mostly this
                    ///< type; -1 where there is no number for it.
  /// What big-endian machines store the other way round, of a block: words of 2
  /// bytes, 3 of them from byte 4 on, are `2x3@4`, separated by spaces. `?`
  /// where that is not defined.
  std::string_view words;
  uint32_t rowBytes = 0; ///< Of a word that each row begins with.
};

/// Whether llama.cpp runs weights of the type: not what only activations have,
/// nor the types of programs that are made from it.
bool isOfLlamaCpp(const GgmlType &type);

/// Words of a block that lie side by side.
struct GgmlWords {
  uint32_t firstByte, bytes, count;
};

/// Those of `words`; nothing where they are not defined.
std::optional<std::vector<GgmlWords>> wordsOfBlock(const GgmlType &type);

/// All types, by rising id.
std::span<const GgmlType> ggmlTypes();

/// The type of that number or name; null when there is none.
const GgmlType *findGgmlType(uint32_t id);
const GgmlType *findGgmlType(std::string_view name);

/// The bytes of a tensor of that type, whose innermost dimension is whole
/// blocks; nothing where they do not fit 63 bits.
std::optional<uint64_t> bytesOfTensor(const GgmlType &type,
                                      std::span<const int64_t> shape);

/// `f32 (0), f16 (1), ...`, for messages.
std::string listGgmlTypes();

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_GGMLTYPES_H
