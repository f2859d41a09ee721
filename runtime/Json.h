//===- Json.h - JSON texts as trees ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The small files that lie beside weights: config.json, an index of shards. The
// text is read by JsonCursor, so that it is refused where that refuses it, and
// where an object has two members of the same name. Numbers are kept as they
// are written, and converted on request.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_JSON_H
#define RLX_RUNTIME_JSON_H

#include "runtime/JsonCursor.h"
#include "runtime/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rlx {

struct JsonMember;

class JsonValue {
public:
  struct Number {
    std::string text;
  };
  using Array = std::vector<JsonValue>;
  using Object = std::vector<JsonMember>;
  /// null, true or false, a number, a text, an array, an object.
  using Content =
      std::variant<std::monostate, bool, Number, std::string, Array, Object>;

  /// Reads a whole text; `file` names it in messages.
  static Result<JsonValue>
  parse(const std::string &file, std::string_view text,
        JsonCursor::Numbers numbers = JsonCursor::Numbers::any);

  Content content;

  bool isNull() const { return content.index() == 0; }
  /// Null unless it is one.
  const Array *asArray() const { return std::get_if<Array>(&content); }
  const Object *asObject() const { return std::get_if<Object>(&content); }
  const std::string *asString() const {
    return std::get_if<std::string>(&content);
  }
  std::optional<bool> asBool() const;
  /// An integer that fits, written without fraction and exponent.
  std::optional<int64_t> asInteger() const;
  /// Any number that is finite in double precision.
  std::optional<double> asNumber() const;

  /// The member of that name; null where there is none, or no object.
  const JsonValue *find(std::string_view name) const;
  /// The same step by step: `a.b.0`, where numbers count the items of arrays. A
  /// step `*` is the first member. Names that have a dot are not found.
  const JsonValue *findPath(std::string_view path) const;

  /// For messages: `the text 'x'`, `3`, `an array`.
  std::string describe() const;
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

} // namespace rlx

#endif // RLX_RUNTIME_JSON_H
