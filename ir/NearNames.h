//===- NearNames.h - What a name was meant to be ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Behind "the nearest are": of the names there are, those that somebody may
// have meant. Case and signs between words do not count, and a part of a name
// is almost the name: `q4k` is near `gguf_q4k`, `nf4` near `nf4/64`. So is how
// the name or a part of it begins: `fp8`, or `iq4` of `gguf_iq4_nl`.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_NEARNAMES_H
#define RLX_IR_NEARNAMES_H

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

#include <algorithm>
#include <string>
#include <utility>

namespace rlx {

/// How far `given` is from `name`; 0 for the same letters and digits.
inline unsigned nameDistance(llvm::StringRef given, llvm::StringRef name) {
  // Names come from strangers, and the time is the product of the lengths.
  constexpr size_t lookedAt = 128;
  auto letters = [](llvm::StringRef text) {
    std::string plain;
    for (char c : text.take_front(lookedAt))
      if (llvm::isAlnum(c))
        plain += llvm::toLower(c);
    return plain;
  };
  std::string wanted = letters(given);
  unsigned least = llvm::StringRef(wanted).edit_distance(letters(name));
  auto beginsLike = [&](llvm::StringRef plain) {
    constexpr size_t fewestLetters = 2;
    if (wanted.size() >= fewestLetters && plain.starts_with(wanted))
      least = std::min(least, 1u);
  };
  if (least > 0)
    beginsLike(letters(name));
  // The parts in front of each sign, and behind it.
  for (size_t at = 0; at < std::min(name.size(), lookedAt); ++at)
    if (!llvm::isAlnum(name[at]))
      for (llvm::StringRef part : {name.take_front(at), name.drop_front(at)})
        if (std::string plain = letters(part); !plain.empty()) {
          least =
              std::min(least, llvm::StringRef(wanted).edit_distance(plain) + 1);
          beginsLike(plain);
        }
  return least;
}

/// The names nearest to `given`, the nearest first.
inline llvm::SmallVector<std::string>
nearestNames(llvm::StringRef given, llvm::ArrayRef<std::string> known,
             size_t count = 3) {
  llvm::SmallVector<std::pair<unsigned, llvm::StringRef>> ranked;
  for (const std::string &name : known)
    ranked.push_back({nameDistance(given, name), name});
  llvm::stable_sort(ranked, llvm::less_first());
  llvm::SmallVector<std::string> names;
  for (const auto &[distance, name] : llvm::ArrayRef(ranked).take_front(count))
    names.push_back(name.str());
  return names;
}

/// `; did you mean 'a' or 'b'?`, or nothing where no name is near.
inline std::string didYouMean(llvm::StringRef given,
                              llvm::ArrayRef<std::string> known) {
  size_t most = std::max<size_t>(2, given.size() / 3);
  std::string text;
  for (const std::string &name : nearestNames(given, known, 2))
    if (nameDistance(given, name) <= most)
      text += (text.empty() ? "; did you mean '" : " or '") + name + "'";
  return text.empty() ? text : text + "?";
}

} // namespace rlx

#endif // RLX_IR_NEARNAMES_H
