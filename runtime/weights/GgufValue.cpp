//===- GgufValue.cpp - Metadata values of GGUF files ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions and text; reading is in GgufReader.cpp.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/GgufValue.h"

#include "runtime/Text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace rlx {
namespace {

/// How many items of an array, and bytes of a string, a description shows.
constexpr size_t shownItems = 4;
constexpr size_t shownBytes = 64;

template <class T>
constexpr bool isInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

template <class T> std::optional<int64_t> toInteger(T value) {
  if (!std::in_range<int64_t>(value))
    return std::nullopt;
  return static_cast<int64_t>(value);
}

std::string describeItem(const std::string &text) {
  return quoted(text, shownBytes);
}
std::string describeItem(bool value) { return value ? "true" : "false"; }
template <class T>
requires(isInteger<T> || std::is_floating_point_v<T>) std::string
    describeItem(T value) {
  if constexpr (isInteger<T>)
    return fmt::format("{:d}", value);
  else
    return fmt::format("{}", value);
}

} // namespace

std::string_view ggufTypeName(GgufType type) {
  constexpr auto names = std::to_array<std::string_view>(
      {"u8", "i8", "u16", "i16", "u32", "i32", "f32", "boolean", "string",
       "array", "u64", "i64", "f64"});
  size_t index = static_cast<size_t>(type);
  return index < names.size() ? names[index] : "unknown";
}

size_t GgufArray::size() const {
  return std::visit(
      [](const auto &list) -> size_t {
        if constexpr (requires { list.size(); })
          return list.size();
        else
          return 0;
      },
      items);
}

std::optional<int64_t> GgufValue::asInteger() const {
  return std::visit(
      [](const auto &value) -> std::optional<int64_t> {
        if constexpr (isInteger<std::remove_cvref_t<decltype(value)>>)
          return toInteger(value);
        else
          return std::nullopt;
      },
      content);
}

std::optional<double> GgufValue::asNumber() const {
  return std::visit(
      [](const auto &value) -> std::optional<double> {
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (isInteger<T> || std::is_floating_point_v<T>)
          return static_cast<double>(value);
        else
          return std::nullopt;
      },
      content);
}

std::optional<bool> GgufValue::asBool() const {
  if (const bool *value = std::get_if<bool>(&content))
    return *value;
  return std::nullopt;
}

const std::string *GgufValue::asString() const {
  return std::get_if<std::string>(&content);
}

const GgufArray *GgufValue::asArray() const {
  return std::get_if<GgufArray>(&content);
}

std::optional<std::vector<int64_t>> GgufValue::asIntegers() const {
  const GgufArray *array = asArray();
  if (!array)
    return std::nullopt;
  return std::visit(
      [](const auto &list) -> std::optional<std::vector<int64_t>> {
        using List = std::remove_cvref_t<decltype(list)>;
        if constexpr (requires { typename List::value_type; }) {
          if constexpr (isInteger<typename List::value_type>) {
            std::vector<int64_t> result;
            for (auto item : list) {
              std::optional<int64_t> integer = toInteger(item);
              if (!integer)
                return std::nullopt;
              result.push_back(*integer);
            }
            return result;
          }
        }
        return std::nullopt;
      },
      array->items);
}

std::string GgufValue::describe() const {
  const GgufArray *array = asArray();
  if (!array)
    return std::visit(
        [](const auto &value) -> std::string {
          if constexpr (requires { describeItem(value); })
            return describeItem(value);
          else
            return {};
        },
        content);
  std::string text = fmt::format("[{} x {}", ggufTypeName(array->elementType()),
                                 array->size());
  std::visit(
      [&](const auto &list) {
        if constexpr (requires { list.size(); })
          for (size_t i = 0; i < std::min(list.size(), shownItems); ++i)
            text += (i == 0 ? ": " : ", ") + describeItem(list[i]);
      },
      array->items);
  return text + (array->size() > shownItems ? ", ...]" : "]");
}

} // namespace rlx
