//===- GgufCursor.h - A bounded walk over a GGUF header -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the numbers, booleans and strings of GGUF files from memory. Each read
// says what it is reading, so that a truncated file names what is missing. What
// the values mean is the reader's business (GgufReader.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_GGUFCURSOR_H
#define RLX_RUNTIME_WEIGHTS_GGUFCURSOR_H

#include "runtime/Status.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace rlx {

static_assert(std::endian::native == std::endian::little,
              "numbers of little-endian files are copied as they are");

/// Reads in order, never past the end. An error names the file, what was being
/// read and its offset; the position is then of no use. The file's name must
/// outlive the cursor.
class GgufCursor {
public:
  GgufCursor(const std::string &file, std::span<const std::byte> bytes)
      : file(file), bytes(bytes) {}

  /// Lengths, counts and dimensions are u32 from here on, as in version 1.
  void readNarrowSizes() { sizeBytes = sizeof(uint32_t); }

  /// Numbers are big-endian from here on.
  void swapBytes() { isSwapped = true; }

  uint64_t offset() const { return position; }
  uint64_t remaining() const { return bytes.size() - position; }

  template <class T> Status read(T &value, std::string_view what) {
    if (Status status = need(sizeof(T), what); !status)
      return status;
    std::byte number[sizeof(T)];
    std::memcpy(number, bytes.data() + position, sizeof(T));
    if (isSwapped)
      std::ranges::reverse(number);
    std::memcpy(&value, number, sizeof(T));
    position += sizeof(T);
    return {};
  }

  Status read(bool &value, std::string_view what) {
    uint64_t start = position;
    uint8_t byte = 0;
    if (Status status = read(byte, what); !status)
      return status;
    if (byte > 1)
      return errorf(
          "'{}': {} at offset {} is a boolean of value {}, expected 0 "
          "or 1",
          file, what, start, byte);
    value = byte != 0;
    return {};
  }

  Status read(std::string &value, std::string_view what) {
    uint64_t start = position;
    uint64_t length = 0;
    if (Status status = readSize(length, what); !status)
      return status;
    if (length > remaining())
      return errorf(
          "'{}': {} at offset {} has a length of {} bytes, but only {} "
          "remain in the file",
          file, what, start, length, remaining());
    if (length > maxStringBytes)
      return errorf(
          "'{}': {} at offset {} has a length of {} bytes, expected at "
          "most {}",
          file, what, start, length, maxStringBytes);
    value.assign(reinterpret_cast<const char *>(bytes.data() + position),
                 static_cast<size_t>(length));
    position += length;
    return {};
  }

  /// A length, a count or a dimension.
  Status readSize(uint64_t &size, std::string_view what) {
    if (sizeBytes == sizeof(size))
      return read(size, what);
    uint32_t narrow = 0;
    Status status = read(narrow, what);
    size = narrow;
    return status;
  }

  /// Bytes of a size.
  uint64_t bytesOfSize() const { return sizeBytes; }

  /// A count of things that take at least `leastBytes` each.
  Status readCount(uint64_t &count, uint64_t leastBytes,
                   std::string_view what) {
    uint64_t start = position;
    if (Status status = readSize(count, what); !status)
      return status;
    return checkCount(count, leastBytes, what, start);
  }

  Status checkCount(uint64_t count, uint64_t leastBytes, std::string_view what,
                    uint64_t start) const {
    if (count <= remaining() / leastBytes)
      return {};
    return errorf(
        "'{}': {} at offset {} is {}, but the {} bytes that remain in "
        "the file hold at most {}",
        file, what, start, count, remaining(), remaining() / leastBytes);
  }

private:
  /// More than any name or text needs. Where tensors of many gigabytes follow,
  /// a damaged length would fit in the file and take all memory.
  static constexpr uint64_t maxStringBytes = uint64_t{1} << 26;

  Status need(uint64_t size, std::string_view what) const {
    if (size <= remaining())
      return {};
    return errorf(
        "'{}': truncated: {} at offset {} needs {} bytes, but the file "
        "ends at offset {}",
        file, what, position, size, bytes.size());
  }

  const std::string &file;
  std::span<const std::byte> bytes;
  uint64_t position = 0;
  uint64_t sizeBytes = sizeof(uint64_t);
  bool isSwapped = false;
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_GGUFCURSOR_H
