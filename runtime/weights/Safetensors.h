//===- Safetensors.h - safetensors files as weight files ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens a safetensors file, or the shards that an index names
// (`model.safetensors.index.json`), and offers their tensors and metadata. One
// file is read by SafetensorsReader.h; this adds the mapping and the joining.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_SAFETENSORS_H
#define RLX_RUNTIME_WEIGHTS_SAFETENSORS_H

#include "runtime/MappedFile.h"
#include "runtime/weights/SafetensorsReader.h"

#include <memory>

namespace rlx {

class SafetensorsFile final : public WeightFile {
public:
  /// Opens and checks a file, or an index and its shards; nothing of the
  /// weights themselves is read. Errors name the file and where it went wrong.
  static Result<std::unique_ptr<SafetensorsFile>> open(const std::string &path);
  /// The same for a file that is mapped already.
  static Result<std::unique_ptr<SafetensorsFile>>
  open(std::shared_ptr<MappedFile> file);

  /// Keys and values in the order of the files.
  const SafetensorsMetadata &metadata() const { return keys; }
  /// The value of that key; null when there is none.
  const std::string *findMetadata(std::string_view key) const;

  /// The mapped files: one, or as many as there are shards.
  std::span<const std::shared_ptr<MappedFile>> files() const { return shards; }

  /// Tensors of shards that the index does not name: they are not offered.
  std::span<const std::string> unnamed() const { return others; }

  WeightContainer container() const override {
    return WeightContainer::safetensors;
  }
  void release(const WeightEntry &entry) const override;
  Status checkUnchanged() const override;

private:
  explicit SafetensorsFile(std::string path) : WeightFile(std::move(path)) {}
  Status addShards(const MappedFile &index);

  std::vector<std::shared_ptr<MappedFile>> shards;
  SafetensorsMetadata keys;
  std::vector<std::string> others;
};

/// Whether a path names an index of shards.
bool isSafetensorsIndex(std::string_view path);

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_SAFETENSORS_H
