//===- MergeQueue.h - Merging neighbours, the best pair first -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What byte pairs and SentencePiece's tokens have in common: a row of symbols
// of which two neighbours become one, the pair of the best rank first, of equal
// ones the leftmost, until no pair has a rank.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TEXT_MERGEQUEUE_H
#define RLX_RUNTIME_TEXT_MERGEQUEUE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

namespace rlx {

/// A part of a text, `bytes` long from `begin`.
struct MergeSymbol {
  uint32_t begin = 0, bytes = 0; ///< Merged into another: no bytes.
  int32_t id = -1;
};

/// What two neighbours become; the smallest rank comes first.
struct MergeResult {
  float rank = 0;
  int32_t id = -1;
};

/// Merges `symbols`, where `find(left, right)` gives an optional MergeResult.
/// Takes n log n steps. What was merged away stays with no bytes.
template <typename Find>
void mergeNeighbours(std::vector<MergeSymbol> &symbols, Find find) {
  struct Pair {
    MergeResult result;
    uint32_t left, right; ///< Symbols.
    uint32_t bytes;       ///< Of both: whether they are as they were.
  };
  auto later = [](const Pair &a, const Pair &b) {
    return a.result.rank > b.result.rank ||
           (a.result.rank == b.result.rank && a.left > b.left);
  };
  std::priority_queue<Pair, std::vector<Pair>, decltype(later)> pairs(later);
  auto count = static_cast<uint32_t>(symbols.size());
  std::vector<uint32_t> next(count), previous(count);
  for (uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1;
    previous[i] = i - 1; // Of the first one: none, as a large number.
  }
  auto push = [&](uint32_t left, uint32_t right) {
    if (left >= count || right >= count)
      return;
    if (std::optional<MergeResult> result = find(symbols[left], symbols[right]))
      pairs.push(
          {*result, left, right, symbols[left].bytes + symbols[right].bytes});
  };
  for (uint32_t i = 0; i + 1 < count; ++i)
    push(i, i + 1);
  while (!pairs.empty()) {
    Pair pair = pairs.top();
    pairs.pop();
    MergeSymbol &left = symbols[pair.left], &right = symbols[pair.right];
    // One of both was merged with another meanwhile.
    if (left.bytes == 0 || right.bytes == 0 ||
        left.bytes + right.bytes != pair.bytes)
      continue;
    left.bytes = pair.bytes;
    left.id = pair.result.id;
    right.bytes = 0;
    uint32_t behind = next[pair.right];
    next[pair.left] = behind;
    if (behind < count)
      previous[behind] = pair.left;
    push(previous[pair.left], pair.left);
    push(pair.left, behind);
  }
}

} // namespace rlx

#endif // RLX_RUNTIME_TEXT_MERGEQUEUE_H
