//===- Vocabulary.cpp - The tokens of a model -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/text/Vocabulary.h"

#include "runtime/Text.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace rlx;

using Metadata = std::span<const GgufEntry>;

static const GgufValue *findValue(Metadata metadata, std::string_view key) {
  auto found =
      std::find_if(metadata.begin(), metadata.end(),
                   [&](const GgufEntry &entry) { return entry.key == key; });
  return found == metadata.end() ? nullptr : &found->value;
}

/// The array `tokenizer.ggml.<name>` with elements of type T; null where the
/// file has none of that type.
template <typename T>
static const std::vector<T> *findItems(Metadata metadata,
                                       std::string_view name) {
  const GgufValue *value =
      findValue(metadata, fmt::format("tokenizer.ggml.{}", name));
  const GgufArray *array = value ? value->asArray() : nullptr;
  return array ? std::get_if<std::vector<T>>(&array->items) : nullptr;
}

static std::string findText(Metadata metadata, std::string_view key) {
  const GgufValue *value = findValue(metadata, key);
  const std::string *text = value ? value->asString() : nullptr;
  return text ? *text : std::string();
}

static std::optional<bool> findFlag(Metadata metadata, std::string_view key) {
  const GgufValue *value = findValue(metadata, key);
  return value ? value->asBool() : std::nullopt;
}

Result<Vocabulary> Vocabulary::read(Metadata metadata, std::string_view path) {
  Vocabulary vocabulary;
  vocabulary.model = findText(metadata, "tokenizer.ggml.model");
  if (vocabulary.model.empty())
    return errorf("'{}' has no tokenizer: expected the key "
                  "'tokenizer.ggml.model'",
                  path);
  vocabulary.pre = findText(metadata, "tokenizer.ggml.pre");
  vocabulary.modelName = findText(metadata, "general.name");
  vocabulary.chatTemplate = findText(metadata, "tokenizer.chat_template");

  const auto *tokens = findItems<std::string>(metadata, "tokens");
  if (!tokens || tokens->empty())
    return errorf("'{}' has no tokens: expected 'tokenizer.ggml.tokens' to be "
                  "texts",
                  path);
  constexpr size_t most = std::numeric_limits<int32_t>::max();
  if (tokens->size() > most)
    return errorf("expected at most {} tokens, but got {}", most,
                  tokens->size());
  vocabulary.texts = *tokens;
  size_t count = tokens->size();

  auto wrongLength = [&](std::string_view name, size_t length) {
    return errorf("expected 'tokenizer.ggml.{}' of '{}' to have an item for "
                  "each of {} tokens, but got {}",
                  name, path, count, length);
  };
  vocabulary.kinds.assign(count, TokenKind::normal);
  const GgufValue *kinds = findValue(metadata, "tokenizer.ggml.token_type");
  if (std::optional<std::vector<int64_t>> numbers =
          kinds ? kinds->asIntegers() : std::nullopt) {
    if (numbers->size() != count)
      return wrongLength("token_type", numbers->size());
    for (size_t i = 0; i < count; ++i)
      if ((*numbers)[i] >= 1 && (*numbers)[i] <= 6)
        vocabulary.kinds[i] = static_cast<TokenKind>((*numbers)[i]);
  }
  if (const auto *scores = findItems<float>(metadata, "scores")) {
    if (scores->size() != count)
      return wrongLength("scores", scores->size());
    vocabulary.scores = *scores;
    // What is no number comes last.
    for (float &score : vocabulary.scores)
      if (std::isnan(score))
        score = -std::numeric_limits<float>::infinity();
  }
  if (const auto *merges = findItems<std::string>(metadata, "merges"))
    vocabulary.merges = *merges;

  struct Named {
    std::string_view key;
    int32_t Vocabulary::*member;
  };
  // The format spells 'separator' like this.
  static constexpr Named named[] = {
      {"bos_token_id", &Vocabulary::bos},
      {"cls_token_id", &Vocabulary::bos},
      {"eos_token_id", &Vocabulary::eos},
      {"eot_token_id", &Vocabulary::eot},
      {"unknown_token_id", &Vocabulary::unknown},
      {"seperator_token_id", &Vocabulary::separator},
      {"padding_token_id", &Vocabulary::pad},
  };
  for (const Named &each : named) {
    const GgufValue *value =
        findValue(metadata, fmt::format("tokenizer.ggml.{}", each.key));
    if (!value)
      continue;
    std::optional<int64_t> id = value->asInteger();
    if (!id || !vocabulary.has(*id))
      return errorf("expected 'tokenizer.ggml.{}' of '{}' to be one of {} "
                    "tokens, but got {}",
                    each.key, path, count, value->describe());
    vocabulary.*each.member = static_cast<int32_t>(*id);
  }
  vocabulary.addBos = findFlag(metadata, "tokenizer.ggml.add_bos_token");
  vocabulary.addEos = findFlag(metadata, "tokenizer.ggml.add_eos_token");
  vocabulary.addSpacePrefix =
      findFlag(metadata, "tokenizer.ggml.add_space_prefix");
  if (Status status = vocabulary.index(); !status)
    return status;
  return vocabulary;
}

Result<Vocabulary> Vocabulary::readWordPieces(std::vector<std::string> tokens) {
  if (tokens.empty())
    return Status::error("expected a vocabulary with at least one token");
  Vocabulary vocabulary;
  vocabulary.model = "bert";
  vocabulary.texts = std::move(tokens);
  vocabulary.kinds.assign(vocabulary.texts.size(), TokenKind::normal);
  for (size_t i = 0; i < vocabulary.texts.size(); ++i) {
    std::string &text = vocabulary.texts[i];
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
      vocabulary.kinds[i] = TokenKind::control;
      continue;
    }
    // As GGUF has them: what begins a word begins with U+2581.
    text = text.starts_with("##") ? text.substr(2) : "\xE2\x96\x81" + text;
  }
  if (Status status = vocabulary.index(); !status)
    return status;
  vocabulary.bos = vocabulary.find("[CLS]");
  vocabulary.separator = vocabulary.find("[SEP]");
  vocabulary.unknown = vocabulary.find("[UNK]");
  vocabulary.pad = vocabulary.find("[PAD]");
  return vocabulary;
}

Status Vocabulary::index() {
  ids.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    ids.emplace(texts[i], static_cast<int32_t>(i));
    longest = std::max(longest, texts[i].size());
  }
  byteTokens.assign(256, -1);
  for (unsigned byte = 0; byte < 256; ++byte)
    byteTokens[byte] = find(fmt::format("<0x{:02X}>", byte));
  return Status();
}

int32_t Vocabulary::find(std::string_view text) const {
  auto found = ids.find(text);
  return found == ids.end() ? -1 : found->second;
}
