//===- Safetensors.cpp - safetensors files as weight files ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An index is JSON: `{"metadata": {...}, "weight_map": {tensor: file}}`. Files
// lie in its folder. A shard may hold tensors that the index does not name;
// they are not offered, but known by their names. A tensor is in one shard.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/Safetensors.h"

#include "runtime/Json.h"
#include "runtime/Text.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

namespace rlx {
namespace {

constexpr std::string_view indexEnd = ".index.json";

std::string folderOf(const std::string &path) {
  return path.substr(0, path.find_last_of('/') + 1);
}

/// Shards in the order in which an index first names them, and which tensors
/// are in which.
struct Index {
  std::vector<std::string> files;
  std::unordered_map<std::string, size_t> fileOfTensor;
};

Result<Index> readIndex(const MappedFile &file) {
  std::span<const std::byte> bytes = file.bytes();
  Result<JsonValue> json = JsonValue::parse(
      file.path(),
      {reinterpret_cast<const char *>(bytes.data()), bytes.size()});
  if (!json)
    return json.status();
  const JsonValue *map = json->find("weight_map");
  if (!map || !map->asObject())
    return errorf("'{}': expected an object 'weight_map' that names the file "
                  "of each tensor, got {}",
                  file.path(), map ? map->describe() : "none");
  Index index;
  std::unordered_map<std::string, size_t> known;
  for (const JsonMember &member : *map->asObject()) {
    const std::string *name = member.value.asString();
    // A stranger's index leads to no other folder.
    bool isPlain = name && !name->empty() && *name != "." && *name != ".." &&
                   name->find('/') == std::string::npos &&
                   name->find('\0') == std::string::npos;
    if (!isPlain)
      return errorf("'{}': the file of tensor {} is {}, expected the name of a "
                    "file in the same folder",
                    file.path(), quoted(member.name), member.value.describe());
    auto [found, isNew] = known.try_emplace(*name, index.files.size());
    if (isNew)
      index.files.push_back(*name);
    index.fileOfTensor.emplace(member.name, found->second);
  }
  return index;
}

} // namespace

bool isSafetensorsIndex(std::string_view path) {
  return path.ends_with(indexEnd);
}

Result<std::unique_ptr<SafetensorsFile>>
SafetensorsFile::open(const std::string &path) {
  Result<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.status();
  return open(file.take());
}

Result<std::unique_ptr<SafetensorsFile>>
SafetensorsFile::open(std::shared_ptr<MappedFile> file) {
  std::unique_ptr<SafetensorsFile> result(new SafetensorsFile(file->path()));
  if (isSafetensorsIndex(file->path())) {
    if (Status status = result->addShards(*file); !status)
      return status;
    return result;
  }
  Result<SafetensorsPart> part =
      readSafetensorsPart(file->path(), file->bytes());
  if (!part)
    return part.status();
  result->keys = std::move(part->metadata);
  result->shards.push_back(std::move(file));
  if (Status status = result->setEntries(std::move(part->tensors)); !status)
    return status;
  return result;
}

Status SafetensorsFile::addShards(const MappedFile &index) {
  Result<Index> shardIndex = readIndex(index);
  if (!shardIndex)
    return shardIndex.status();
  const std::string folder = folderOf(index.path());
  std::vector<WeightEntry> tensors;
  std::unordered_map<std::string, size_t> shardOf;
  for (size_t i = 0; i < shardIndex->files.size(); ++i) {
    Result<std::shared_ptr<MappedFile>> file =
        MappedFile::open(folder + shardIndex->files[i]);
    if (!file)
      return errorf("{} (which '{}' names)", file.message(), index.path());
    Result<SafetensorsPart> part =
        readSafetensorsPart((*file)->path(), (*file)->bytes());
    if (!part)
      return part.status();
    for (WeightEntry &tensor : part->tensors) {
      auto found = shardIndex->fileOfTensor.find(tensor.name);
      auto [first, isNew] = shardOf.try_emplace(tensor.name, i);
      if (!isNew)
        return errorf("'{}': tensor {} is in '{}' and in '{}', expected each "
                      "tensor to be in one file",
                      index.path(), quoted(tensor.name),
                      shardIndex->files[first->second], shardIndex->files[i]);
      if (found == shardIndex->fileOfTensor.end())
        others.push_back(tensor.name);
      if (found == shardIndex->fileOfTensor.end() || found->second != i)
        continue;
      shardIndex->fileOfTensor.erase(found);
      tensors.push_back(std::move(tensor));
    }
    std::ranges::move(part->metadata, std::back_inserter(keys));
    shards.push_back(file.take());
  }
  if (!shardIndex->fileOfTensor.empty()) {
    // The same one each time, whatever the order of the map.
    auto missing =
        std::ranges::min_element(shardIndex->fileOfTensor, {},
                                 [](const auto &entry) { return entry.first; });
    return errorf("'{}': tensor {} is not in '{}', expected each tensor to be "
                  "in the file that the index names",
                  index.path(), quoted(missing->first),
                  folder + shardIndex->files[missing->second]);
  }
  return setEntries(std::move(tensors));
}

const std::string *SafetensorsFile::findMetadata(std::string_view key) const {
  auto found = std::ranges::find(keys, key, [](const auto &entry) {
    return std::string_view(entry.first);
  });
  return found == keys.end() ? nullptr : &found->second;
}

Status SafetensorsFile::checkUnchanged() const {
  for (const std::shared_ptr<MappedFile> &shard : shards)
    if (Status status = shard->checkUnchanged(); !status)
      return status;
  return {};
}

void SafetensorsFile::release(const WeightEntry &entry) const {
  auto begin = [](const MappedFile &file) {
    return reinterpret_cast<uintptr_t>(file.bytes().data());
  };
  uintptr_t address = reinterpret_cast<uintptr_t>(entry.bytes.data());
  for (const std::shared_ptr<MappedFile> &shard : shards)
    if (address >= begin(*shard) &&
        address - begin(*shard) < shard->bytes().size())
      return shard->release(address - begin(*shard), entry.bytes.size());
}

} // namespace rlx
