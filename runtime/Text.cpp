//===- Text.cpp - Text of files in messages -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plain loops over bytes; no locale, and of Unicode only its encoding.
//
//===----------------------------------------------------------------------===//
#include "runtime/Text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace rlx {

namespace {

/// The length of the UTF-8 character that `text` begins with, and which one it
/// is; 0 where it begins with none.
size_t decode(std::string_view text, uint32_t &character) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned first = byte(0);
  if (first < 0x80) {
    character = first;
    return 1;
  }
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || length > text.size())
    return 0;
  character = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
    character = character << 6 | (byte(i) & 0x3f);
  }
  // Written longer than needed, halves of UTF-16, beyond Unicode.
  constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (character < least[length] ||
      (character >= 0xd800 && character < 0xe000) || character > 0x10ffff)
    return 0;
  return length;
}

/// Whether a character does something else than being seen: controls, ends of
/// lines, marks and changes of direction.
bool isControl(uint32_t character) {
  auto isIn = [&](uint32_t first, uint32_t last) {
    return character >= first && character <= last;
  };
  return character < 0x20 || isIn(0x7f, 0x9f) || isIn(0x200e, 0x200f) ||
         isIn(0x2028, 0x202e) || isIn(0x2066, 0x2069) || character == 0x61c ||
         character == 0xfeff;
}

} // namespace

std::string quoted(std::string_view text, size_t limit) {
  std::string result = "'";
  size_t at = 0;
  while (at < text.size()) {
    uint32_t character = 0;
    size_t length = decode(text.substr(at), character);
    if (at + std::max<size_t>(length, 1) > limit)
      break;
    if (length && !isControl(character)) {
      result += text.substr(at, length);
      at += length;
      continue;
    }
    for (size_t i = 0; i < std::max<size_t>(length, 1); ++i, ++at)
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
  }
  return result + (at < text.size() ? "...'" : "'");
}

std::string quotedWhereOdd(std::string_view text) {
  std::string safe = quoted(text, text.size());
  return std::string_view(safe).substr(1, safe.size() - 2) == text
             ? std::string(text)
             : safe;
}

size_t utf8Length(std::string_view text) {
  uint32_t character = 0;
  return text.empty() ? 0 : decode(text, character);
}

size_t editDistance(std::string_view from, std::string_view to) {
  constexpr size_t limit = 256;
  from = from.substr(0, limit);
  to = to.substr(0, limit);
  // row[j] is the distance from the first i bytes of `from` to the first j of
  // `to`; `diagonal` is what row[j - 1] was for i - 1.
  std::vector<size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= from.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      size_t replaced = diagonal + (from[i - 1] != to[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

} // namespace rlx
