//===- SafetensorsReader.cpp - One safetensors file, read and checked -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The format: a length as u64, so many bytes of JSON, which may end in spaces,
// then the data. The JSON is an object that has for each tensor its dtype, its
// shape with the outermost dimension first and the range of its bytes, counted
// from the begin of the data. Ranges follow each other without holes up to the
// end of the file. Nothing is aligned.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/SafetensorsReader.h"

#include "runtime/JsonCursor.h"
#include "runtime/Tensor.h"
#include "runtime/Text.h"
#include "runtime/weights/SafetensorsTypes.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <unordered_map>

namespace rlx {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are copied as they are in the file");

constexpr uint64_t lengthBytes = 8;
constexpr std::string_view metadataName = "__metadata__";
/// More than any tensor needs; the header is a stranger's.
constexpr size_t maxDims = 64;

uint64_t headerLength(std::span<const std::byte> bytes) {
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), lengthBytes);
  return length;
}

/// The JSON text of a file.
Result<std::string_view> findHeader(const std::string &file,
                                    std::span<const std::byte> bytes) {
  if (bytes.size() < lengthBytes)
    return errorf("'{}': truncated: the length of the header at offset 0 needs "
                  "{} bytes, but the file has {}",
                  file, lengthBytes, bytes.size());
  uint64_t length = headerLength(bytes);
  if (length > maxSafetensorsHeader)
    return errorf("'{}': the length of the header at offset 0 is {} bytes, "
                  "expected at most {}",
                  file, length, maxSafetensorsHeader);
  if (length > bytes.size() - lengthBytes)
    return errorf("'{}': truncated: the header at offset {} has {} bytes, but "
                  "the file ends at offset {}",
                  file, lengthBytes, length, bytes.size());
  std::string_view header(
      reinterpret_cast<const char *>(bytes.data()) + lengthBytes, length);
  if (!header.starts_with('{'))
    return errorf("'{}': expected the header to begin with '{{' at offset {}, "
                  "got {}",
                  file, lengthBytes, quoted(header.substr(0, 1)));
  return header;
}

class HeaderReader {
public:
  HeaderReader(const std::string &file, std::span<const std::byte> bytes,
               std::string_view header)
      : file(file), bytes(bytes), cursor(file, header, lengthBytes) {
    part.dataOffset = lengthBytes + header.size();
  }

  Result<SafetensorsPart> read() {
    if (Status status = readHeader(); !status)
      return status;
    if (Status status = checkRanges(); !status)
      return status;
    return std::move(part);
  }

private:
  /// What a header says of where a tensor lies.
  struct Range {
    uint64_t infoOffset; ///< Where its description begins in the file.
    int64_t begin, end;  ///< Counted from the data.
  };

  Status readHeader();
  Status readMetadata();
  Status readTensor(std::string name, uint64_t start);
  Status readDescription(WeightEntry &tensor, Range &range);
  Status readShape(std::vector<int64_t> &shape);
  Status readRange(Range &range);
  Status measure(WeightEntry &tensor, const Range &range) const;
  Status checkRanges();

  const std::string &file;
  std::span<const std::byte> bytes;
  JsonCursor cursor;
  SafetensorsPart part;
  std::vector<Range> ranges; ///< Parallel to part.tensors.
  std::unordered_map<std::string, uint64_t> usedNames; ///< With where.
};

Status HeaderReader::readHeader() {
  if (Status status = cursor.beginObject("the header"); !status)
    return status;
  while (true) {
    std::string name;
    Result<bool> follows = cursor.nextMember(name);
    if (!follows)
      return follows.status();
    if (!*follows)
      return cursor.finish();
    uint64_t start = cursor.nameOffset();
    auto [earlier, isNew] = usedNames.try_emplace(name, start);
    if (!isNew)
      return errorf("'{}': {} at offset {} is a duplicate of the one at offset "
                    "{}, expected each name once",
                    file, quoted(name), start, earlier->second);
    if (Status status = name == metadataName
                            ? readMetadata()
                            : readTensor(std::move(name), start);
        !status)
      return status;
  }
}

Status HeaderReader::readMetadata() {
  if (Status status = cursor.beginObject("'__metadata__'"); !status)
    return status;
  std::unordered_map<std::string, uint64_t> usedKeys;
  while (true) {
    std::string key, value;
    Result<bool> follows = cursor.nextMember(key);
    if (!follows || !*follows)
      return follows.status();
    uint64_t start = cursor.nameOffset();
    auto [earlier, isNew] = usedKeys.try_emplace(key, start);
    if (!isNew)
      return errorf("'{}': metadata key {} at offset {} is a duplicate of the "
                    "one at offset {}, expected each key once",
                    file, quoted(key), start, earlier->second);
    if (Status status = cursor.readString(
            value, fmt::format("metadata key {}", quoted(key)));
        !status)
      return status;
    part.metadata.emplace_back(std::move(key), std::move(value));
  }
}

Status HeaderReader::readTensor(std::string name, uint64_t start) {
  if (name.empty())
    return errorf("'{}': the tensor at offset {} has an empty name", file,
                  start);
  WeightEntry tensor;
  tensor.name = std::move(name);
  tensor.container = WeightContainer::safetensors;
  tensor.file = file;
  Range range{start, 0, 0};
  if (Status status = readDescription(tensor, range); !status)
    return status;
  if (Status status = measure(tensor, range); !status)
    return status;
  part.tensors.push_back(std::move(tensor));
  ranges.push_back(range);
  return {};
}

Status HeaderReader::readDescription(WeightEntry &tensor, Range &range) {
  std::string what = fmt::format("tensor {}", quoted(tensor.name));
  if (Status status = cursor.beginObject(what); !status)
    return status;
  enum { dtype = 1, shape = 2, offsets = 4, all = 7 };
  unsigned seen = 0;
  while (true) {
    std::string key;
    Result<bool> follows = cursor.nextMember(key);
    if (!follows)
      return follows.status();
    if (!*follows)
      break;
    uint64_t start = cursor.nameOffset();
    unsigned found = key == "dtype"          ? dtype
                     : key == "shape"        ? shape
                     : key == "data_offsets" ? offsets
                                             : 0;
    if (!found || (seen & found))
      return errorf("'{}': {} of {} at offset {} is {}, expected 'dtype', "
                    "'shape' and 'data_offsets', each once",
                    file, quoted(key), what, start,
                    found ? "a duplicate" : "unknown");
    seen |= found;
    Status status = found == dtype   ? cursor.readString(tensor.type, "'dtype'")
                    : found == shape ? readShape(tensor.shape)
                                     : readRange(range);
    if (!status)
      return status;
  }
  if (seen != all)
    return errorf("'{}': {} at offset {} has no {}, expected 'dtype', 'shape' "
                  "and 'data_offsets'",
                  file, what, range.infoOffset,
                  !(seen & dtype)   ? "'dtype'"
                  : !(seen & shape) ? "'shape'"
                                    : "'data_offsets'");
  return {};
}

Status HeaderReader::readShape(std::vector<int64_t> &shape) {
  if (Status status = cursor.beginArray("'shape'"); !status)
    return status;
  while (true) {
    Result<bool> follows = cursor.nextItem();
    if (!follows || !*follows)
      return follows.status();
    if (shape.size() == maxDims)
      return errorf("'{}': the shape at offset {} has more than {} dimensions",
                    file, cursor.offset(), maxDims);
    if (Status status =
            cursor.readInteger(shape.emplace_back(), 0, "a dimension");
        !status)
      return status;
  }
}

Status HeaderReader::readRange(Range &range) {
  uint64_t start = cursor.offset();
  if (Status status = cursor.beginArray("'data_offsets'"); !status)
    return status;
  int count = 0;
  while (true) {
    Result<bool> follows = cursor.nextItem();
    if (!follows)
      return follows.status();
    if (*follows && count < 2) {
      if (Status status = cursor.readInteger(count ? range.end : range.begin, 0,
                                             "an offset of data");
          !status)
        return status;
      ++count;
      continue;
    }
    if (*follows || count < 2)
      return errorf("'{}': 'data_offsets' at offset {} has {} numbers, "
                    "expected two",
                    file, start, *follows ? "more than two" : "fewer than two");
    return {};
  }
}

/// Whether the range is as long as type and shape say, and what there is to say
/// of the type.
Status HeaderReader::measure(WeightEntry &tensor, const Range &range) const {
  std::string what = fmt::format("tensor {} at offset {}", quoted(tensor.name),
                                 range.infoOffset);
  uint64_t available = bytes.size() - part.dataOffset;
  if (range.begin > range.end || static_cast<uint64_t>(range.end) > available)
    return errorf("'{}': {} has bytes {} to {} of the data, expected a range "
                  "in the {} bytes that follow from offset {}; the file is "
                  "truncated or damaged",
                  file, what, range.begin, range.end, available,
                  part.dataOffset);
  uint64_t size = static_cast<uint64_t>(range.end - range.begin);
  tensor.offset = part.dataOffset + static_cast<uint64_t>(range.begin);
  const SafetensorsType *type = findSafetensorsType(tensor.type);
  if (!type) {
    // Who asks for it is told; the other tensors are as good as ever.
    tensor.problem =
        fmt::format("has dtype {}, which RLX does not know; known types are {}",
                    quoted(tensor.type), listSafetensorsTypes());
    return {};
  }
  tensor.element = type->element;
  std::optional<int64_t> count = countElements(tensor.shape);
  int64_t bits = 0;
  if (!count || __builtin_mul_overflow(*count, int64_t{type->bits}, &bits))
    return errorf("'{}': {} with type {} and shape {} is too large: its size "
                  "in bits does not fit in 63 bits",
                  file, what, type->name, describeShape(tensor.shape));
  if (bits % 8 != 0)
    return errorf("'{}': {} with type {} and shape {} has {} bits, expected "
                  "whole bytes",
                  file, what, type->name, describeShape(tensor.shape), bits);
  if (static_cast<uint64_t>(bits) / 8 != size)
    return errorf("'{}': {} with type {} and shape {} has {} bytes, but its "
                  "range of the data, {} to {}, has {}",
                  file, what, type->name, describeShape(tensor.shape), bits / 8,
                  range.begin, range.end, size);
  tensor.bytes = bytes.subspan(tensor.offset, size);
  return {};
}

Status HeaderReader::checkRanges() {
  std::vector<size_t> order(ranges.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) {
    return std::pair(ranges[i].begin, ranges[i].end);
  });
  int64_t covered = 0;
  const std::string *before = nullptr;
  for (size_t i : order) {
    const std::string &name = part.tensors[i].name;
    if (ranges[i].begin < covered)
      return errorf("'{}': tensors {} and {} overlap, expected each byte to "
                    "belong to one tensor, but {} begins at byte {} of the "
                    "data and {} ends at byte {}",
                    file, quoted(*before), quoted(name), quoted(name),
                    ranges[i].begin, quoted(*before), covered);
    if (ranges[i].begin > covered)
      return errorf("'{}': bytes {} to {} of the data, before tensor {}, "
                    "belong to no tensor, expected ranges without holes",
                    file, covered, ranges[i].begin, quoted(name));
    covered = ranges[i].end;
    before = &name;
  }
  uint64_t available = bytes.size() - part.dataOffset;
  if (static_cast<uint64_t>(covered) != available)
    return errorf("'{}': {} bytes at the end of the file belong to no tensor, "
                  "expected the file to end at offset {}",
                  file, available - static_cast<uint64_t>(covered),
                  part.dataOffset + static_cast<uint64_t>(covered));
  return {};
}

} // namespace

bool isSafetensors(std::span<const std::byte> bytes) {
  return bytes.size() > lengthBytes &&
         headerLength(bytes) <= maxSafetensorsHeader &&
         bytes[lengthBytes] == std::byte{'{'};
}

Result<SafetensorsPart> readSafetensorsPart(const std::string &file,
                                            std::span<const std::byte> bytes) {
  Result<std::string_view> header = findHeader(file, bytes);
  if (!header)
    return header.status();
  return HeaderReader(file, bytes, *header).read();
}

} // namespace rlx
