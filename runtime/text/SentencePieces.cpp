//===- SentencePieces.cpp - SentencePiece's byte pairs --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// T. Kudo, J. Richardson, SentencePiece (2018): characters are merged wherever
// both together are a token, the one with the best score first. A blank is
// U+2581; what is no token becomes tokens of bytes.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/MergeQueue.h"
#include "runtime/text/TextEncoder.h"
#include "runtime/text/Utf8.h"

using namespace rlx;

static constexpr std::string_view blank = "\xE2\x96\x81";

namespace {

class SentencePieces final : public TextEncoder {
public:
  explicit SentencePieces(const Vocabulary &vocabulary)
      : vocabulary(vocabulary) {}

  Status encode(std::string_view text, bool begins,
                std::vector<int32_t> &ids) const override;
  void decode(int32_t id, std::string &bytes) const override;
  bool addsBos() const override { return true; }
  bool addsSpace() const override {
    return vocabulary.addSpacePrefix.value_or(true);
  }

private:
  const Vocabulary &vocabulary;
};

} // namespace

Status SentencePieces::encode(std::string_view text, bool begins,
                              std::vector<int32_t> &ids) const {
  std::string escaped;
  if (begins && addsSpace())
    escaped += blank;
  for (char c : text)
    if (c == ' ')
      escaped += blank;
    else
      escaped += c;
  std::string_view whole = escaped;
  std::vector<MergeSymbol> symbols;
  for (size_t at = 0; at < whole.size();) {
    size_t bytes = readUtf8(whole.substr(at)).bytes;
    symbols.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(bytes),
                       vocabulary.find(whole.substr(at, bytes))});
    at += bytes;
  }
  mergeNeighbours(symbols,
                  [&](const MergeSymbol &left,
                      const MergeSymbol &right) -> std::optional<MergeResult> {
                    size_t bytes = left.bytes + right.bytes;
                    if (bytes > vocabulary.longestText())
                      return std::nullopt;
                    int32_t id =
                        vocabulary.find(whole.substr(left.begin, bytes));
                    if (id < 0)
                      return std::nullopt;
                    return MergeResult{-vocabulary.score(id), id};
                  });
  for (const MergeSymbol &symbol : symbols) {
    if (symbol.bytes == 0)
      continue;
    if (symbol.id >= 0) {
      ids.push_back(symbol.id);
      continue;
    }
    for (unsigned char byte : whole.substr(symbol.begin, symbol.bytes))
      if (int32_t id = vocabulary.findByte(byte); id >= 0)
        ids.push_back(id);
      else if (vocabulary.unknown >= 0)
        ids.push_back(vocabulary.unknown);
  }
  return Status();
}

void SentencePieces::decode(int32_t id, std::string &bytes) const {
  std::string_view text = vocabulary.text(id);
  for (size_t at = 0; at < text.size();)
    if (text.substr(at).starts_with(blank)) {
      bytes.push_back(' ');
      at += blank.size();
    } else {
      bytes.push_back(text[at++]);
    }
}

Result<std::unique_ptr<TextEncoder>>
rlx::createSentencePieces(const Vocabulary &vocabulary) {
  return std::make_unique<SentencePieces>(vocabulary);
}
