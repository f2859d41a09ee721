//===- GgufReader.cpp - One GGUF part, read and checked -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each count is compared with the bytes that remain before memory is asked for,
// each size is computed with checked arithmetic, and each error says at which
// byte. The layout is that of GGUF's specification (ggml/docs/gguf.md); where
// ggml's reader is stricter than needed (order and gaps of tensors), this one
// is tolerant.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/GgufReader.h"

#include "runtime/Tensor.h"
#include "runtime/Text.h"
#include "runtime/weights/GgmlTypes.h"
#include "runtime/weights/GgufCursor.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace rlx {
namespace {

constexpr std::string_view magic = "GGUF";
constexpr uint64_t defaultAlignment = 32;
/// A huge page. More would be a mistake or an attack.
constexpr uint64_t maxAlignment = uint64_t{2} << 20;
constexpr uint32_t maxDims = 4;
/// Of an array. Vocabularies have less than a hundredth of it; see also
/// GgufCursor's bound for strings.
constexpr uint64_t maxItems = uint64_t{1} << 26;
/// For how many things memory is asked for at once, before any was seen.
constexpr uint64_t maxReserved = 4096;

/// The least that an entry takes in the file: what a count is checked against.
// Beside the length of a name.
constexpr uint64_t minKeyBytes = 4 + 1;        // type, value
constexpr uint64_t minTensorBytes = 4 + 4 + 8; // rank, type, offset

/// Reads one part.
class PartReader {
public:
  PartReader(const std::string &file, std::span<const std::byte> bytes)
      : file(file), bytes(bytes), cursor(file, bytes) {}

  Result<GgufPart> read() {
    if (Status status = readHeader(); !status)
      return status;
    for (uint64_t i = 0; i < numKeys; ++i)
      if (Status status = readKey(i); !status)
        return status;
    if (Status status = readAlignment(); !status)
      return status;
    for (uint64_t i = 0; i < numTensors; ++i)
      if (Status status = readTensor(i); !status)
        return status;
    // The end of the header is within the file, so this does not wrap.
    uint64_t mask = part.alignment - 1;
    part.dataOffset = (cursor.offset() + mask) & ~mask;
    if (Status status = placeTensors(); !status)
      return status;
    return std::move(part);
  }

private:
  /// What is needed of a tensor until its place is known.
  struct Placement {
    uint64_t infoOffset; ///< Where its description begins in the file.
    uint64_t relativeOffset;
    uint64_t size;
  };

  Status readHeader();
  Status readKey(uint64_t index);
  Status readValue(uint32_t type, GgufValue &value, std::string_view what,
                   uint64_t typeOffset);
  Status readArray(GgufArray &array, std::string_view what);
  Status readAlignment();
  Status readTensor(uint64_t index);
  Status readShape(std::vector<int64_t> &shape, std::string_view what);
  Status measure(const WeightEntry &tensor, const GgmlType &type,
                 std::string_view what, uint64_t infoOffset,
                 uint64_t &size) const;
  Status placeTensors();
  Status checkOverlaps() const;

  const std::string &file;
  std::span<const std::byte> bytes;
  GgufCursor cursor;
  GgufPart part;
  uint64_t numTensors = 0;
  uint64_t numKeys = 0;
  uint64_t alignmentKeyOffset = 0;
  std::vector<Placement> placements; ///< Parallel to part.tensors.
  /// Names and keys that were used, with where.
  std::unordered_map<std::string, uint64_t> usedKeys, usedNames;
};

Status PartReader::readHeader() {
  if (!isGguf(bytes))
    return errorf("'{}': expected 'GGUF' at offset 0, got {}", file,
                  quoted({reinterpret_cast<const char *>(bytes.data()),
                          std::min(bytes.size(), magic.size())}));
  uint32_t magicBytes = 0;
  if (Status status = cursor.read(magicBytes, "the magic"); !status)
    return status;
  if (Status status = cursor.read(part.version, "the version"); !status)
    return status;
  // Versions are small numbers: in the other byte order their low half is 0.
  if (part.version != 0 && (part.version & 0xffff) == 0) {
    part.isBigEndian = true;
    part.version = __builtin_bswap32(part.version);
    cursor.swapBytes();
  }
  if (part.version < 1 || part.version > 3)
    return errorf(
        "'{}': GGUF version {} at offset 4 is not supported, expected "
        "1 to 3",
        file, part.version);
  if (part.version == 1)
    cursor.readNarrowSizes();
  // Both counts stand here, but the tensors come after the keys: what is
  // checked now is that there is room for each alone.
  uint64_t start = cursor.offset();
  if (Status status = cursor.readSize(numTensors, "the number of tensors");
      !status)
    return status;
  if (Status status =
          cursor.readCount(numKeys, cursor.bytesOfSize() + minKeyBytes,
                           "the number of metadata keys");
      !status)
    return status;
  if (Status status =
          cursor.checkCount(numTensors, cursor.bytesOfSize() + minTensorBytes,
                            "the number of tensors", start);
      !status)
    return status;
  part.metadata.reserve(std::min(numKeys, maxReserved));
  part.tensors.reserve(std::min(numTensors, maxReserved));
  placements.reserve(std::min(numTensors, maxReserved));
  return {};
}

Status PartReader::readKey(uint64_t index) {
  uint64_t start = cursor.offset();
  GgufEntry entry;
  if (Status status = cursor.read(
          entry.key, fmt::format("the name of metadata key {}", index));
      !status)
    return status;
  std::string what = fmt::format("metadata key {}", quoted(entry.key));
  if (entry.key.empty())
    return errorf("'{}': metadata key {} at offset {} has an empty name", file,
                  index, start);
  auto [earlier, isNew] = usedKeys.try_emplace(entry.key, start);
  if (!isNew)
    return errorf("'{}': {} at offset {} is a duplicate of the one at offset "
                  "{}, expected each key once",
                  file, what, start, earlier->second);

  uint64_t typeOffset = cursor.offset();
  uint32_t type = 0;
  if (Status status = cursor.read(type, "the type of " + what); !status)
    return status;
  if (entry.key == "general.alignment")
    alignmentKeyOffset = cursor.offset();
  if (Status status = readValue(type, entry.value, what, typeOffset); !status)
    return status;
  part.metadata.push_back(std::move(entry));
  return {};
}

/// Makes `target`, a variant, hold its alternative number `index`, without
/// value.
template <class Variant, size_t I = 0>
void emplaceAlternative(Variant &target, size_t index) {
  if constexpr (I < std::variant_size_v<Variant>) {
    if (index == I)
      target.template emplace<I>();
    else
      emplaceAlternative<Variant, I + 1>(target, index);
  }
}

Status unknownType(const std::string &file, std::string_view what,
                   uint32_t type, uint64_t offset) {
  return errorf("'{}': {} has value type {} at offset {}, which is not a GGUF "
                "type; expected 0 (u8) to 12 (f64)",
                file, what, type, offset);
}

Status PartReader::readValue(uint32_t type, GgufValue &value,
                             std::string_view what, uint64_t typeOffset) {
  if (type >= std::variant_size_v<GgufValue::Content>)
    return unknownType(file, what, type, typeOffset);
  emplaceAlternative(value.content, type);
  std::string valueOf = fmt::format("the value of {}", what);
  return std::visit(
      [&](auto &content) -> Status {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(content)>,
                                     GgufArray>)
          return readArray(content, what);
        else
          return cursor.read(content, valueOf);
      },
      value.content);
}

Status PartReader::readArray(GgufArray &array, std::string_view what) {
  uint64_t typeOffset = cursor.offset();
  uint32_t type = 0;
  if (Status status =
          cursor.read(type, fmt::format("the item type of {}", what));
      !status)
    return status;
  if (type == static_cast<uint32_t>(GgufType::array))
    return errorf("'{}': {} is an array of arrays (item type at offset {}), "
                  "expected items that are numbers, booleans or strings",
                  file, what, typeOffset);
  if (type >= std::variant_size_v<GgufArray::Items>)
    return unknownType(file, what, type, typeOffset);
  emplaceAlternative(array.items, type);

  std::string itemOf = fmt::format("an item of {}", what);
  return std::visit(
      [&](auto &list) -> Status {
        using List = std::remove_cvref_t<decltype(list)>;
        if constexpr (requires { typename List::value_type; }) {
          using Item = typename List::value_type;
          uint64_t leastBytes = std::is_same_v<Item, std::string>
                                    ? cursor.bytesOfSize()
                                    : sizeof(Item);
          uint64_t count = 0;
          if (Status status = cursor.readCount(
                  count, leastBytes,
                  fmt::format("the number of items of {}", what));
              !status)
            return status;
          if (count > maxItems)
            return errorf(
                "'{}': {} has {} items (count at offset {}), expected "
                "at most {}",
                file, what, count, cursor.offset() - cursor.bytesOfSize(),
                maxItems);
          list.reserve(std::min(count, maxReserved));
          for (uint64_t i = 0; i < count; ++i) {
            Item item{};
            if (Status status = cursor.read(item, itemOf); !status)
              return status;
            list.push_back(std::move(item));
          }
        }
        return {};
      },
      array.items);
}

Status PartReader::readAlignment() {
  part.alignment = defaultAlignment;
  const GgufValue *value = part.find("general.alignment");
  if (!value)
    return {};
  std::optional<int64_t> alignment = value->asInteger();
  if (!alignment)
    return errorf("'{}': metadata key 'general.alignment' at offset {} is {}, "
                  "expected an integer",
                  file, alignmentKeyOffset, value->describe());
  if (*alignment < 1 || *alignment > static_cast<int64_t>(maxAlignment) ||
      !std::has_single_bit(static_cast<uint64_t>(*alignment)))
    return errorf("'{}': metadata key 'general.alignment' at offset {} is {}, "
                  "expected a power of two from 1 to {}",
                  file, alignmentKeyOffset, *alignment, maxAlignment);
  part.alignment = static_cast<uint64_t>(*alignment);
  return {};
}

Status PartReader::readTensor(uint64_t index) {
  WeightEntry tensor;
  tensor.file = file;
  Placement place{cursor.offset(), 0, 0};
  if (Status status =
          cursor.read(tensor.name, fmt::format("the name of tensor {}", index));
      !status)
    return status;
  if (tensor.name.empty())
    return errorf("'{}': tensor {} at offset {} has an empty name", file, index,
                  place.infoOffset);
  std::string what = fmt::format("tensor {}", quoted(tensor.name));
  auto [earlier, isNew] = usedNames.try_emplace(tensor.name, place.infoOffset);
  if (!isNew)
    return errorf("'{}': {} at offset {} is a duplicate of the one at offset "
                  "{}, expected each name once",
                  file, what, place.infoOffset, earlier->second);

  if (Status status = readShape(tensor.shape, what); !status)
    return status;
  uint64_t typeOffset = cursor.offset();
  uint32_t typeId = 0;
  if (Status status = cursor.read(typeId, "the type of " + what); !status)
    return status;
  if (const GgmlType *type = findGgmlType(typeId)) {
    tensor.type = type->name;
    tensor.element = parseElementType(type->name);
    if (Status status =
            measure(tensor, *type, what, place.infoOffset, place.size);
        !status)
      return status;
    if (part.isBigEndian && !wordsOfBlock(*type)) {
      place.size = 0;
      tensor.problem =
          fmt::format("is big-endian and of type '{}', whose order of bytes is "
                      "defined for little-endian files only",
                      type->name);
    }
  } else {
    // Who asks for it is told; the other tensors are as good as ever.
    tensor.type = fmt::format("type {}", typeId);
    tensor.problem = fmt::format(
        "has type {} (at offset {}), which is not a ggml type; known types "
        "are {}",
        typeId, typeOffset, listGgmlTypes());
  }

  uint64_t offsetOffset = cursor.offset();
  if (Status status =
          cursor.read(place.relativeOffset, "the offset of " + what);
      !status)
    return status;
  if (place.relativeOffset % part.alignment != 0)
    return errorf("'{}': {} has data offset {} (at offset {}), expected a "
                  "multiple of the alignment {}",
                  file, what, place.relativeOffset, offsetOffset,
                  part.alignment);
  placements.push_back(place);
  part.tensors.push_back(std::move(tensor));
  return {};
}

Status PartReader::readShape(std::vector<int64_t> &shape,
                             std::string_view what) {
  uint64_t start = cursor.offset();
  uint32_t numDims = 0;
  if (Status status = cursor.read(numDims, fmt::format("the rank of {}", what));
      !status)
    return status;
  if (numDims > maxDims)
    return errorf("'{}': {} has {} dimensions (at offset {}), expected at most "
                  "{}",
                  file, what, numDims, start, maxDims);
  shape.resize(numDims);
  for (uint32_t i = 0; i < numDims; ++i) {
    start = cursor.offset();
    uint64_t dim = 0;
    if (Status status =
            cursor.readSize(dim, fmt::format("dimension {} of {}", i, what));
        !status)
      return status;
    if (!std::in_range<int64_t>(dim))
      return errorf(
          "'{}': dimension {} of {} at offset {} is {}, expected at most "
          "2^63 - 1",
          file, i, what, start, dim);
    // Innermost first in the file, outermost first here.
    shape[numDims - 1 - i] = static_cast<int64_t>(dim);
  }
  return {};
}

Status PartReader::measure(const WeightEntry &tensor, const GgmlType &type,
                           std::string_view what, uint64_t infoOffset,
                           uint64_t &size) const {
  uint64_t innermost = tensor.shape.empty() ? 1 : tensor.shape.back();
  if (innermost % type.blockElements != 0)
    return errorf("'{}': {} at offset {} has shape {}, expected the innermost "
                  "dimension to be a multiple of the block size {} of '{}'",
                  file, what, infoOffset, describeShape(tensor.shape),
                  type.blockElements, type.name);
  std::optional<uint64_t> bytes = bytesOfTensor(type, tensor.shape);
  if (!bytes)
    return errorf("'{}': {} at offset {} with type '{}' and shape {} is too "
                  "large: its size in bytes does not fit in 63 bits",
                  file, what, infoOffset, type.name,
                  describeShape(tensor.shape));
  size = *bytes;
  return {};
}

Status PartReader::placeTensors() {
  for (size_t i = 0; i < part.tensors.size(); ++i) {
    WeightEntry &tensor = part.tensors[i];
    const Placement &place = placements[i];
    uint64_t available =
        bytes.size() > part.dataOffset ? bytes.size() - part.dataOffset : 0;
    if (place.relativeOffset > available ||
        place.size > available - place.relativeOffset)
      return errorf("'{}': tensor {} (described at offset {}) has {} bytes at "
                    "data offset {}, but only {} bytes of data follow from "
                    "offset {}; the file is truncated or damaged",
                    file, quoted(tensor.name), place.infoOffset, place.size,
                    place.relativeOffset, available, part.dataOffset);
    tensor.offset = part.dataOffset + place.relativeOffset;
    tensor.bytes = bytes.subspan(tensor.offset, place.size);
  }
  return checkOverlaps();
}

Status PartReader::checkOverlaps() const {
  // Those without elements, or of an unknown size, have no byte for themselves.
  std::vector<const WeightEntry *> byOffset;
  for (const WeightEntry &tensor : part.tensors)
    if (!tensor.bytes.empty())
      byOffset.push_back(&tensor);
  std::ranges::stable_sort(byOffset, {}, &WeightEntry::offset);
  for (size_t i = 1; i < byOffset.size(); ++i) {
    const WeightEntry &before = *byOffset[i - 1];
    const WeightEntry &after = *byOffset[i];
    if (before.offset + before.bytes.size() > after.offset)
      return errorf("'{}': tensors {} (offset {}, {} bytes) and {} (offset {}) "
                    "overlap, expected each byte to belong to one tensor",
                    file, quoted(before.name), before.offset,
                    before.bytes.size(), quoted(after.name), after.offset);
  }
  return {};
}

} // namespace

const GgufValue *GgufPart::find(std::string_view key) const {
  auto found = std::ranges::find(metadata, key, &GgufEntry::key);
  return found == metadata.end() ? nullptr : &found->value;
}

bool isGguf(std::span<const std::byte> bytes) {
  return bytes.size() >= magic.size() &&
         std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

Result<GgufPart> readGgufPart(const std::string &file,
                              std::span<const std::byte> bytes) {
  return PartReader(file, bytes).read();
}

} // namespace rlx
