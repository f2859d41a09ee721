//===- Tokenizer.cpp - Text to tokens and back ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/text/Tokenizer.h"

#include "runtime/text/Utf8.h"

#include <algorithm>
#include <functional>

using namespace rlx;

/// Texts of tokens that end a turn, in files that do not say which do.
static constexpr std::string_view endTexts[] = {
    "<|im_end|>", "<|eot_id|>",    "<|end|>",   "<end_of_turn>",
    "<|return|>", "<|endoftext|>", "<|eom_id|>"};

/// Models, by their general.name, whose special tokens swallow blanks that
/// follow, though no key of the file says so.
static constexpr std::string_view spaceSkippers[] = {"Phi3", "Phi-3", "phi3",
                                                     "phi-3"};

static bool isBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' ||
         c == '\f';
}

Result<Tokenizer> Tokenizer::create(const GgufFile &file) {
  Result<Vocabulary> vocabulary =
      Vocabulary::read(file.metadata(), file.path());
  if (!vocabulary)
    return vocabulary.status();
  return create(vocabulary.take());
}

Result<Tokenizer> Tokenizer::create(Vocabulary vocabulary) {
  Tokenizer tokenizer;
  tokenizer.tokens = std::make_unique<const Vocabulary>(std::move(vocabulary));
  Result<std::unique_ptr<TextEncoder>> encoder =
      createTextEncoder(*tokenizer.tokens);
  if (!encoder)
    return encoder.status();
  tokenizer.encoder = encoder.take();
  tokenizer.findSpecialTokens();
  return tokenizer;
}

static bool isSpecial(TokenKind kind) {
  return kind == TokenKind::control || kind == TokenKind::userDefined ||
         kind == TokenKind::unknown;
}

void Tokenizer::findSpecialTokens() {
  specialLengths.resize(256);
  for (size_t i = 0; i < tokens->size(); ++i) {
    auto id = static_cast<int32_t>(i);
    const std::string &text = tokens->text(id);
    if (!text.empty() && isSpecial(tokens->kind(id)))
      specialLengths[static_cast<unsigned char>(text.front())].push_back(
          text.size());
  }
  for (std::vector<size_t> &lengths : specialLengths) {
    std::sort(lengths.begin(), lengths.end(), std::greater<>());
    lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  }
  for (int32_t id : {tokens->eos, tokens->eot})
    if (id >= 0)
      ends.push_back(id);
  for (std::string_view text : endTexts)
    if (int32_t id = tokens->find(text); id >= 0 && isSpecial(tokens->kind(id)))
      ends.push_back(id);
  for (std::string_view name : spaceSkippers)
    skipsSpaces |= tokens->modelName.find(name) != std::string::npos;
}

/// The special token that `text` begins with; -1 where it begins with none.
/// Without `all`, only those that are text are looked for.
int32_t Tokenizer::specialAt(std::string_view text, bool all) const {
  for (size_t length : specialLengths[static_cast<unsigned char>(text[0])]) {
    if (length > text.size())
      continue;
    int32_t id = tokens->find(text.substr(0, length));
    if (id >= 0 && (tokens->kind(id) == TokenKind::userDefined ||
                    (all && isSpecial(tokens->kind(id)))))
      return id;
  }
  return -1;
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                               EncodeOptions options) const {
  constexpr size_t mostBytes = size_t(1) << 30;
  if (text.size() > mostBytes)
    return errorf("expected at most {} bytes of text, but got {}", mostBytes,
                  text.size());
  std::vector<int32_t> ids;
  bool addBos = options.addSpecial &&
                tokens->addBos.value_or(encoder->addsBos()) && tokens->bos >= 0;
  if (addBos)
    ids.push_back(tokens->bos);
  bool begins = true;
  size_t plain = 0; // Where text begins that is not encoded yet.
  auto encodePlain = [&](size_t end) {
    if (end == plain)
      return Status();
    Status status =
        encoder->encode(text.substr(plain, end - plain), begins, ids);
    begins = false;
    return status;
  };
  for (size_t at = 0; at < text.size();) {
    int32_t id = specialAt(text.substr(at), options.parseSpecial);
    if (id < 0) {
      ++at;
      continue;
    }
    if (Status status = encodePlain(at); !status)
      return status;
    ids.push_back(id);
    at += tokens->text(id).size();
    while (skipsSpaces && id != tokens->bos && id != tokens->unknown &&
           tokens->text(id) != "<|endoftext|>" && at < text.size() &&
           isBlank(text[at]))
      ++at;
    plain = at;
    begins = true;
  }
  if (Status status = encodePlain(text.size()); !status)
    return status;
  int32_t last = tokens->separator >= 0 ? tokens->separator : tokens->eos;
  if (options.addSpecial && tokens->addEos.value_or(encoder->addsEos()) &&
      last >= 0)
    ids.push_back(last);
  return ids;
}

std::string Tokenizer::piece(int32_t id, bool showSpecial) const {
  std::string bytes;
  if (!tokens->has(id))
    return bytes;
  switch (tokens->kind(id)) {
  case TokenKind::control:
  case TokenKind::unknown:
    return showSpecial ? tokens->text(id) : bytes;
  case TokenKind::userDefined:
    return tokens->text(id);
  default:
    break;
  }
  const std::string &text = tokens->text(id);
  unsigned byte = 0;
  if (text.size() == 6 && text.starts_with("<0x") && text.back() == '>' &&
      (byte = std::strtoul(text.c_str() + 3, nullptr, 16)) < 256 &&
      tokens->findByte(byte) == id) {
    bytes.push_back(static_cast<char>(byte));
    return bytes;
  }
  encoder->decode(id, bytes);
  return bytes;
}

std::string Tokenizer::decode(std::span<const int32_t> ids,
                              bool showSpecial) const {
  std::string bytes;
  for (int32_t id : ids)
    bytes += piece(id, showSpecial);
  if (addsSpace() && bytes.starts_with(' '))
    bytes.erase(0, 1);
  return toValidUtf8(bytes);
}

bool Tokenizer::endsText(int32_t id) const {
  return std::find(ends.begin(), ends.end(), id) != ends.end();
}

std::string TextStream::add(int32_t id) {
  pending += tokenizer.piece(id, showSpecial);
  size_t whole = pending.size() - unfinishedUtf8(pending);
  std::string text = toValidUtf8(std::string_view(pending).substr(0, whole));
  pending.erase(0, whole);
  return text;
}

std::string TextStream::finish() {
  std::string text = toValidUtf8(pending);
  pending.clear();
  return text;
}
