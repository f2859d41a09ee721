//===- ByteBpe.cpp - Byte pairs -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// R. Sennrich, B. Haddow, A. Birch, Neural Machine Translation of Rare Words
// with Subword Units (2016), on bytes as GPT-2 writes them: those that are no
// printable characters of Latin-1 as U+0100 and on, in their order.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/MergeQueue.h"
#include "runtime/text/SplitPatterns.h"
#include "runtime/text/TextEncoder.h"
#include "runtime/text/Utf8.h"

#include <array>

using namespace rlx;

/// What stands for a blank where characters are not bytes.
static constexpr std::string_view blank = "\xE2\x96\x81";

static bool isPrintable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
         byte >= 0xAE;
}

/// The character that each byte is written as.
static std::array<char32_t, 256> byteCharacters() {
  std::array<char32_t, 256> characters{};
  char32_t next = 256;
  for (unsigned byte = 0; byte < 256; ++byte)
    characters[byte] = isPrintable(byte) ? byte : next++;
  return characters;
}

namespace {

class ByteBpe final : public TextEncoder {
public:
  ByteBpe(const Vocabulary &vocabulary, const SplitRule &rule,
          SplitPatterns patterns, bool raw)
      : vocabulary(vocabulary), rule(rule), patterns(std::move(patterns)),
        raw(raw), characters(byteCharacters()) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      appendUtf8(written[byte], characters[byte]);
      bytesOf.emplace(characters[byte], static_cast<uint8_t>(byte));
    }
    readMerges();
  }

  Status encode(std::string_view text, bool begins,
                std::vector<int32_t> &ids) const override;
  void decode(int32_t id, std::string &bytes) const override;
  bool addsBos() const override { return rule.addBos; }

private:
  void readMerges();
  int32_t intern(std::string_view text);
  /// The symbol of a text: a token, or one that only merges know.
  int32_t findSymbol(std::string_view text) const;
  void encodeWord(std::string_view word, std::vector<int32_t> &ids) const;
  void append(int32_t symbol, std::string_view text,
              std::vector<int32_t> &ids) const;

  const Vocabulary &vocabulary;
  const SplitRule &rule;
  SplitPatterns patterns;
  bool raw;
  std::array<char32_t, 256> characters;
  std::array<std::string, 256> written;
  std::unordered_map<char32_t, uint8_t> bytesOf;
  /// Parts of merges that are no tokens; their symbols follow the tokens.
  std::unordered_map<std::string, int32_t> others;
  struct Merge {
    uint32_t rank;
    int32_t result;
  };
  std::unordered_map<uint64_t, Merge> merges; ///< By both symbols.
};

} // namespace

static uint64_t pairKey(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 |
         static_cast<uint32_t>(right);
}

int32_t ByteBpe::intern(std::string_view text) {
  if (int32_t token = vocabulary.find(text); token >= 0)
    return token;
  auto next = static_cast<int32_t>(vocabulary.size() + others.size());
  return others.try_emplace(std::string(text), next).first->second;
}

int32_t ByteBpe::findSymbol(std::string_view text) const {
  if (int32_t token = vocabulary.find(text); token >= 0 || others.empty())
    return token;
  auto found = others.find(std::string(text));
  return found == others.end() ? -1 : found->second;
}

void ByteBpe::readMerges() {
  merges.reserve(vocabulary.merges.size());
  for (size_t i = 0; i < vocabulary.merges.size(); ++i) {
    std::string_view merge = vocabulary.merges[i];
    // A blank may be the first part itself.
    size_t middle = merge.find(' ', 1);
    if (middle == std::string_view::npos || middle + 1 == merge.size())
      continue;
    std::string_view left = merge.substr(0, middle),
                     right = merge.substr(middle + 1);
    int32_t result = intern(std::string(left).append(right));
    merges.try_emplace(pairKey(intern(left), intern(right)),
                       Merge{static_cast<uint32_t>(i), result});
  }
}

void ByteBpe::append(int32_t symbol, std::string_view text,
                     std::vector<int32_t> &ids) const {
  if (vocabulary.has(symbol)) {
    ids.push_back(symbol);
    return;
  }
  // No token: its characters, and their bytes.
  while (!text.empty()) {
    std::string_view character = text.substr(0, readUtf8(text).bytes);
    text.remove_prefix(character.size());
    int32_t id = vocabulary.find(character);
    if (id >= 0) {
      ids.push_back(id);
      continue;
    }
    for (unsigned char byte : character)
      if (int32_t other = raw ? vocabulary.findByte(byte) : -1; other >= 0)
        ids.push_back(other);
      else if (vocabulary.unknown >= 0)
        ids.push_back(vocabulary.unknown);
  }
}

void ByteBpe::encodeWord(std::string_view word,
                         std::vector<int32_t> &ids) const {
  std::string text;
  std::vector<MergeSymbol> symbols;
  auto add = [&](std::string_view part) {
    symbols.push_back({static_cast<uint32_t>(text.size()),
                       static_cast<uint32_t>(part.size()), findSymbol(part)});
    text += part;
  };
  if (raw)
    for (std::string_view rest = word; !rest.empty();) {
      std::string_view part = rest.substr(0, readUtf8(rest).bytes);
      rest.remove_prefix(part.size());
      add(part == " " ? blank : part);
    }
  else
    for (unsigned char byte : word)
      add(written[byte]);
  if (rule.wholeWords)
    if (int32_t id = vocabulary.find(text); id >= 0) {
      ids.push_back(id);
      return;
    }
  mergeNeighbours(symbols,
                  [&](const MergeSymbol &left,
                      const MergeSymbol &right) -> std::optional<MergeResult> {
                    if (left.id < 0 || right.id < 0)
                      return std::nullopt;
                    auto found = merges.find(pairKey(left.id, right.id));
                    if (found == merges.end())
                      return std::nullopt;
                    return MergeResult{static_cast<float>(found->second.rank),
                                       found->second.result};
                  });
  for (const MergeSymbol &symbol : symbols)
    if (symbol.bytes)
      append(symbol.id,
             std::string_view(text).substr(symbol.begin, symbol.bytes), ids);
}

Status ByteBpe::encode(std::string_view text, bool /*begins*/,
                       std::vector<int32_t> &ids) const {
  std::vector<std::string_view> words;
  if (Status status = patterns.split(text, words); !status)
    return status;
  for (std::string_view word : words)
    encodeWord(word, ids);
  return Status();
}

void ByteBpe::decode(int32_t id, std::string &bytes) const {
  std::string_view text = vocabulary.text(id);
  while (!text.empty()) {
    Utf8Character next = readUtf8(text);
    std::string_view part = text.substr(0, next.bytes);
    text.remove_prefix(next.bytes);
    auto found = bytesOf.find(next.code);
    if (raw && part == blank)
      bytes.push_back(' ');
    else if (!raw && next.valid && found != bytesOf.end())
      bytes.push_back(static_cast<char>(found->second));
    else
      bytes += part;
  }
}

Result<std::unique_ptr<TextEncoder>>
rlx::createByteBpe(const Vocabulary &vocabulary, bool rawCharacters) {
  Result<const SplitRule *> rule =
      findSplitRule(rawCharacters ? vocabulary.model : vocabulary.pre);
  if (!rule)
    return rule.status();
  // Ranks are compared as floats, which hold integers up to this.
  constexpr size_t mostMerges = size_t(1) << 24;
  if (vocabulary.merges.size() > mostMerges)
    return errorf("expected at most {} items in 'tokenizer.ggml.merges', but "
                  "got {}",
                  mostMerges, vocabulary.merges.size());
  Result<SplitPatterns> patterns = SplitPatterns::compile((*rule)->patterns);
  if (!patterns)
    return patterns.status();
  return std::make_unique<ByteBpe>(vocabulary, **rule, patterns.take(),
                                   rawCharacters);
}
