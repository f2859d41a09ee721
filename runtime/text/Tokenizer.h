//===- Tokenizer.h - Text to tokens and back ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Special tokens are found in the text, what lies between is cut by the
// vocabulary's own rules (TextEncoder.h), and the tokens for the beginning and
// the end are added as the file says.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TEXT_TOKENIZER_H
#define RLX_RUNTIME_TEXT_TOKENIZER_H

#include "runtime/text/TextEncoder.h"
#include "runtime/text/Vocabulary.h"
#include "runtime/weights/Gguf.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

struct EncodeOptions {
  /// Whether the tokens for the beginning and the end are added, where the
  /// vocabulary has it so.
  bool addSpecial = true;
  /// Whether text that reads as a special token (`<|im_end|>`) is one. Not
  /// for text of strangers.
  bool parseSpecial = true;
};

/// Safe to use from several threads.
class Tokenizer {
public:
  /// From the tables of a GGUF file. Errors name the key, and say which kinds
  /// there are.
  static Result<Tokenizer> create(const GgufFile &file);
  static Result<Tokenizer> create(Vocabulary vocabulary);

  /// The tokens of `text`, which may be any bytes.
  Result<std::vector<int32_t>> encode(std::string_view text,
                                      EncodeOptions options = {}) const;

  /// The bytes that a token stands for: a part of UTF-8, maybe not whole
  /// characters. Special tokens are empty, unless `showSpecial`. Numbers that
  /// are no tokens are empty.
  std::string piece(int32_t id, bool showSpecial = false) const;
  /// The text of tokens, without the blank that encoding put in front of it.
  /// What is no UTF-8 in it is replaced.
  std::string decode(std::span<const int32_t> ids,
                     bool showSpecial = false) const;

  /// Whether a model that writes this token is done.
  bool endsText(int32_t id) const;
  const Vocabulary &vocabulary() const { return *tokens; }
  /// Whether the first blank of a text is one that encoding added.
  bool addsSpace() const { return encoder->addsSpace(); }

private:
  Tokenizer() = default;
  void findSpecialTokens();
  int32_t specialAt(std::string_view text, bool all) const;

  std::unique_ptr<const Vocabulary> tokens;
  std::unique_ptr<TextEncoder> encoder;
  /// How long special tokens are that begin with a byte, the longest first.
  std::vector<std::vector<size_t>> specialLengths;
  std::vector<int32_t> ends;
  bool skipsSpaces = false; ///< Behind special tokens.
};

/// Text from tokens that come one by one.
class TextStream {
public:
  explicit TextStream(const Tokenizer &tokenizer, bool showSpecial = false)
      : tokenizer(tokenizer), showSpecial(showSpecial) {}

  /// What can be written once this token is there: whole characters.
  std::string add(int32_t id);
  /// What is left: bytes that never became a character, replaced.
  std::string finish();

private:
  const Tokenizer &tokenizer;
  bool showSpecial;
  std::string pending;
};

} // namespace rlx

#endif // RLX_RUNTIME_TEXT_TOKENIZER_H
