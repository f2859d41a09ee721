//===- Text.h - Text of files in messages ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names that come from files may hold anything, and messages go to terminals
// and logs. Also the edit distance behind "did you mean".
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TEXT_H
#define RLX_RUNTIME_TEXT_H

#include <cstddef>
#include <string>
#include <string_view>

namespace rlx {

/// The text in single quotes, UTF-8 as it is, cut to `limit` bytes or a little
/// less with dots at the end. Bytes that are no UTF-8 and characters that
/// control a terminal or the direction of text are written as \xNN.
std::string quoted(std::string_view text, size_t limit = 96);

/// The same without the quotes and whole, where nothing in it had to be written
/// otherwise: for tables.
std::string quotedWhereOdd(std::string_view text);

/// The length in bytes of the UTF-8 character that `text` begins with; 0 where
/// it begins with none.
size_t utf8Length(std::string_view text);

/// The least number of bytes to insert, remove or replace to turn one text into
/// the other. Only the first 256 bytes of each count, to bound the time.
size_t editDistance(std::string_view from, std::string_view to);

} // namespace rlx

#endif // RLX_RUNTIME_TEXT_H
