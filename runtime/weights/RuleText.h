//===- RuleText.h - The texts that rules of checkpoints are ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_RULETEXT_H
#define RLX_RUNTIME_WEIGHTS_RULETEXT_H

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace rlx {

/// Without spaces around it.
inline std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

/// Calls `function` with each part between separators until it returns false;
/// whether it never did.
template <class Function>
bool forEachPart(std::string_view text, char separator, Function function) {
  while (true) {
    size_t end = std::min(text.find(separator), text.size());
    if (!function(trimmed(text.substr(0, end))))
      return false;
    if (end == text.size())
      return true;
    text.remove_prefix(end + 1);
  }
}

/// `left = right`
inline std::pair<std::string_view, std::string_view>
splitEntry(std::string_view text) {
  size_t sign = std::min(text.find('='), text.size());
  return {trimmed(text.substr(0, sign)),
          trimmed(text.substr(std::min(sign + 1, text.size())))};
}

/// The whole text as a number; nothing where it is none.
inline std::optional<int64_t> parseInteger(std::string_view text) {
  int64_t value = 0;
  auto [end, failed] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// Whether a list of words, separated by spaces, has that one.
inline bool isWordOf(std::string_view word, std::string_view list) {
  return !forEachPart(list, ' ',
                      [&](std::string_view each) { return each != word; });
}

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_RULETEXT_H
