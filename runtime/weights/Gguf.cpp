//===- Gguf.cpp - GGUF files as weight files ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of a split model are `<stem>-00001-of-00003.gguf` and so on; each
// says its number and the count, the first also how many tensors there are in
// all. The names are derived from the first part's, never searched for.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/Gguf.h"

#include "runtime/weights/GgufByteOrder.h"
#include "runtime/weights/GgufReader.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace rlx {
namespace {

/// What a part says of the whole it belongs to. Numbers count from 0.
struct SplitInfo {
  int64_t number = 0;
  int64_t count = 1;
  std::optional<int64_t> numTensors; ///< Of all parts.
};

/// Reads one key of SplitInfo; leaves `value` alone when it is absent.
Status readSplitKey(const std::string &file, const GgufPart &part,
                    std::string_view key, int64_t least, int64_t most,
                    std::optional<int64_t> &value) {
  const GgufValue *found = part.find(key);
  if (!found)
    return {};
  std::optional<int64_t> integer = found->asInteger();
  if (!integer || *integer < least || *integer > most)
    return errorf(
        "'{}': metadata key '{}' is {}, expected an integer from {} to "
        "{}",
        file, key, found->describe(), least, most);
  value = integer;
  return {};
}

Result<SplitInfo> readSplitInfo(const std::string &file, const GgufPart &part) {
  std::optional<int64_t> number, count;
  SplitInfo info;
  constexpr int64_t most = UINT16_MAX; // split.no and split.count are u16
  Status status = readSplitKey(file, part, "split.no", 0, most, number);
  if (status)
    status = readSplitKey(file, part, "split.count", 0, most, count);
  if (status)
    status = readSplitKey(file, part, "split.tensors.count", 0, INT64_MAX,
                          info.numTensors);
  if (!status)
    return status;
  // Files that never were split may carry zeros.
  info.number = number.value_or(0);
  info.count = std::max<int64_t>(count.value_or(1), 1);
  if (info.number >= info.count)
    return errorf("'{}': metadata key 'split.no' is {}, expected less than "
                  "'split.count', which is {}",
                  file, info.number, info.count);
  return info;
}

/// `-00001-of-00003.gguf`
std::string partSuffix(int64_t number, int64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

/// Checks that a further part says what the first one promised.
Status checkFurtherPart(const std::string &file, const GgufPart &part,
                        int64_t number, int64_t count) {
  Result<SplitInfo> info = readSplitInfo(file, part);
  if (!info)
    return info.status();
  if (info->number != number || info->count != count)
    return errorf(
        "'{}' says that it is part {} of {} (metadata keys 'split.no' "
        "and 'split.count'), expected part {} of {}",
        file, info->number + 1, info->count, number + 1, count);
  return {};
}

} // namespace

Result<std::unique_ptr<GgufFile>> GgufFile::open(const std::string &path) {
  Result<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.status();
  return open(file.take());
}

Result<std::unique_ptr<GgufFile>>
GgufFile::open(std::shared_ptr<MappedFile> first) {
  const std::string &path = first->path();
  Result<GgufPart> part = readGgufPart(path, first->bytes());
  if (!part)
    return part.status();
  Result<SplitInfo> split = readSplitInfo(path, *part);
  if (!split)
    return split.status();

  std::unique_ptr<GgufFile> result(new GgufFile(path));
  result->keys = std::move(part->metadata);
  result->formatVersion = part->version;
  result->dataAlignment = part->alignment;
  result->parts.push_back(first);
  if (part->isBigEndian)
    if (Status status = turnBytes(*part, result->turned); !status)
      return status;
  std::vector<WeightEntry> tensors = std::move(part->tensors);

  if (split->count > 1) {
    std::string suffix = partSuffix(split->number, split->count);
    if (!path.ends_with(suffix))
      return errorf(
          "'{}' is part {} of {}, expected a name that ends with '{}'; "
          "give all parts their original names",
          path, split->number + 1, split->count, suffix);
    std::string stem = path.substr(0, path.size() - suffix.size());
    if (split->number != 0)
      return errorf(
          "'{}' is part {} of {}, expected the first part; open '{}{}'", path,
          split->number + 1, split->count, stem, partSuffix(0, split->count));
    for (int64_t i = 1; i < split->count; ++i) {
      Result<std::shared_ptr<MappedFile>> file =
          MappedFile::open(stem + partSuffix(i, split->count));
      if (!file)
        return errorf("{} (part {} of {} of '{}')", file.message(), i + 1,
                      split->count, path);
      const std::string &name = (*file)->path();
      Result<GgufPart> further = readGgufPart(name, (*file)->bytes());
      if (!further)
        return further.status();
      if (Status status = checkFurtherPart(name, *further, i, split->count);
          !status)
        return status;
      if (further->isBigEndian)
        if (Status turned = turnBytes(*further, result->turned); !turned)
          return turned;
      std::ranges::move(further->tensors, std::back_inserter(tensors));
      result->parts.push_back(file.take());
    }
  }
  // A count of zero is what files that were never split may carry.
  if (split->numTensors.value_or(0) != 0 &&
      *split->numTensors != static_cast<int64_t>(tensors.size()))
    return errorf("'{}': metadata key 'split.tensors.count' is {}, but the {} "
                  "part{} found hold {} tensors",
                  path, *split->numTensors, split->count,
                  split->count == 1 ? "" : "s", tensors.size());
  if (Status status = result->setEntries(std::move(tensors)); !status)
    return status;
  return result;
}

const GgufValue *GgufFile::findMetadata(std::string_view key) const {
  auto found = std::ranges::find(keys, key, &GgufEntry::key);
  return found == keys.end() ? nullptr : &found->value;
}

Status GgufFile::checkUnchanged() const {
  for (const std::shared_ptr<MappedFile> &part : parts)
    if (Status status = part->checkUnchanged(); !status)
      return status;
  return {};
}

void GgufFile::release(const WeightEntry &entry) const {
  // Found by address: two parts may have been given the same path.
  const std::byte *begin = entry.bytes.data();
  for (const std::shared_ptr<MappedFile> &part : parts) {
    std::span<const std::byte> all = part->bytes();
    if (std::less_equal<>()(all.data(), begin) &&
        std::less<>()(begin, all.data() + all.size()))
      part->release(static_cast<uint64_t>(begin - all.data()),
                    entry.bytes.size());
  }
}

} // namespace rlx
