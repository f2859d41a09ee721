//===- TokenizerFuzz.cpp - Any vocabulary, any text -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A length, the bytes of a GGUF file of that length, and a text, which is
// encoded and decoded with the file's vocabulary.
//
//===----------------------------------------------------------------------===//
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Utf8.h"
#include "runtime/weights/GgufReader.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

using namespace rlx;

static void expectSentence(const std::string &message) {
  if (message.empty() || message.find('\n') != std::string::npos)
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint32_t length = 0;
  if (size < sizeof(length))
    return 0;
  std::memcpy(&length, data, sizeof(length));
  size -= sizeof(length);
  auto block = std::make_unique<std::byte[]>(size);
  std::copy_n(reinterpret_cast<const std::byte *>(data) + sizeof(length), size,
              block.get());
  size_t fileSize = std::min<size_t>(length, size);
  Result<GgufPart> part = readGgufPart("w.gguf", {block.get(), fileSize});
  if (!part)
    return 0;
  Result<Vocabulary> vocabulary = Vocabulary::read(part->metadata, "w.gguf");
  if (!vocabulary) {
    expectSentence(vocabulary.message());
    return 0;
  }
  Result<Tokenizer> tokenizer = Tokenizer::create(vocabulary.take());
  if (!tokenizer) {
    expectSentence(tokenizer.message());
    return 0;
  }
  std::string_view text(reinterpret_cast<const char *>(block.get()) + fileSize,
                        size - fileSize);
  for (bool special : {false, true}) {
    Result<std::vector<int32_t>> ids =
        tokenizer->encode(text, {special, special});
    if (!ids) {
      expectSentence(ids.message());
      continue;
    }
    TextStream stream(*tokenizer, special);
    std::string streamed;
    for (int32_t id : *ids) {
      if (!tokenizer->vocabulary().has(id))
        std::abort();
      streamed += stream.add(id);
    }
    streamed += stream.finish();
    std::string decoded = tokenizer->decode(*ids, special);
    // What comes out is UTF-8, in one go or bit by bit.
    if (toValidUtf8(streamed) != streamed || !streamed.ends_with(decoded))
      std::abort();
  }
  return 0;
}
