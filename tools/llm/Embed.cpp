//===- Embed.cpp - The vector of a text -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/StatusError.h"
#include "codegen/models/Encoder.h"
#include "runtime/Npy.h"
#include "tools/llm/LlmSession.h"

#include "llvm/Support/MemoryBuffer.h"

using namespace rlx;

/// BERT's vocabulary, a token a line.
static llvm::Expected<Tokenizer> readVocabulary(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError("cannot read '" + path +
                                   "': " + buffer.getError().message());
  std::vector<std::string> tokens;
  llvm::StringRef rest = (*buffer)->getBuffer();
  while (!rest.empty()) {
    auto [line, others] = rest.split('\n');
    tokens.push_back(line.rtrim('\r').str());
    rest = others;
  }
  Result<Vocabulary> vocabulary = Vocabulary::readWordPieces(std::move(tokens));
  if (!vocabulary)
    return toError(vocabulary.status());
  return toExpected(Tokenizer::create(vocabulary.take()));
}

llvm::Error rlx::runEmbed(const LlmCommandLine &given) {
  if (given.model.empty())
    return llvm::createStringError(
        "expected a folder with config.json, model.safetensors and vocab.txt");
  auto text = readText(given);
  if (!text)
    return text.takeError();
  auto tokenizer = readVocabulary(given.model + "/vocab.txt");
  if (!tokenizer)
    return tokenizer.takeError();
  auto ids = toExpected(tokenizer->encode(*text));
  if (!ids)
    return ids.takeError();
  auto options = loadOptions(given, 0);
  if (!options)
    return options.takeError();
  auto encoder = Encoder::open(given.model, options->compile, given.threads);
  if (!encoder)
    return encoder.takeError();
  auto vector = (*encoder)->embed(*ids);
  if (!vector)
    return vector.takeError();
  if (given.output.empty()) {
    llvm::outs() << fmt::format("{:.6f}\n", fmt::join(*vector, " "));
    return llvm::Error::success();
  }
  TensorView view{ElementType::f32, {int64_t(vector->size())}, vector->data()};
  return toError(writeNpy(given.output, view));
}
