//===- Vocabulary.h - The tokens of a model -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a file says of its tokens, as it says it: texts, kinds, scores, merges
// and which of them stand for the beginning and the end. How text is cut into
// tokens is TextEncoder.h's.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TEXT_VOCABULARY_H
#define RLX_RUNTIME_TEXT_VOCABULARY_H

#include "runtime/Status.h"
#include "runtime/weights/GgufValue.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rlx {

/// `tokenizer.ggml.token_type` of GGUF.
enum class TokenKind : uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,     ///< Means something, and is no text.
  userDefined = 4, ///< Text that is always one token.
  unused = 5,
  byte = 6 ///< `<0x0A>`: a byte for which there is no other token.
};

class Vocabulary {
public:
  /// From `tokenizer.ggml.*` of the file `path`. Errors: no tokens, tables of
  /// different lengths, a token's number that is none.
  static Result<Vocabulary> read(std::span<const GgufEntry> metadata,
                                 std::string_view path);

  /// From a list of tokens as BERT's `vocab.txt` has them, where what goes on a
  /// word begins with `##`.
  static Result<Vocabulary> readWordPieces(std::vector<std::string> tokens);

  Vocabulary(Vocabulary &&) = default;
  Vocabulary &operator=(Vocabulary &&) = default;

  size_t size() const { return texts.size(); }
  bool has(int64_t id) const {
    return id >= 0 && static_cast<uint64_t>(id) < texts.size();
  }
  const std::string &text(int32_t id) const { return texts[id]; }
  TokenKind kind(int32_t id) const { return kinds[id]; }
  /// Zero where the file has no scores.
  float score(int32_t id) const { return scores.empty() ? 0 : scores[id]; }
  /// The token of that text; -1 where there is none.
  int32_t find(std::string_view text) const;
  /// The token that stands for one byte, as `<0x0A>`; -1 where there is none.
  int32_t findByte(uint8_t byte) const { return byteTokens[byte]; }
  /// In bytes, of all tokens.
  size_t longestText() const { return longest; }

  std::string model;               ///< `gpt2`, `llama`, `bert`.
  std::string pre;                 ///< How text is split before; may be empty.
  std::string modelName;           ///< `general.name`; may be empty.
  std::vector<std::string> merges; ///< `a b`, the first ones first.
  std::string chatTemplate;        ///< May be empty.
  /// -1: the file names none.
  int32_t bos = -1, eos = -1, eot = -1, unknown = -1, separator = -1, pad = -1;
  /// Where the file says so; otherwise the model's custom decides.
  std::optional<bool> addBos, addEos, addSpacePrefix;

private:
  Vocabulary() = default;
  Status index();

  std::vector<std::string> texts;
  std::vector<TokenKind> kinds;
  std::vector<float> scores;
  std::unordered_map<std::string_view, int32_t> ids;
  std::vector<int32_t> byteTokens;
  size_t longest = 0;
};

} // namespace rlx

#endif // RLX_RUNTIME_TEXT_VOCABULARY_H
