//===- SafetensorsReader.h - One safetensors file, read and checked -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the header of one safetensors file from memory and checks everything
// that it says against the bytes that are there, since files come from
// strangers. Shards are joined in Safetensors.cpp; the data of tensors is never
// touched.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_SAFETENSORSREADER_H
#define RLX_RUNTIME_WEIGHTS_SAFETENSORSREADER_H

#include "runtime/Status.h"
#include "runtime/weights/WeightFile.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace rlx {

/// Keys and values of `__metadata__`, in the order of the file.
using SafetensorsMetadata = std::vector<std::pair<std::string, std::string>>;

/// The content of one file.
struct SafetensorsPart {
  uint64_t dataOffset = 0; ///< Where the data of tensors begins, in bytes.
  SafetensorsMetadata metadata;
  std::vector<WeightEntry> tensors; ///< Their bytes point into the file's.
};

/// The longest header that the format allows, in bytes.
inline constexpr uint64_t maxSafetensorsHeader = 100'000'000;

/// Whether a file that begins with these bytes may be a safetensors file: the
/// length of a header, and the brace that it begins with.
bool isSafetensors(std::span<const std::byte> bytes);

/// Reads the file that is all of `bytes`; `file` names it in messages and in
/// the tensors. A tensor of an unknown type has a problem and no bytes. Errors:
/// a header that is longer than the file or than allowed, that is no JSON of
/// that form, has names twice, sizes that do not fit their types and shapes,
/// bytes that belong to two tensors or to none.
Result<SafetensorsPart> readSafetensorsPart(const std::string &file,
                                            std::span<const std::byte> bytes);

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_SAFETENSORSREADER_H
