//===- WordPieces.cpp - BERT's tokens -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// M. Schuster, K. Nakajima, Japanese and Korean Voice Search (2012), as BERT
// uses it: words without case and accents, punctuation and Chinese characters
// by themselves, then the longest piece first. What begins a word begins with
// U+2581 in the vocabulary. A word that pieces do not make up is one unknown
// token.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/LetterFolds.h"
#include "runtime/text/SplitPatterns.h"
#include "runtime/text/TextEncoder.h"
#include "runtime/text/Utf8.h"

#include <algorithm>
#include <array>

using namespace rlx;

static constexpr std::string_view blank = "\xE2\x96\x81";

/// What is left out, so that letters on both sides of it are neighbours.
static constexpr std::string_view dropped =
    "[\\p{Mn}\\x{0}\\x{FFFD}]|(?![\\t\\n\\r])[\\p{Cc}\\p{Cf}]";
static constexpr std::string_view blanks = "\\s+";
/// What is a word by itself.
static constexpr std::string_view single =
    "[\\p{P}$+<=>^`|~]"
    "|[\\x{4E00}-\\x{9FFF}\\x{3400}-\\x{4DBF}\\x{20000}-\\x{2A6DF}"
    "\\x{2A700}-\\x{2CEAF}\\x{F900}-\\x{FAFF}\\x{2F800}-\\x{2FA1F}]";

namespace {

class WordPieces final : public TextEncoder {
public:
  /// Patterns of what is dropped, of blanks, and of single characters.
  WordPieces(const Vocabulary &vocabulary,
             std::array<SplitPatterns, 3> patterns)
      : vocabulary(vocabulary), patterns(std::move(patterns)) {}

  Status encode(std::string_view text, bool begins,
                std::vector<int32_t> &ids) const override;
  void decode(int32_t id, std::string &bytes) const override;
  bool addsBos() const override { return true; }
  bool addsEos() const override { return true; }
  bool addsSpace() const override { return true; }

private:
  void encodeWord(std::string_view word, std::vector<int32_t> &ids) const;

  const Vocabulary &vocabulary;
  std::array<SplitPatterns, 3> patterns;
};

} // namespace

void WordPieces::encodeWord(std::string_view word,
                            std::vector<int32_t> &ids) const {
  std::string text(blank);
  text += word;
  std::string_view rest = text;
  size_t before = ids.size();
  while (!rest.empty()) {
    size_t length = std::min(rest.size(), vocabulary.longestText());
    int32_t id = -1;
    for (; length > 0; --length)
      if ((id = vocabulary.find(rest.substr(0, length))) >= 0)
        break;
    if (id < 0) {
      ids.resize(before);
      if (vocabulary.unknown >= 0)
        ids.push_back(vocabulary.unknown);
      return;
    }
    ids.push_back(id);
    rest.remove_prefix(length);
  }
}

Status WordPieces::encode(std::string_view text, bool /*begins*/,
                          std::vector<int32_t> &ids) const {
  std::string folded;
  for (std::string_view rest = text; !rest.empty();) {
    Utf8Character next = readUtf8(rest);
    rest.remove_prefix(next.bytes);
    if (next.valid)
      appendFolded(folded, next.code);
  }
  using Parts = SplitPatterns::Parts;
  const auto &[marks, spaces, alone] = patterns;
  std::vector<std::string_view> parts;
  if (Status status = marks.split(folded, parts, Parts::between); !status)
    return status;
  std::string kept;
  for (std::string_view part : parts)
    kept += part;
  std::vector<std::string_view> words;
  if (Status status = spaces.split(kept, words, Parts::between); !status)
    return status;
  for (std::string_view word : words) {
    parts.clear();
    if (Status status = alone.split(word, parts); !status)
      return status;
    for (std::string_view part : parts)
      encodeWord(part, ids);
  }
  return Status();
}

void WordPieces::decode(int32_t id, std::string &bytes) const {
  std::string_view text = vocabulary.text(id);
  if (text.starts_with(blank)) {
    bytes.push_back(' ');
    text.remove_prefix(blank.size());
  }
  bytes += text;
}

Result<std::unique_ptr<TextEncoder>>
rlx::createWordPieces(const Vocabulary &vocabulary) {
  Result<SplitPatterns> marks = SplitPatterns::compile(dropped),
                        spaces = SplitPatterns::compile(blanks),
                        alone = SplitPatterns::compile(single);
  for (const Result<SplitPatterns> *each : {&marks, &spaces, &alone})
    if (!each->ok())
      return each->status();
  return std::make_unique<WordPieces>(
      vocabulary,
      std::array<SplitPatterns, 3>{marks.take(), spaces.take(), alone.take()});
}
