//===- Text.cpp - Text of files in messages -------------------------------===//
//
// Plain loops over bytes; no locale, no Unicode.
//
//===----------------------------------------------------------------------===//
#include "runtime/Text.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace rlx {

std::string quoted(std::string_view text, size_t limit) {
  std::string result = "'";
  for (char c : text.substr(0, limit)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f)
      result += c;
    else
      result += fmt::format("\\x{:02x}", byte);
  }
  return result + (text.size() > limit ? "...'" : "'");
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
