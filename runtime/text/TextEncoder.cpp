//===- TextEncoder.cpp - Text without special tokens to tokens ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/text/TextEncoder.h"

#include "runtime/Text.h"

using namespace rlx;

struct EncoderRow {
  std::string_view model; ///< `tokenizer.ggml.model`.
  Result<std::unique_ptr<TextEncoder>> (*create)(const Vocabulary &);
};

static constexpr EncoderRow encoders[] = {
    {"gpt2", createByteBpe},
    {"gemma4", createCharacterBpe},
    {"llama", createSentencePieces},
    {"bert", createWordPieces},
};

Result<std::unique_ptr<TextEncoder>>
rlx::createTextEncoder(const Vocabulary &vocabulary) {
  std::string known;
  for (const EncoderRow &row : encoders) {
    if (row.model == vocabulary.model)
      return row.create(vocabulary);
    known += fmt::format("{}'{}'", known.empty() ? "" : ", ", row.model);
  }
  return errorf("expected 'tokenizer.ggml.model' to be one of {}, but got {}",
                known, quoted(vocabulary.model));
}
