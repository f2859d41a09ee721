//===- ModelConfig.cpp - The sizes of a model -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/models/ModelConfig.h"

#include "llvm/ADT/Twine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

using namespace rlx;

namespace {
/// Reads keys `<architecture>.<name>`; the first error stays.
class KeyReader {
public:
  KeyReader(const GgufFile &file, llvm::StringRef prefix)
      : file(file), prefix(prefix.str()) {}

  const GgufValue *find(llvm::StringRef name) const {
    return file.findMetadata(key(name));
  }
  /// An integer from `least` to `most`; `otherwise` where the file has none.
  int64_t integer(llvm::StringRef name, std::optional<int64_t> otherwise,
                  int64_t least, int64_t most) {
    const GgufValue *value = find(name);
    std::optional<int64_t> number = value ? value->asInteger() : otherwise;
    // Some numbers are arrays with an item for each layer, all the same.
    if (auto items = value ? value->asIntegers() : std::nullopt)
      if (!items->empty() &&
          std::all_of(items->begin(), items->end(),
                      [&](int64_t item) { return item == items->front(); }))
        number = items->front();
    if (number && *number >= least && *number <= most)
      return *number;
    fail(name, fmt::format("an integer from {} to {}", least, most), value);
    return least;
  }
  /// A number above 0, or `otherwise`.
  double number(llvm::StringRef name, double otherwise) {
    const GgufValue *value = find(name);
    std::optional<double> given = value ? value->asNumber() : otherwise;
    if (given && std::isfinite(*given) && (*given > 0 || !value))
      return *given;
    fail(name, "a number above 0", value);
    return 1;
  }
  std::string text(llvm::StringRef name) const {
    const GgufValue *value = find(name);
    const std::string *text = value ? value->asString() : nullptr;
    return text ? *text : "";
  }
  void fail(llvm::StringRef name, llvm::StringRef expected,
            const GgufValue *value) {
    if (problem.empty())
      problem = fmt::format("expected '{}' of '{}' to be {}, but got {}",
                            key(name), file.path(), std::string_view(expected),
                            value ? value->describe() : "no such key");
  }
  std::string problem;

private:
  std::string key(llvm::StringRef name) const {
    return (prefix + "." + name).str();
  }
  const GgufFile &file;
  const std::string prefix;
};
} // namespace

/// Sizes beyond these are nobody's, and products of two fit.
static constexpr int64_t mostLayers = 1024, mostSize = int64_t(1) << 24;

static RopeConfig readRope(KeyReader &keys, const ModelConfig &config,
                           const GgufFile &file, int64_t context) {
  RopeConfig rope;
  rope.dims =
      keys.integer("rope.dimension_count", config.headSize, 2, config.headSize);
  if (rope.dims % 2)
    keys.fail("rope.dimension_count", "even",
              keys.find("rope.dimension_count"));
  rope.base = keys.number("rope.freq_base", 10000);
  std::string scaling = keys.text("rope.scaling.type");
  double factor = keys.number("rope.scaling.factor", 1);
  rope.originalContext =
      keys.number("rope.scaling.original_context_length",
                  std::max<double>(config.trainedContext, 1));
  if (scaling == "linear" || scaling == "yarn")
    rope.scale = 1 / factor;
  else if (!scaling.empty() && scaling != "none" && scaling != "longrope")
    keys.fail("rope.scaling.type", "none, linear, yarn or longrope",
              keys.find("rope.scaling.type"));
  rope.isYarn = scaling == "yarn";
  rope.betaFast = keys.number("rope.scaling.yarn_beta_fast", 32);
  rope.betaSlow = keys.number("rope.scaling.yarn_beta_slow", 1);
  rope.factor = keys.number("rope.scaling.attn_factor", 1);
  // One tensor for all lengths, or one for those the model was first trained on
  // and one for longer ones.
  bool isLong = double(context) > rope.originalContext;
  for (const char *name :
       {"rope_freqs.weight",
        isLong ? "rope_factors_long.weight" : "rope_factors_short.weight"})
    if (file.find(name))
      rope.factors = name;
  return rope;
}

llvm::Expected<ModelConfig> ModelConfig::read(const GgufFile &file,
                                              int64_t context) {
  const GgufValue *name = file.findMetadata("general.architecture");
  const std::string *text = name ? name->asString() : nullptr;
  if (!text)
    return llvm::createStringError(
        "expected 'general.architecture' of '" + file.path() +
        "' to name an architecture, but there is no such key");
  auto architecture = findArchitecture(*text);
  if (!architecture)
    return llvm::createStringError(
        "'" + file.path() + "': " + llvm::toString(architecture.takeError()));
  ModelConfig config;
  config.architecture = *architecture;
  KeyReader keys(file, *text);
  config.layers = keys.integer("block_count", std::nullopt, 1, mostLayers);
  config.hidden = keys.integer("embedding_length", std::nullopt, 1, mostSize);
  config.heads =
      keys.integer("attention.head_count", std::nullopt, 1, mostSize);
  config.keyHeads =
      keys.integer("attention.head_count_kv", config.heads, 1, config.heads);
  config.headSize = keys.integer("attention.key_length",
                                 config.hidden / config.heads, 1, mostSize);
  int64_t valueSize =
      keys.integer("attention.value_length", config.headSize, 1, mostSize);
  if (valueSize != config.headSize)
    keys.fail("attention.value_length",
              fmt::format("{}, as that of keys", config.headSize),
              keys.find("attention.value_length"));
  if (config.heads % config.keyHeads)
    keys.fail(
        "attention.head_count",
        fmt::format("a multiple of the {} heads of keys", config.keyHeads),
        keys.find("attention.head_count"));
  config.trainedContext = keys.integer("context_length", 2048, 1, INT32_MAX);
  config.epsilon = keys.number("attention.layer_norm_rms_epsilon", 1e-5);
  if ((*architecture)->hasExperts) {
    config.experts = keys.integer("expert_count", std::nullopt, 1, mostSize);
    config.expertsUsed =
        keys.integer("expert_used_count", std::nullopt, 1, config.experts);
    config.feedForward =
        keys.integer("expert_feed_forward_length", std::nullopt, 1, mostSize);
  } else {
    config.feedForward =
        keys.integer("feed_forward_length", std::nullopt, 1, mostSize);
  }
  config.rope = readRope(keys, config, file, context);
  if ((*architecture)->windowPeriod)
    config.window = keys.integer("attention.sliding_window", 0, 0, INT32_MAX);
  config.windowRope = config.rope;
  if (double base = (*architecture)->windowRopeBase) {
    config.windowRope = {};
    config.windowRope.dims = config.rope.dims;
    config.windowRope.base = keys.number("rope.freq_base_swa", base);
  }
  double scaled = double(config.headSize);
  if (config.layers == (*architecture)->hiddenScaleLayers)
    scaled = double(config.hidden) / double(config.heads);
  config.attentionScale = keys.number("attention.scale", 1 / std::sqrt(scaled));
  if ((*architecture)->hasCaps) {
    config.attentionCap = keys.number("attn_logit_softcapping", 0);
    config.logitCap = keys.number("final_logit_softcapping", 0);
  }
  if (!keys.problem.empty())
    return llvm::createStringError(keys.problem);
  const WeightEntry *embedding = file.find("token_embd.weight");
  if (!embedding || embedding->shape.size() != 2 ||
      embedding->shape[1] != config.hidden)
    return llvm::createStringError(fmt::format(
        "expected '{}' to have a tensor 'token_embd.weight' of shape [tokens, "
        "{}], but got {}",
        file.path(), config.hidden,
        embedding ? describeShape(embedding->shape) : "none"));
  config.vocabulary = embedding->shape[0];
  return config;
}

double rlx::ropeMagnitude(const RopeConfig &rope) {
  return rope.factor * (rope.isYarn ? 1 + 0.1 * std::log(1 / rope.scale) : 1);
}
