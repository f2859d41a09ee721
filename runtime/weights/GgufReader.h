//===- GgufReader.h - One GGUF part, read and checked ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the header of one GGUF file from memory and checks everything that it
// says against the bytes that are there, since files come from strangers: no
// count is believed before it is known to fit. Parts of a split file are joined
// in Gguf.cpp; the data of tensors is never touched.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_GGUFREADER_H
#define RLX_RUNTIME_WEIGHTS_GGUFREADER_H

#include "runtime/Status.h"
#include "runtime/weights/GgufValue.h"
#include "runtime/weights/WeightFile.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

/// The content of one part.
struct GgufPart {
  uint32_t version = 0;
  uint64_t alignment = 0;   ///< In bytes.
  uint64_t dataOffset = 0;  ///< Where the data of tensors begins, in bytes.
  bool isBigEndian = false; ///< Its numbers, those of tensors too.
  std::vector<GgufEntry> metadata;
  std::vector<WeightEntry> tensors; ///< Their bytes point into the file's.

  /// The value of that key; null when there is none.
  const GgufValue *find(std::string_view key) const;
};

/// Whether a file that begins with these bytes claims to be a GGUF file.
bool isGguf(std::span<const std::byte> bytes);

/// Reads the part that is all of `bytes`; `file` names it in messages and in
/// the tensors.
Result<GgufPart> readGgufPart(const std::string &file,
                              std::span<const std::byte> bytes);

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_GGUFREADER_H
