//===- GgufWriter.cpp - GGUF files, written as ggml reads them ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout is that of GGUF's specification (ggml/docs/gguf.md). ggml's reader
// wants offsets to be the sum of all padded sizes before.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/GgufWriter.h"

#include "runtime/Tensor.h"
#include "runtime/Text.h"
#include "runtime/weights/GgmlTypes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>
#include <unordered_set>
#include <utility>

namespace rlx {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are written as they are in memory");

constexpr uint64_t defaultAlignment = 32;
constexpr std::string_view alignmentKey = "general.alignment";
constexpr size_t maxDims = 4;
/// ggml keeps a tensor's name in 64 bytes with a 0 at the end.
constexpr size_t maxNameBytes = 63;

uint64_t padded(uint64_t size, uint64_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

/// The header, in memory: it holds the vocabulary at most.
class HeaderText {
public:
  template <class T> void number(T value) {
    text.append(reinterpret_cast<const char *>(&value), sizeof(T));
  }
  void string(std::string_view value) {
    number<uint64_t>(value.size());
    text += value;
  }
  void value(const GgufValue &value) {
    number(static_cast<uint32_t>(value.type()));
    std::visit([&](const auto &content) { item(content); }, value.content);
  }

  std::string text;

private:
  void item(const std::string &value) { string(value); }
  void item(bool value) { number<uint8_t>(value); }
  void item(std::monostate) {}
  void item(const GgufArray &array) {
    number(static_cast<uint32_t>(array.elementType()));
    number<uint64_t>(array.size());
    std::visit([&](const auto &items) { all(items); }, array.items);
  }
  template <class T> void item(T value) requires std::is_arithmetic_v<T> {
    number(value);
  }
  template <class T> void all(const std::vector<T> &items) {
    for (const auto &each : items)
      item(static_cast<const T &>(each));
  }
  void all(std::monostate) {}
};

Status checkNames(std::span<const GgufEntry> metadata,
                  std::span<const GgufTensor> tensors) {
  std::unordered_set<std::string_view> known;
  for (const GgufEntry &entry : metadata)
    if (!known.insert(entry.key).second)
      return errorf("metadata key {} is given twice", quoted(entry.key));
  known.clear();
  for (const GgufTensor &tensor : tensors) {
    if (tensor.name.empty())
      return errorf("expected each tensor to have a name");
    if (!known.insert(tensor.name).second)
      return errorf("tensor {} is given twice", quoted(tensor.name));
    if (tensor.name.size() > maxNameBytes)
      return errorf("expected a tensor's name of at most {} bytes, but {} has "
                    "{}",
                    maxNameBytes, quoted(tensor.name), tensor.name.size());
  }
  return {};
}

Result<uint64_t> alignmentOf(std::span<const GgufEntry> metadata) {
  for (const GgufEntry &entry : metadata) {
    if (entry.key != alignmentKey)
      continue;
    // ggml takes no other type.
    const auto *number = std::get_if<uint32_t>(&entry.value.content);
    if (!number || !std::has_single_bit(*number))
      return errorf("expected '{}' to be a power of two of type u32, but got "
                    "{}",
                    alignmentKey, entry.value.describe());
    return uint64_t{*number};
  }
  return defaultAlignment;
}

} // namespace

Result<uint64_t> storedBytes(const GgufTensor &tensor) {
  const GgmlType *type = findGgmlType(std::string_view(tensor.format));
  if (!type)
    return errorf("tensor {} is of type {}, expected one of {}",
                  quoted(tensor.name), quoted(tensor.format), listGgmlTypes());
  bool isPositive =
      std::ranges::all_of(tensor.shape, [](int64_t size) { return size > 0; });
  std::optional<int64_t> elements = countElements(tensor.shape);
  if (tensor.shape.empty() || tensor.shape.size() > maxDims || !isPositive ||
      !elements)
    return errorf("expected tensor {} to have 1 to {} dimensions of at least "
                  "1, but its shape is {}",
                  quoted(tensor.name), maxDims, describeShape(tensor.shape));
  if (tensor.shape.back() % type->blockElements != 0)
    return errorf("expected the innermost dimension of tensor {} to be a "
                  "multiple of {}, the block size of '{}', but its shape is {}",
                  quoted(tensor.name), type->blockElements, type->name,
                  describeShape(tensor.shape));
  std::optional<uint64_t> bytes = bytesOfTensor(*type, tensor.shape);
  if (!bytes || *bytes > uint64_t{1} << 62)
    return errorf("tensor {} of shape {} has too many bytes",
                  quoted(tensor.name), describeShape(tensor.shape));
  return *bytes;
}

/// What stands before the data, and where tensors lie behind it.
struct GgufWriter::Header {
  std::string bytes;
  std::vector<uint64_t> sizes;
  uint64_t alignment = 0, dataBytes = 0;
};

Result<GgufWriter::Header>
GgufWriter::headerOf(std::span<const GgufEntry> metadata,
                     std::span<const GgufTensor> tensors) {
  if (Status status = checkNames(metadata, tensors); !status)
    return status;
  Result<uint64_t> alignment = alignmentOf(metadata);
  if (!alignment)
    return alignment.status();
  HeaderText header;
  header.text = "GGUF";
  header.number<uint32_t>(3);
  header.number<uint64_t>(tensors.size());
  header.number<uint64_t>(metadata.size());
  for (const GgufEntry &entry : metadata) {
    header.string(entry.key);
    header.value(entry.value);
  }
  Header result;
  result.alignment = *alignment;
  for (const GgufTensor &tensor : tensors) {
    Result<uint64_t> size = storedBytes(tensor);
    if (!size)
      return size.status();
    header.string(tensor.name);
    header.number(static_cast<uint32_t>(tensor.shape.size()));
    for (size_t i = tensor.shape.size(); i-- > 0;)
      header.number<uint64_t>(tensor.shape[i]);
    header.number(findGgmlType(std::string_view(tensor.format))->id);
    header.number<uint64_t>(result.dataBytes);
    result.dataBytes += padded(*size, *alignment);
    result.sizes.push_back(*size);
  }
  header.text.resize(padded(header.text.size(), *alignment));
  result.bytes = std::move(header.text);
  return result;
}

/// With the path in front, where there is one.
static Status withPath(const std::string &path, const Status &status) {
  return path.empty() ? status : errorf("'{}': {}", path, status.message());
}

Status GgufWriter::check(const std::string &path,
                         std::span<const GgufEntry> metadata,
                         std::span<const GgufTensor> tensors) {
  Result<Header> header = headerOf(metadata, tensors);
  return header ? Status() : withPath(path, header.status());
}

Result<GgufWriter> GgufWriter::create(const std::string &path,
                                      std::span<const GgufEntry> metadata,
                                      std::vector<GgufTensor> tensors) {
  Result<Header> header = headerOf(metadata, tensors);
  if (!header)
    return withPath(path, header.status());
  Result<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.status();
  GgufWriter writer(file.take());
  if (Status status = writer.file.write(header->bytes); !status)
    return status;
  writer.tensors = std::move(tensors);
  writer.sizes = std::move(header->sizes);
  writer.alignment = header->alignment;
  writer.totalBytes = header->bytes.size() + header->dataBytes;
  return writer;
}

Status GgufWriter::append(std::span<const std::byte> data) {
  if (data.empty())
    return {};
  if (current == tensors.size())
    return errorf("'{}': got {} more bytes than its tensors have", file.path(),
                  data.size());
  if (data.size() > sizes[current] - numAppended)
    return errorf("'{}': expected at most {} more bytes of tensor {}, but got "
                  "{}",
                  file.path(), sizes[current] - numAppended,
                  quoted(tensors[current].name), data.size());
  if (Status status = file.write(data); !status)
    return status;
  numAppended += data.size();
  if (numAppended < sizes[current])
    return {};
  ++current;
  numAppended = 0;
  return pad();
}

/// The last tensor is padded too: ggml expects the bytes to be there.
Status GgufWriter::pad() {
  static constexpr std::array<std::byte, 4096> zeros{};
  uint64_t missing = padded(file.size(), alignment) - file.size();
  while (missing > 0) {
    uint64_t piece = std::min<uint64_t>(missing, zeros.size());
    if (Status status = file.write(std::span(zeros).first(piece)); !status)
      return status;
    missing -= piece;
  }
  return {};
}

Status GgufWriter::commit() {
  if (current < tensors.size())
    return errorf("'{}': cannot finish the file: {} bytes of tensor {} are "
                  "missing",
                  file.path(), sizes[current] - numAppended,
                  quoted(tensors[current].name));
  return file.commit();
}

} // namespace rlx
