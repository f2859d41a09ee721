//===- TextEncoder.h - Text without special tokens to tokens --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kinds of tokenizer, a table by `tokenizer.ggml.model`. Special tokens,
// and those at the beginning and end, are Tokenizer.h's.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TEXT_TEXTENCODER_H
#define RLX_RUNTIME_TEXT_TEXTENCODER_H

#include "runtime/text/Vocabulary.h"

#include <memory>

namespace rlx {

/// Safe to use from several threads. Its vocabulary outlives it.
class TextEncoder {
public:
  virtual ~TextEncoder() = default;

  /// Appends the tokens of `text`. `begins` says that nothing or a special
  /// token stands before it.
  virtual Status encode(std::string_view text, bool begins,
                        std::vector<int32_t> &ids) const = 0;
  /// Appends the bytes that a token stands for, which is no special one.
  virtual void decode(int32_t id, std::string &bytes) const = 0;

  /// What the model does where the file does not say.
  virtual bool addsBos() const { return false; }
  virtual bool addsEos() const { return false; }
  /// Whether the first blank of a decoded text was added by encoding.
  virtual bool addsSpace() const { return false; }
};

/// Byte pairs: merges in the order in which they were learnt, of bytes that are
/// written as printable characters, or of characters where `rawCharacters`.
Result<std::unique_ptr<TextEncoder>> createByteBpe(const Vocabulary &vocabulary,
                                                   bool rawCharacters);
inline Result<std::unique_ptr<TextEncoder>>
createByteBpe(const Vocabulary &vocabulary) {
  return createByteBpe(vocabulary, false);
}
inline Result<std::unique_ptr<TextEncoder>>
createCharacterBpe(const Vocabulary &vocabulary) {
  return createByteBpe(vocabulary, true);
}

/// SentencePiece's byte pairs: what has the best score is merged first.
Result<std::unique_ptr<TextEncoder>>
createSentencePieces(const Vocabulary &vocabulary);

/// BERT's: the longest piece first, of words without case and accents.
Result<std::unique_ptr<TextEncoder>>
createWordPieces(const Vocabulary &vocabulary);

/// The encoder for `vocabulary.model`. Error: a kind that there is not, with
/// those there are.
Result<std::unique_ptr<TextEncoder>>
createTextEncoder(const Vocabulary &vocabulary);

} // namespace rlx

#endif // RLX_RUNTIME_TEXT_TEXTENCODER_H
