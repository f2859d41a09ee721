//===- Gguf.h - GGUF files as weight files --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens GGUF files of version 1 to 3, whole or split in parts, and offers their
// weights and their metadata. Big-endian tensors are copied to memory, with
// their numbers turned. One part is read by GgufReader.h; this adds
// the mapping and the joining of parts. What a metadata key means (heads,
// layers, tokens) is left to who asks for it.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_GGUF_H
#define RLX_RUNTIME_WEIGHTS_GGUF_H

#include "runtime/MappedFile.h"
#include "runtime/weights/GgufValue.h"
#include "runtime/weights/WeightFile.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

class GgufFile final : public WeightFile {
public:
  /// Opens and checks a file; nothing of the weights themselves is read. The
  /// first of several parts (`name-00001-of-00003.gguf`) opens them all. Errors
  /// name the file and the offset of the byte where it went wrong.
  static Result<std::unique_ptr<GgufFile>> open(const std::string &path);

  /// The same for a file that is mapped already.
  static Result<std::unique_ptr<GgufFile>>
  open(std::shared_ptr<MappedFile> file);

  /// Keys and values in the order of the file; those of the first part when
  /// there are several.
  std::span<const GgufEntry> metadata() const { return keys; }

  /// The value of that key; null when there is none.
  const GgufValue *findMetadata(std::string_view key) const;

  /// The version of the container, 1 to 3.
  uint32_t version() const { return formatVersion; }

  /// In bytes: what the offsets of all tensors are a multiple of.
  uint64_t alignment() const { return dataAlignment; }

  /// The mapped files: one, or as many as there are parts.
  std::span<const std::shared_ptr<MappedFile>> files() const { return parts; }

  WeightContainer container() const override { return WeightContainer::gguf; }
  void release(const WeightEntry &entry) const override;
  Status checkUnchanged() const override;

private:
  explicit GgufFile(std::string path) : WeightFile(std::move(path)) {}

  std::vector<std::shared_ptr<MappedFile>> parts;
  std::vector<Tensor> turned; ///< Big-endian tensors as this machine has them.
  std::vector<GgufEntry> keys;
  uint32_t formatVersion = 0;
  uint64_t dataAlignment = 0;
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_GGUF_H
