//===- JsonCursor.cpp - A bounded walk over a JSON text -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/JsonCursor.h"

#include "runtime/Text.h"

#include <charconv>

namespace rlx {
namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }

void appendUtf8(std::string &text, uint32_t character) {
  auto push = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (character < 0x80)
    return push(character);
  if (character < 0x800) {
    push(0xc0 | character >> 6);
  } else {
    if (character < 0x10000) {
      push(0xe0 | character >> 12);
    } else {
      push(0xf0 | character >> 18);
      push(0x80 | (character >> 12 & 0x3f));
    }
    push(0x80 | (character >> 6 & 0x3f));
  }
  push(0x80 | (character & 0x3f));
}

} // namespace

Status JsonCursor::expected(std::string_view what) {
  peek();
  return errorf("'{}': expected {} at offset {}, got {}", file, what,
                base + position,
                position < text.size() ? quoted(text.substr(position), 16)
                                       : "the end of the JSON text");
}

char JsonCursor::peek() {
  constexpr std::string_view spaces = " \t\r\n";
  while (position < text.size() &&
         spaces.find(text[position]) != std::string_view::npos)
    ++position;
  return position < text.size() ? text[position] : '\0';
}

bool JsonCursor::take(std::string_view word) {
  peek();
  if (!text.substr(position).starts_with(word))
    return false;
  position += word.size();
  return true;
}

Status JsonCursor::begin(char bracket, std::string_view what) {
  if (peek() != bracket)
    return expected(fmt::format("{} as {}", what,
                                bracket == '{' ? "an object" : "an array"));
  if (isBegun.size() == maxDepth)
    return errorf("'{}': the JSON text nests deeper than {} at offset {}", file,
                  maxDepth, base + position);
  ++position;
  isBegun.push_back(false);
  return {};
}

/// Whether another value follows before the closing bracket.
Result<bool> JsonCursor::next(char bracket) {
  if (peek() == bracket && position < text.size()) {
    ++position;
    isBegun.pop_back();
    return false;
  }
  if (isBegun.back() && !take(","))
    return expected(fmt::format("',' or '{}'", bracket));
  isBegun.back() = true;
  return true;
}

Status JsonCursor::beginObject(std::string_view what) {
  return begin('{', what);
}

Status JsonCursor::beginArray(std::string_view what) {
  return begin('[', what);
}

Result<bool> JsonCursor::nextMember(std::string &name) {
  Result<bool> follows = next('}');
  if (!follows || !*follows)
    return follows;
  peek();
  namePosition = position;
  if (Status status = readString(name, "a name"); !status)
    return status;
  if (!take(":"))
    return expected("':'");
  return true;
}

Result<bool> JsonCursor::nextItem() {
  Result<bool> follows = next(']');
  // A comma promises a value.
  if (follows && *follows && peek() == ']')
    return expected("a value");
  return follows;
}

Status JsonCursor::readUtf16(uint32_t &unit) {
  constexpr size_t digits = 4;
  std::string_view hex = text.substr(position, digits);
  auto [end, failed] =
      std::from_chars(hex.data(), hex.data() + hex.size(), unit, 16);
  if (failed != std::errc() || hex.size() != digits ||
      end != hex.data() + digits)
    return errorf("'{}': expected four hexadecimal digits behind '\\u' at "
                  "offset {}, got {}",
                  file, base + position, quoted(hex));
  position += digits;
  return {};
}

/// Behind a backslash.
Status JsonCursor::readEscape(std::string &value) {
  uint64_t start = base + position;
  char c = position < text.size() ? text[position++] : '\0';
  constexpr std::string_view letters = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
  if (size_t found = letters.find(c); c && found != std::string_view::npos) {
    value += meant[found];
    return {};
  }
  if (c != 'u')
    return errorf("'{}': the character behind the backslash at offset {} is "
                  "{}, expected one of \"\\/bfnrtu",
                  file, start, quoted({&c, c ? size_t{1} : 0}));
  uint32_t unit = 0;
  if (Status status = readUtf16(unit); !status)
    return status;
  auto isHalf = [](uint32_t unit, uint32_t first) {
    return unit >= first && unit < first + 0x400;
  };
  constexpr uint32_t high = 0xd800, low = 0xdc00;
  if (isHalf(unit, high) && text.substr(position).starts_with("\\u")) {
    position += 2;
    uint32_t second = 0;
    if (Status status = readUtf16(second); !status)
      return status;
    if (isHalf(second, low)) {
      appendUtf8(value, 0x10000 + ((unit - high) << 10) + (second - low));
      return {};
    }
  }
  if (isHalf(unit, high) || isHalf(unit, low))
    return errorf("'{}': the escape at offset {} is half of a character, "
                  "expected the other half beside it",
                  file, start);
  appendUtf8(value, unit);
  return {};
}

Status JsonCursor::readString(std::string &value, std::string_view what) {
  if (peek() != '"')
    return expected(fmt::format("{} as a string", what));
  uint64_t start = base + position++;
  value.clear();
  while (position < text.size()) {
    char c = text[position];
    if (c == '"') {
      ++position;
      return {};
    }
    if (c == '\\') {
      ++position;
      if (Status status = readEscape(value); !status)
        return status;
      continue;
    }
    size_t length = utf8Length(text.substr(position));
    if (length == 0 || static_cast<unsigned char>(c) < 0x20)
      return errorf("'{}': the byte {:#04x} at offset {} is {}", file,
                    static_cast<unsigned char>(c), base + position,
                    length ? "a control character, expected an escape"
                           : "not UTF-8");
    value.append(text, position, length);
    position += length;
  }
  return errorf("'{}': {} at offset {} has no end, expected '\"'", file, what,
                start);
}

Status JsonCursor::readNumber(std::string_view &number, std::string_view what) {
  peek();
  size_t start = position;
  auto digits = [&] {
    size_t first = position;
    while (position < text.size() && isDigit(text[position]))
      ++position;
    return position - first;
  };
  auto skip = [&](std::string_view word) {
    bool isThere = text.substr(position).starts_with(word);
    position += isThere ? word.size() : 0;
    return isThere;
  };
  bool hasSign = skip("-");
  if (numbers == Numbers::any &&
      (skip("Infinity") || (!hasSign && skip("NaN")))) {
    number = text.substr(start, position - start);
    return {};
  }
  size_t first = position, count = digits();
  bool isWrong = count == 0 || (count > 1 && text[first] == '0');
  auto follows = [&](std::string_view any) {
    return position < text.size() &&
           any.find(text[position]) != std::string_view::npos;
  };
  if (follows(".")) {
    ++position;
    isWrong |= digits() == 0;
  }
  if (follows("eE")) {
    ++position;
    if (follows("+-"))
      ++position;
    isWrong |= digits() == 0;
  }
  if (isWrong) {
    position = start;
    return expected(fmt::format("{} as a number", what));
  }
  number = text.substr(start, position - start);
  return {};
}

Status JsonCursor::readInteger(int64_t &value, int64_t least,
                               std::string_view what) {
  uint64_t start = offset();
  std::string_view number;
  if (Status status = readNumber(number, what); !status)
    return status;
  const char *last = number.data() + number.size();
  auto [end, failed] = std::from_chars(number.data(), last, value);
  if (failed != std::errc() || end != last || value < least)
    return errorf("'{}': {} at offset {} is {}, expected an integer of {} or "
                  "more that fits in 63 bits",
                  file, what, start, quoted(number), least);
  return {};
}

Status JsonCursor::readBool(bool &value, std::string_view what) {
  value = peek() == 't';
  if (take("true") || take("false"))
    return {};
  return expected(fmt::format("{} as true or false", what));
}

Status JsonCursor::readNull(std::string_view what) {
  return take("null") ? Status() : expected(fmt::format("{} as null", what));
}

Status JsonCursor::finish() {
  peek();
  return position == text.size() ? Status()
                                 : expected("nothing but spaces behind the "
                                            "JSON text");
}

} // namespace rlx
