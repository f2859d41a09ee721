//===- GgufBuilder.h - Hand-made GGUF files -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes GGUF headers piece by piece, right or wrong: every number is the
// test's own choice. It shares no code with the reader.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_RUNTIME_GGUFBUILDER_H
#define RLX_TESTS_UNIT_RUNTIME_GGUFBUILDER_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rlx::test {

/// Little-endian bytes of a number.
template <class T> std::string raw(T value) {
  return {reinterpret_cast<const char *>(&value), sizeof(T)};
}

/// A length and the bytes.
inline std::string ggufString(std::string_view text) {
  return raw<uint64_t>(text.size()) + std::string(text);
}

class GgufBuilder {
public:
  /// A key with the number of its type and the bytes of its value.
  GgufBuilder &key(std::string_view name, uint32_t type,
                   std::string_view value) {
    keys += ggufString(name) + raw(type) + std::string(value);
    ++numKeys;
    return *this;
  }

  GgufBuilder &alignment(uint32_t value) {
    return key("general.alignment", 4, raw(value));
  }

  /// Dimensions innermost first, as in the file.
  GgufBuilder &tensor(std::string_view name, std::vector<uint64_t> dims,
                      uint32_t type, uint64_t offset) {
    tensors += ggufString(name) + raw<uint32_t>(dims.size());
    for (uint64_t dim : dims)
      tensors += raw(dim);
    tensors += raw(type) + raw(offset);
    ++numTensors;
    return *this;
  }

  GgufBuilder &data(std::string_view bytes) {
    content += bytes;
    return *this;
  }

  /// The header, without the data and its padding.
  std::string header() const {
    return "GGUF" + raw(version) + raw(numTensors) + raw(numKeys) + keys +
           tensors;
  }

  std::string build(uint64_t padTo = 32) const {
    std::string file = header();
    file.resize((file.size() + padTo - 1) / padTo * padTo);
    return file + content;
  }

  // What the header claims; tests may lie.
  uint32_t version = 3;
  uint64_t numTensors = 0;
  uint64_t numKeys = 0;

private:
  std::string keys, tensors, content;
};

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_RUNTIME_GGUFBUILDER_H
