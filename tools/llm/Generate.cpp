//===- Generate.cpp - Text that goes on -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/StatusError.h"
#include "runtime/text/ChatFormat.h"
#include "tools/llm/LlmSession.h"

#include <chrono>
#include <iostream>

using namespace rlx;

namespace {
using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// What was computed, and how long it took.
struct Speeds {
  int64_t read = 0, written = 0;
  double readSeconds = 0, writeSeconds = 0;

  void print() const {
    auto speed = [](int64_t tokens, double seconds) {
      return seconds > 0 ? double(tokens) / seconds : 0;
    };
    llvm::errs() << fmt::format(
        "read {} tokens, {:.1f} tokens/s; wrote {} tokens, {:.1f} tokens/s\n",
        read, speed(read, readSeconds), written, speed(written, writeSeconds));
  }
};

/// A sequence of tokens that the model and the user write in turn.
class Writer {
public:
  Writer(const Tokenizer &tokenizer, Context context,
         const SamplerOptions &options)
      : tokenizer(tokenizer), context(std::move(context)), sampler(options) {}

  /// Makes `tokens` what is there: what it begins with and is there already is
  /// not computed again.
  llvm::Error read(llvm::ArrayRef<int32_t> tokens);
  /// Writes at most `count` tokens to stdout, until the model ends its text.
  /// Gives the text.
  llvm::Expected<std::string> write(int64_t count);

  int64_t room() const { return context.capacity() - context.position(); }
  Speeds speeds;

private:
  const Tokenizer &tokenizer;
  Context context;
  Sampler sampler;
  std::vector<int32_t> tokens;
  std::vector<float> logits; ///< Behind the last token.
};
} // namespace

llvm::Error Writer::read(llvm::ArrayRef<int32_t> all) {
  size_t same = 0;
  // The last one is computed again where all are there: its logits are asked
  // for.
  while (same + 1 < all.size() && same < size_t(context.position()) &&
         all[same] == tokens[same])
    ++same;
  if (auto error = context.truncate(int64_t(same)))
    return error;
  Clock::time_point begin = Clock::now();
  auto result = context.evaluate(all.drop_front(same));
  if (!result)
    return result.takeError();
  speeds.readSeconds += secondsSince(begin);
  speeds.read += int64_t(all.size() - same);
  logits.assign(result->begin(), result->end());
  tokens.assign(all.begin(), all.end());
  return llvm::Error::success();
}

llvm::Expected<std::string> Writer::write(int64_t count) {
  TextStream stream(tokenizer);
  std::string written;
  auto print = [&](const std::string &text) {
    written += text;
    llvm::outs() << text;
    llvm::outs().flush();
  };
  Clock::time_point begin = Clock::now();
  for (int64_t i = 0; i < count; ++i) {
    Result<int32_t> next = sampler.sample(logits, tokens);
    if (!next)
      return toError(next.status());
    ++speeds.written;
    if (tokenizer.endsText(*next))
      break;
    print(stream.add(*next));
    tokens.push_back(*next);
    // Nothing follows the last token that fits.
    if (i + 1 == count || room() == 0)
      break;
    auto result = context.evaluate(*next);
    if (!result)
      return result.takeError();
    logits.assign(result->begin(), result->end());
  }
  print(stream.finish());
  speeds.writeSeconds += secondsSince(begin);
  return written;
}

llvm::Error rlx::runGenerate(const LlmCommandLine &given) {
  if (Status status = given.sampler().check(); !status)
    return toError(status);
  auto opened = openModel(given);
  if (!opened)
    return opened.takeError();
  auto &[file, tokenizer] = *opened;
  auto text = readText(given);
  if (!text)
    return text.takeError();
  auto ids = toExpected(tokenizer.encode(*text));
  if (!ids)
    return ids.takeError();
  if (ids->empty()) {
    if (tokenizer.vocabulary().bos < 0)
      return llvm::createStringError(
          "expected a text of at least one token, but got an empty one");
    ids->push_back(tokenizer.vocabulary().bos);
  }
  constexpr int64_t mostWritten = 128;
  int64_t count = given.count < 0 ? mostWritten : given.count.getValue();
  int64_t needed = int64_t(ids->size()) + count;
  int64_t capacity = given.context > 0 ? given.context.getValue() : needed;
  auto options = loadOptions(given, capacity);
  if (!options)
    return options.takeError();
  auto model = loadModel(file, *options);
  if (!model)
    return model.takeError();
  auto context = (*model)->createContext(capacity);
  if (!context)
    return context.takeError();
  Writer writer(tokenizer, std::move(*context), given.sampler());
  if (auto error = writer.read(*ids))
    return error;
  llvm::outs() << *text;
  auto written = writer.write(std::min(count, writer.room() + 1));
  if (!written)
    return written.takeError();
  llvm::outs() << "\n";
  llvm::outs().flush();
  writer.speeds.print();
  return llvm::Error::success();
}

llvm::Error rlx::runChat(const LlmCommandLine &given) {
  if (Status status = given.sampler().check(); !status)
    return toError(status);
  auto opened = openModel(given);
  if (!opened)
    return opened.takeError();
  auto &[file, tokenizer] = *opened;
  const ChatFormat *format =
      &guessChatFormat(tokenizer.vocabulary().chatTemplate);
  if (!given.format.empty()) {
    Result<const ChatFormat *> found =
        findChatFormat(std::string_view(given.format.getValue()));
    if (!found)
      return toError(found.status());
    format = *found;
  }
  constexpr int64_t usual = 4096;
  auto options =
      loadOptions(given, given.context > 0 ? given.context.getValue() : usual);
  if (!options)
    return options.takeError();
  auto model = loadModel(file, *options);
  if (!model)
    return model.takeError();
  auto context = (*model)->createContext(options->context);
  if (!context)
    return context.takeError();
  Writer writer(tokenizer, std::move(*context), given.sampler());
  std::vector<ChatMessage> messages;
  if (!given.system.empty())
    messages.push_back({ChatRole::system, given.system});
  std::string line;
  while (llvm::errs() << "> ", std::getline(std::cin, line)) {
    if (line.empty())
      continue;
    messages.push_back({ChatRole::user, line});
    auto ids = toExpected(tokenizer.encode(formatChat(*format, messages)));
    if (!ids)
      return ids.takeError();
    if (auto error = writer.read(*ids))
      return error;
    int64_t room = writer.room() + 1;
    auto answer = writer.write(
        given.count < 0 ? room : std::min(room, given.count.getValue()));
    if (!answer)
      return answer.takeError();
    llvm::outs() << "\n";
    llvm::outs().flush();
    messages.push_back({ChatRole::assistant, *answer});
  }
  llvm::errs() << "\n";
  writer.speeds.print();
  return llvm::Error::success();
}
