//===- SafetensorsWriter.cpp - safetensors files, strictly ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/weights/SafetensorsWriter.h"

#include "runtime/Tensor.h"
#include "runtime/Text.h"
#include "runtime/weights/SafetensorsTypes.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <set>

namespace rlx {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are written as they are in memory");

constexpr uint64_t headerAlignment = 8;
constexpr std::string_view metadataName = "__metadata__";

/// A text of JSON, in its quotes.
Result<std::string> jsonString(std::string_view text) {
  std::string result = "\"";
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8Length(text.substr(at));
    if (length == 0)
      return errorf("expected UTF-8, but got {}", quoted(text));
    unsigned char c = static_cast<unsigned char>(text[at]);
    if (c == '"' || c == '\\')
      result += '\\';
    if (c < 0x20)
      result += fmt::format("\\u{:04x}", c);
    else
      result.append(text, at, length);
    at += length;
  }
  return result + '"';
}

Status checkNames(const SafetensorsMetadata &metadata,
                  std::span<const SafetensorsTensor> tensors) {
  std::set<std::string_view> known;
  for (const auto &[key, value] : metadata)
    if (!known.insert(key).second)
      return errorf("metadata key {} is given twice", quoted(key));
  known = {metadataName};
  for (const SafetensorsTensor &tensor : tensors) {
    if (tensor.name.empty())
      return errorf("expected each tensor to have a name");
    if (!known.insert(tensor.name).second)
      return errorf("tensor {} {}", quoted(tensor.name),
                    tensor.name == metadataName
                        ? "has the name of the metadata, expected another one"
                        : "is given twice");
  }
  return {};
}

/// `"__metadata__":{...}`, with a comma behind it; nothing without metadata.
Result<std::string> metadataText(SafetensorsMetadata metadata) {
  if (metadata.empty())
    return std::string();
  std::ranges::sort(metadata);
  std::string text;
  for (const auto &[key, value] : metadata) {
    Result<std::string> keyText = jsonString(key),
                        valueText = jsonString(value);
    if (!keyText || !valueText)
      return (keyText ? valueText : keyText).status();
    text +=
        fmt::format("{}{}:{}", text.empty() ? "" : ",", *keyText, *valueText);
  }
  return fmt::format("\"{}\":{{{}}},", metadataName, text);
}

} // namespace

Result<uint64_t> storedBytes(const SafetensorsTensor &tensor) {
  const SafetensorsType *type = findSafetensorsType(tensor.type);
  if (!type)
    return errorf("tensor {} is of type {}, expected one of {}",
                  quoted(tensor.name), quoted(tensor.type),
                  listSafetensorsTypes());
  std::optional<int64_t> count = countElements(tensor.shape);
  int64_t bits = 0;
  if (!count || __builtin_mul_overflow(*count, int64_t{type->bits}, &bits))
    return errorf("tensor {} of shape {} has a negative dimension or too many "
                  "bytes",
                  quoted(tensor.name), describeShape(tensor.shape));
  if (bits % 8 != 0)
    return errorf("tensor {} of type {} and shape {} has {} bits, expected "
                  "whole bytes",
                  quoted(tensor.name), type->name, describeShape(tensor.shape),
                  bits);
  return static_cast<uint64_t>(bits) / 8;
}

/// What stands before the data, and where tensors lie behind it.
struct SafetensorsWriter::Header {
  std::string text;
  std::vector<Place> places; ///< From the first byte of data on.
  uint64_t dataBytes = 0;
};

Result<SafetensorsWriter::Header>
SafetensorsWriter::headerOf(SafetensorsMetadata metadata,
                            std::span<const SafetensorsTensor> tensors) {
  if (Status status = checkNames(metadata, tensors); !status)
    return status;
  std::vector<Place> places(tensors.size());
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i : order) {
    Result<uint64_t> size = storedBytes(tensors[i]);
    if (!size)
      return size.status();
    places[i].name = tensors[i].name;
    places[i].size = *size;
  }
  std::ranges::sort(order, [&](size_t a, size_t b) {
    auto key = [&](size_t i) {
      return std::pair(-int(findSafetensorsType(tensors[i].type)->bits),
                       std::string_view(tensors[i].name));
    };
    return key(a) < key(b);
  });

  Result<std::string> header = metadataText(std::move(metadata));
  if (!header)
    return header.status();
  uint64_t offset = 0;
  for (size_t i : order) {
    const SafetensorsTensor &tensor = tensors[i];
    Result<std::string> name = jsonString(tensor.name);
    if (!name)
      return name.status();
    places[i].offset = offset;
    if (__builtin_add_overflow(offset, places[i].size, &offset) ||
        offset > uint64_t{1} << 62)
      return errorf("the tensors together have too many bytes");
    *header += fmt::format(
        "{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}},",
        *name, tensor.type, fmt::join(tensor.shape, ","), places[i].offset,
        offset);
  }
  if (!header->empty())
    header->pop_back(); // the last comma
  std::string text = "{" + *header + "}";
  text.resize((text.size() + headerAlignment - 1) / headerAlignment *
                  headerAlignment,
              ' ');
  if (text.size() > maxSafetensorsHeader)
    return errorf("the header has {} bytes, expected at most {}", text.size(),
                  maxSafetensorsHeader);
  return Header{std::move(text), std::move(places), offset};
}

/// With the path in front, where there is one.
static Status withName(const std::string &path, const Status &status) {
  return path.empty() ? status : errorf("'{}': {}", path, status.message());
}

Status SafetensorsWriter::check(const std::string &path,
                                SafetensorsMetadata metadata,
                                std::span<const SafetensorsTensor> tensors) {
  Result<Header> header = headerOf(std::move(metadata), tensors);
  return header ? Status() : withName(path, header.status());
}

Result<SafetensorsWriter>
SafetensorsWriter::create(const std::string &path, SafetensorsMetadata metadata,
                          std::vector<SafetensorsTensor> tensors) {
  Result<Header> header = headerOf(std::move(metadata), tensors);
  if (!header)
    return withName(path, header.status());
  Result<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.status();
  SafetensorsWriter writer(file.take());
  uint64_t length = header->text.size();
  if (Status status =
          writer.file.write(std::as_bytes(std::span(&length, size_t{1})));
      !status)
    return status;
  if (Status status = writer.file.write(header->text); !status)
    return status;
  for (Place &place : header->places)
    place.offset += writer.file.size();
  writer.totalBytes = writer.file.size() + header->dataBytes;
  writer.places = std::move(header->places);
  return writer;
}

Status SafetensorsWriter::append(size_t index,
                                 std::span<const std::byte> data) {
  if (index >= places.size())
    return errorf("'{}': expected data of one of {} tensors, but got number {}",
                  file.path(), places.size(), index);
  Place &place = places[index];
  if (data.size() > place.size - place.numAppended)
    return errorf("'{}': expected at most {} more bytes of tensor {}, but got "
                  "{}",
                  file.path(), place.size - place.numAppended,
                  quoted(place.name), data.size());
  if (Status status = file.writeAt(place.offset + place.numAppended, data);
      !status)
    return status;
  place.numAppended += data.size();
  return {};
}

Status SafetensorsWriter::commit() {
  for (const Place &place : places)
    if (place.numAppended < place.size)
      return errorf("'{}': cannot finish the file: {} bytes of tensor {} are "
                    "missing",
                    file.path(), place.size - place.numAppended,
                    quoted(place.name));
  return file.commit();
}

} // namespace rlx
