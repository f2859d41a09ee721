//===- Json.cpp - JSON texts as trees -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/Json.h"

#include "runtime/Text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_set>

namespace rlx {
namespace {

class TreeReader {
public:
  TreeReader(const std::string &file, std::string_view text,
             JsonCursor::Numbers numbers)
      : file(file), cursor(file, text, 0, numbers) {}

  Status readAll(JsonValue &value) {
    if (Status status = read(value); !status)
      return status;
    return cursor.finish();
  }

private:
  Status read(JsonValue &value) {
    switch (cursor.peek()) {
    case '{':
      return readObject(value.content.emplace<JsonValue::Object>());
    case '[':
      return readArray(value.content.emplace<JsonValue::Array>());
    case '"':
      return cursor.readString(value.content.emplace<std::string>(), "a value");
    case 't':
    case 'f':
      return cursor.readBool(value.content.emplace<bool>(), "a value");
    case 'n':
      return cursor.readNull("a value");
    default:
      std::string_view number;
      Status status = cursor.readNumber(number, "a value");
      value.content = JsonValue::Number{std::string(number)};
      return status;
    }
  }

  Status readObject(JsonValue::Object &object) {
    if (Status status = cursor.beginObject("a value"); !status)
      return status;
    std::unordered_set<std::string> names;
    while (true) {
      JsonMember member;
      Result<bool> follows = cursor.nextMember(member.name);
      if (!follows || !*follows)
        return follows.status();
      if (!names.insert(member.name).second)
        return errorf("'{}': the name {} at offset {} is a duplicate, expected "
                      "each name once in an object",
                      file, quoted(member.name), cursor.nameOffset());
      if (Status status = read(member.value); !status)
        return status;
      object.push_back(std::move(member));
    }
  }

  Status readArray(JsonValue::Array &array) {
    if (Status status = cursor.beginArray("a value"); !status)
      return status;
    while (true) {
      Result<bool> follows = cursor.nextItem();
      if (!follows || !*follows)
        return follows.status();
      if (Status status = read(array.emplace_back()); !status)
        return status;
    }
  }

  const std::string &file;
  JsonCursor cursor;
};

} // namespace

Result<JsonValue> JsonValue::parse(const std::string &file,
                                   std::string_view text,
                                   JsonCursor::Numbers numbers) {
  JsonValue value;
  if (Status status = TreeReader(file, text, numbers).readAll(value); !status)
    return status;
  return value;
}

std::optional<bool> JsonValue::asBool() const {
  const bool *value = std::get_if<bool>(&content);
  return value ? std::optional(*value) : std::nullopt;
}

template <class T>
static std::optional<T> parseNumber(const JsonValue::Content &content) {
  const auto *number = std::get_if<JsonValue::Number>(&content);
  if (!number)
    return std::nullopt;
  T value{};
  const char *last = number->text.data() + number->text.size();
  auto [end, failed] = std::from_chars(number->text.data(), last, value);
  if (failed != std::errc() || end != last)
    return std::nullopt;
  return value;
}

std::optional<int64_t> JsonValue::asInteger() const {
  return parseNumber<int64_t>(content);
}

std::optional<double> JsonValue::asNumber() const {
  std::optional<double> value = parseNumber<double>(content);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

const JsonValue *JsonValue::find(std::string_view name) const {
  const Object *object = asObject();
  if (!object)
    return nullptr;
  auto found = std::ranges::find(*object, name, &JsonMember::name);
  return found == object->end() ? nullptr : &found->value;
}

const JsonValue *JsonValue::findPath(std::string_view path) const {
  const JsonValue *value = this;
  while (value && !path.empty()) {
    size_t dot = std::min(path.find('.'), path.size());
    std::string_view name = path.substr(0, dot);
    uint64_t index = 0;
    auto [end, failed] =
        std::from_chars(name.data(), name.data() + name.size(), index);
    if (const Array *items = value->asArray())
      value = failed == std::errc() && end == name.data() + name.size() &&
                      index < items->size()
                  ? &(*items)[index]
                  : nullptr;
    else if (name == "*")
      value = value->asObject() && !value->asObject()->empty()
                  ? &value->asObject()->front().value
                  : nullptr;
    else
      value = value->find(name);
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return value;
}

std::string JsonValue::describe() const {
  if (const std::string *text = asString())
    return "the text " + quoted(*text);
  if (const auto *number = std::get_if<Number>(&content))
    return number->text.substr(0, 32);
  if (std::optional<bool> value = asBool())
    return *value ? "true" : "false";
  return isNull() ? "null" : asArray() ? "an array" : "an object";
}

} // namespace rlx
