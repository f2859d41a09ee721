//===- GgufValue.h - Metadata values of GGUF files ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A value of any of the thirteen types that GGUF metadata has. Keeps the type
// of the file, and converts on request, because writers disagree on the width
// of the same key's integers.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_GGUFVALUE_H
#define RLX_RUNTIME_WEIGHTS_GGUFVALUE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rlx {

/// The numbers of the types in files. GgufValue's alternatives stand in this
/// order.
enum class GgufType : uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12
};

/// `u32`, `string`, ...; `unknown` for a number that is not a type.
std::string_view ggufTypeName(GgufType type);

/// A list of values of one type, which is not an array itself.
struct GgufArray {
  using Items = std::variant<
      std::vector<uint8_t>, std::vector<int8_t>, std::vector<uint16_t>,
      std::vector<int16_t>, std::vector<uint32_t>, std::vector<int32_t>,
      std::vector<float>, std::vector<bool>, std::vector<std::string>,
      std::monostate, std::vector<uint64_t>, std::vector<int64_t>,
      std::vector<double>>;
  Items items;

  GgufType elementType() const { return static_cast<GgufType>(items.index()); }
  size_t size() const;

  bool operator==(const GgufArray &) const = default;
};

/// A metadata value.
struct GgufValue {
  using Content =
      std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float,
                   bool, std::string, GgufArray, uint64_t, int64_t, double>;
  Content content;

  GgufType type() const { return static_cast<GgufType>(content.index()); }

  /// An integer of any width whose value fits; nothing for other types.
  std::optional<int64_t> asInteger() const;
  /// An integer or floating-point number of any width.
  std::optional<double> asNumber() const;
  std::optional<bool> asBool() const;
  /// Null unless it is a string, an array.
  const std::string *asString() const;
  const GgufArray *asArray() const;
  /// An array of integers of any width, whose values fit.
  std::optional<std::vector<int64_t>> asIntegers() const;

  /// One line for people: `32`, `'llama'`, `[string x 32000: '<unk>', ...]`.
  std::string describe() const;

  bool operator==(const GgufValue &) const = default;
};

/// A key and its value.
struct GgufEntry {
  std::string key;
  GgufValue value;
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_GGUFVALUE_H
