//===- JsonCursor.h - A bounded walk over a JSON text ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads JSON (RFC 8259) from memory, value by value, as the reader asks for
// them: nothing is kept, so that a text of any size needs no memory but its
// own. Strict: UTF-8, no comments, no comma behind the last value, halves of
// UTF-16 in pairs. What members mean is the reader's business; Json.h has a
// tree for who wants one.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_JSONCURSOR_H
#define RLX_RUNTIME_JSONCURSOR_H

#include "runtime/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

class JsonCursor {
public:
  /// What Python's json module writes beyond the standard: `NaN`, `Infinity`.
  enum class Numbers { finite, any };

  /// `file` names the text in messages, whose offsets count from `base`. Both
  /// it and `text` must outlive the cursor.
  JsonCursor(const std::string &file, std::string_view text, uint64_t base = 0,
             Numbers numbers = Numbers::finite)
      : file(file), text(text), base(base), numbers(numbers) {}

  /// The first character of the next value, which tells its kind: `{`, `[`,
  /// `"`, `t`, `f`, `n`, else a number; NUL at the end of the text.
  char peek();
  /// Where that is.
  uint64_t offset() {
    peek();
    return base + position;
  }

  /// Each reads one value. Errors say where, what was expected and what was
  /// found; `what` names the value for them. The position is then of no use.
  Status readString(std::string &value, std::string_view what);
  /// As it is written.
  Status readNumber(std::string_view &number, std::string_view what);
  /// An integer that fits, without fraction and exponent.
  Status readInteger(int64_t &value, int64_t least, std::string_view what);
  Status readBool(bool &value, std::string_view what);
  Status readNull(std::string_view what);

  /// An object: then nextMember() until it is false, with a value read behind
  /// each name. Whether names repeat is for the reader to see.
  Status beginObject(std::string_view what);
  Result<bool> nextMember(std::string &name);
  /// Where the name that was read last begins.
  uint64_t nameOffset() const { return base + namePosition; }
  /// An array: then nextItem() until it is false, with a value read each time.
  Status beginArray(std::string_view what);
  Result<bool> nextItem();

  /// Expects that nothing but spaces follows.
  Status finish();

private:
  /// Deeper texts are refused: readers of trees use the stack.
  static constexpr size_t maxDepth = 128;

  Status expected(std::string_view what);
  Status begin(char bracket, std::string_view what);
  Result<bool> next(char bracket);
  bool take(std::string_view word);
  Status readEscape(std::string &value);
  Status readUtf16(uint32_t &unit);

  const std::string &file;
  std::string_view text;
  uint64_t base;
  Numbers numbers;
  size_t position = 0, namePosition = 0;
  std::vector<bool> isBegun; ///< Of each open bracket: has it a value?
};

} // namespace rlx

#endif // RLX_RUNTIME_JSONCURSOR_H
