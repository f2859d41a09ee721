//===- Perplexity.cpp - How well a text is foreseen -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text is cut into parts that fit the context. Of each part every token
// but the first counts, whose probability the tokens before it in the part
// give. Beside it the same with activations of f32: how far the distributions
// are apart, and how often the most probable token is the same.
//
//===----------------------------------------------------------------------===//

#include "codegen/StatusError.h"
#include "tools/bench/Table.h"
#include "tools/llm/LlmSession.h"

#include <algorithm>
#include <cmath>

using namespace rlx;

namespace {
/// Logarithms of the probabilities of one row of logits.
std::vector<double> logSoftmax(llvm::ArrayRef<float> logits) {
  double largest = *std::max_element(logits.begin(), logits.end()), sum = 0;
  for (float logit : logits)
    sum += std::exp(double(logit) - largest);
  double all = largest + std::log(sum);
  std::vector<double> result;
  result.reserve(logits.size());
  for (float logit : logits)
    result.push_back(double(logit) - all);
  return result;
}

struct Sums {
  int64_t count = 0, same = 0;
  double loss = 0, exactLoss = 0, divergence = 0;

  void addRow(llvm::ArrayRef<float> logits, int32_t next) {
    ++count;
    loss -= logSoftmax(logits)[size_t(next)];
  }
  /// S. Kullback, R. Leibler, On Information and Sufficiency (1951).
  void compare(llvm::ArrayRef<float> logits, llvm::ArrayRef<float> exact,
               int32_t next) {
    std::vector<double> p = logSoftmax(exact), q = logSoftmax(logits);
    exactLoss -= p[size_t(next)];
    for (size_t i = 0; i < p.size(); ++i)
      divergence += std::exp(p[i]) * (p[i] - q[i]);
    auto best = [](const std::vector<double> &row) {
      return std::max_element(row.begin(), row.end()) - row.begin();
    };
    same += best(p) == best(q);
  }
};
} // namespace

llvm::Error rlx::runPerplexity(const LlmCommandLine &given) {
  auto opened = openModel(given);
  if (!opened)
    return opened.takeError();
  auto &[file, tokenizer] = *opened;
  if (given.file.empty())
    return llvm::createStringError("expected a text, with -f");
  auto buffer = readText(given);
  if (!buffer)
    return buffer.takeError();
  // The file may say what special tokens are called; it means none.
  auto ids = toExpected(tokenizer.encode(*buffer, {.parseSpecial = false}));
  if (!ids)
    return ids.takeError();
  if (ids->size() < 2)
    return llvm::createStringError(fmt::format(
        "expected a text of at least 2 tokens, but got {}", ids->size()));
  constexpr int64_t usual = 512;
  int64_t capacity = given.context > 0 ? given.context.getValue() : usual;
  if (capacity < 2)
    return llvm::createStringError(fmt::format(
        "expected --context to be 2 or more, but got {}", capacity));
  auto options = loadOptions(given, capacity);
  if (!options)
    return options.takeError();
  auto model = loadModel(file, *options);
  if (!model)
    return model.takeError();
  std::unique_ptr<Model> exact;
  if (!given.noExact && options->activations != "f32") {
    ModelLoadOptions other = *options;
    other.activations = "f32";
    other.cacheType = "f32";
    auto loaded = loadModel(file, other);
    if (!loaded)
      return loaded.takeError();
    exact = std::move(*loaded);
  }
  Sums sums;
  Progress progress;
  auto vocabulary = size_t((*model)->config().vocabulary);
  llvm::ArrayRef<int32_t> rest = *ids;
  while (rest.size() >= 2) {
    progress.say(
        fmt::format("{} of {} tokens", ids->size() - rest.size(), ids->size()));
    auto part = rest.take_front(size_t(capacity));
    rest = rest.drop_front(part.size());
    auto context = (*model)->createContext(capacity);
    if (!context)
      return context.takeError();
    auto logits = context->evaluate(part, Context::Logits::all);
    if (!logits)
      return logits.takeError();
    auto row = [&](llvm::ArrayRef<float> all, size_t i) {
      return all.slice(i * vocabulary, vocabulary);
    };
    for (size_t i = 0; i + 1 < part.size(); ++i)
      sums.addRow(row(*logits, i), part[i + 1]);
    if (!exact)
      continue;
    auto exactContext = exact->createContext(capacity);
    if (!exactContext)
      return exactContext.takeError();
    auto exactLogits = exactContext->evaluate(part, Context::Logits::all);
    if (!exactLogits)
      return exactLogits.takeError();
    for (size_t i = 0; i + 1 < part.size(); ++i)
      sums.compare(row(*logits, i), row(*exactLogits, i), part[i + 1]);
  }
  progress.say("");
  auto count = double(sums.count);
  llvm::outs() << fmt::format("perplexity {:.4f} of {} tokens\n",
                              std::exp(sums.loss / count), sums.count);
  if (exact)
    llvm::outs() << fmt::format(
        "with activations of f32 {:.4f}; KL divergence {:.3g}, same most "
        "probable token {:.2f} %\n",
        std::exp(sums.exactLoss / count), sums.divergence / count,
        100 * double(sums.same) / count);
  return llvm::Error::success();
}
