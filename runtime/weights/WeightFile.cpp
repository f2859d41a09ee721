//===- WeightFile.cpp - Named weights in a file ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The index of names, and the one place that knows which containers there are.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/WeightFile.h"

#include "runtime/MappedFile.h"
#include "runtime/Text.h"
#include "runtime/weights/CheckpointMatcher.h"
#include "runtime/weights/Gguf.h"
#include "runtime/weights/GgufReader.h"
#include "runtime/weights/Safetensors.h"

#include <algorithm>
#include <utility>

namespace rlx {

WeightFile::~WeightFile() = default;

std::string_view containerName(WeightContainer container) {
  constexpr std::string_view names[] = {"GGUF", "safetensors", "npy"};
  return names[static_cast<size_t>(container)];
}

Status WeightFile::setEntries(std::vector<WeightEntry> entries) {
  weights = std::move(entries);
  indexByName.clear();
  indexByName.reserve(weights.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    auto [first, isNew] = indexByName.try_emplace(weights[i].name, i);
    if (isNew)
      continue;
    const WeightEntry &earlier = weights[first->second];
    return errorf(
        "'{}': tensor {} at offset {} is a duplicate: the name was "
        "used for the tensor at offset {} of '{}', expected each name "
        "once",
        weights[i].file, quoted(weights[i].name), weights[i].offset,
        earlier.offset, earlier.file);
  }
  return {};
}

void WeightFile::releasePart(const WeightEntry &entry, uint64_t begin,
                             uint64_t size) const {
  WeightEntry part = entry;
  begin = std::min<uint64_t>(begin, entry.bytes.size());
  part.bytes = entry.bytes.subspan(
      begin, std::min<uint64_t>(size, entry.bytes.size() - begin));
  part.offset += begin;
  release(part);
}

const WeightEntry *WeightFile::find(std::string_view name) const {
  auto found = indexByName.find(name);
  return found == indexByName.end() ? nullptr : &weights[found->second];
}

const LogicalWeight *WeightFile::findLogical(std::string_view name) const {
  auto found = logicalByName.find(name);
  return found == logicalByName.end() ? nullptr : &logical[found->second];
}

void WeightFile::setLogicalWeights(std::vector<LogicalWeight> weights) {
  logical = std::move(weights);
  logicalByName.clear();
  for (size_t i = 0; i < logical.size(); ++i) // the first one of a name
    logicalByName.try_emplace(logical[i].name, i);
}

std::vector<std::string> WeightFile::nearestNames(std::string_view name,
                                                  size_t count) const {
  std::vector<const std::string *> all;
  for (const WeightEntry &entry : weights)
    all.push_back(&entry.name);
  for (const LogicalWeight &weight : logical)
    if (!find(weight.name))
      all.push_back(&weight.name);
  std::vector<std::pair<size_t, size_t>> byDistance; // distance, index
  for (size_t i = 0; i < all.size(); ++i)
    byDistance.emplace_back(editDistance(name, *all[i]), i);
  count = std::min(count, byDistance.size());
  std::ranges::partial_sort(byDistance, byDistance.begin() + count);
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i)
    names.push_back(*all[byDistance[i].second]);
  return names;
}

Result<std::unique_ptr<WeightFile>> openWeightFile(const std::string &path) {
  Result<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.status();
  std::span<const std::byte> bytes = (*file)->bytes();
  if (isGguf(bytes)) {
    Result<std::unique_ptr<GgufFile>> gguf = GgufFile::open(file.take());
    if (!gguf)
      return gguf.status();
    (*gguf)->setLogicalWeights(findLogicalWeights(**gguf, JsonValue()));
    return gguf.take();
  }
  if (isSafetensors(bytes) || isSafetensorsIndex(path)) {
    Result<std::unique_ptr<SafetensorsFile>> opened =
        SafetensorsFile::open(file.take());
    if (!opened)
      return opened.status();
    Result<JsonValue> config = readCheckpointConfig(path);
    if (!config)
      return config.status();
    (*opened)->setLogicalWeights(findLogicalWeights(**opened, *config));
    return opened.take();
  }
  std::string_view start(reinterpret_cast<const char *>(bytes.data()),
                         std::min<size_t>(bytes.size(), 4));
  return errorf("'{}': the file begins with {}, which is no known weight "
                "format; expected 'GGUF' at offset 0, the length of a header "
                "and '{{' at offset 8 (safetensors), or a name that ends with "
                "'.index.json'",
                path, quoted(start));
}

} // namespace rlx
