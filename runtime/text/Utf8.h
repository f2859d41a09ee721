//===- Utf8.h - Characters of UTF-8 text ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text of users and files need not be UTF-8. What is here goes through any
// bytes: a byte that begins no character is one by itself.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TEXT_UTF8_H
#define RLX_RUNTIME_TEXT_UTF8_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rlx {

/// A character at the beginning of a text.
struct Utf8Character {
  char32_t code = 0;
  size_t bytes = 0; ///< That it takes: 1 to 4; 0 at the end of the text.
  /// Whether it is well formed; otherwise `code` is the byte itself.
  bool valid = false;
};

/// The character that `text` begins with.
Utf8Character readUtf8(std::string_view text);

/// Appends a character.
void appendUtf8(std::string &text, char32_t code);

/// How many bytes at the end of `text` are the beginning of a character whose
/// other bytes may follow: 0 to 3.
size_t unfinishedUtf8(std::string_view text);

/// What stands for bytes that are no character.
inline constexpr std::string_view replacementCharacter = "\xEF\xBF\xBD";

/// `text` with each byte that belongs to no character replaced.
std::string toValidUtf8(std::string_view text);

} // namespace rlx

#endif // RLX_RUNTIME_TEXT_UTF8_H
