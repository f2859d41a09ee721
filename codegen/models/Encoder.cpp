//===- Encoder.cpp - BERT, from text to a vector --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/models/Encoder.h"

#include "codegen/models/LayerText.h"
#include "runtime/Json.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace rlx;

llvm::Expected<EncoderConfig> EncoderConfig::read(const std::string &path) {
  Result<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return toError(file.status());
  std::span<const std::byte> bytes = (*file)->bytes();
  Result<JsonValue> json = JsonValue::parse(
      path, {reinterpret_cast<const char *>(bytes.data()), bytes.size()});
  if (!json)
    return toError(json.status());
  const JsonValue *type = json->find("model_type");
  if (!type || !type->asString() || *type->asString() != "bert")
    return llvm::createStringError(
        "'" + path + "': expected 'model_type' to be 'bert', but got " +
        (type ? type->describe() : "none"));
  EncoderConfig config;
  struct Key {
    const char *name;
    int64_t EncoderConfig::*member;
  };
  constexpr Key keys[] = {
      {"num_hidden_layers", &EncoderConfig::layers},
      {"hidden_size", &EncoderConfig::hidden},
      {"num_attention_heads", &EncoderConfig::heads},
      {"intermediate_size", &EncoderConfig::feedForward},
      {"vocab_size", &EncoderConfig::vocabulary},
      {"max_position_embeddings", &EncoderConfig::positions}};
  constexpr int64_t most = int64_t(1) << 24;
  for (const Key &key : keys) {
    const JsonValue *value = json->find(key.name);
    std::optional<int64_t> number = value ? value->asInteger() : std::nullopt;
    if (!number || *number < 1 || *number > most)
      return llvm::createStringError(fmt::format(
          "'{}': expected '{}' to be an integer from 1 to {}, but "
          "got {}",
          path, key.name, most, value ? value->describe() : "none"));
    config.*key.member = *number;
  }
  if (config.hidden % config.heads)
    return llvm::createStringError(fmt::format(
        "'{}': expected 'hidden_size' to be a multiple of the {} heads, but "
        "got {}",
        path, config.heads, config.hidden));
  const JsonValue *act = json->find("hidden_act");
  if (act && (!act->asString() || *act->asString() != "gelu"))
    return llvm::createStringError("'" + path +
                                   "': expected 'hidden_act' to be 'gelu', but "
                                   "got " +
                                   act->describe());
  if (const JsonValue *epsilon = json->find("layer_norm_eps"))
    config.epsilon = epsilon->asNumber().value_or(config.epsilon);
  return config;
}

namespace {
/// Writes the function; layers follow each other in it.
class EncoderText {
public:
  EncoderText(const EncoderConfig &config, WeightTypes &weights)
      : config(config), weights(weights), graph(body, -1, "%rows") {}

  std::string write();

private:
  GraphValue weight(const std::string &name, std::vector<int64_t> shape) {
    GraphValue value = weights.typeOf(config.prefix + name, std::move(shape));
    value.name = graph.fresh({}).name;
    graph.line(fmt::format("{} = rlx.weight \"{}\" : {}", value.name,
                           config.prefix + name, value.type()));
    return value;
  }
  GraphValue norm(const GraphValue &x, const std::string &name) {
    std::vector<int64_t> shape = {config.hidden};
    return graph.layerNorm(x, weight(name + ".weight", shape),
                           weight(name + ".bias", shape), config.epsilon);
  }
  GraphValue linear(const GraphValue &x, const std::string &name,
                    int64_t outputs) {
    GraphValue w = weight(name + ".weight", {outputs, x.shape.back()});
    return graph.matmul(x, w, weight(name + ".bias", {outputs}), "f32");
  }
  GraphValue embeddings();
  GraphValue layer(const GraphValue &x, const std::string &name);

  const EncoderConfig &config;
  WeightTypes &weights;
  std::string body;
  GraphText graph;
};
} // namespace

/// Those of the words, of their positions, and of the first of two texts.
GraphValue EncoderText::embeddings() {
  GraphValue words = weight("embeddings.word_embeddings.weight",
                            {config.vocabulary, config.hidden});
  GraphValue x = graph.fresh({-1, config.hidden});
  graph.line(fmt::format("{} = rlx.embedding {}, %ids : ({}, tensor<?xi32>) -> "
                         "{}",
                         x.name, words.name, words.type(), x.type()));
  GraphValue positions = weight("embeddings.position_embeddings.weight",
                                {config.positions, config.hidden});
  GraphValue types =
      weight("embeddings.token_type_embeddings.weight", {2, config.hidden});
  GraphValue first = graph.fresh({config.hidden});
  graph.line(fmt::format("{} = tensor.extract_slice {}[0, 0] [1, {}] [1, 1] : "
                         "{} to {}",
                         first.name, types.name, config.hidden, types.type(),
                         first.type()));
  GraphValue places =
      graph.rowsFrom(positions, /*first=*/"%zero", /*count=*/"%rows");
  x = graph.add(graph.add(x, places), first);
  return norm(x, "embeddings.LayerNorm");
}

GraphValue EncoderText::layer(const GraphValue &x, const std::string &name) {
  auto heads = [&](const char *which) {
    return graph.splitHeads(
        linear(x, name + ".attention.self." + which, config.hidden),
        config.heads);
  };
  GraphValue q = heads("query"), k = heads("key"), v = heads("value");
  GraphText::AttentionTraits traits;
  traits.scale = 1 / std::sqrt(double(config.hidden) / double(config.heads));
  traits.isCausal = false;
  GraphValue mixed = graph.joinHeads(graph.attention(q, k, v, "%rows", traits));
  GraphValue attended =
      linear(mixed, name + ".attention.output.dense", config.hidden);
  attended = norm(graph.add(x, attended), name + ".attention.output.LayerNorm");
  GraphValue inner =
      linear(attended, name + ".intermediate.dense", config.feedForward);
  inner =
      graph.map({inner}, "%half = arith.constant 0.5 : f32\n"
                         "%one = arith.constant 1.0 : f32\n"
                         "%root = arith.constant 0.70710678118654752 : f32\n"
                         "%s = arith.mulf %a, %root : f32\n"
                         "%e = math.erf %s : f32\n"
                         "%f = arith.addf %one, %e : f32\n"
                         "%h = arith.mulf %a, %half : f32\n"
                         "%r = arith.mulf %h, %f : f32\n");
  GraphValue y = linear(inner, name + ".output.dense", config.hidden);
  return norm(graph.add(attended, y), name + ".output.LayerNorm");
}

std::string EncoderText::write() {
  graph.line("%zero = arith.constant 0 : index");
  graph.line("%rows = tensor.dim %ids, %zero : tensor<?xi32>");
  GraphValue x = embeddings();
  for (int64_t i = 0; i < config.layers; ++i)
    x = layer(x, fmt::format("encoder.layer.{}", i));
  graph.line(fmt::format("return {} : {}", x.name, x.type()));
  return fmt::format("func.func @encode(%ids: tensor<?xi32>) -> {} {{\n{}}}\n",
                     x.type(), body);
}

llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
rlx::buildEncoder(const WeightFile &file, const EncoderConfig &config,
                  mlir::MLIRContext &context) {
  WeightTypes weights(file, context);
  std::string text = EncoderText(config, weights).write();
  if (auto error = weights.takeError())
    return error;
  return parseText(context, text, file.path());
}

llvm::Expected<std::unique_ptr<Encoder>>
Encoder::open(const std::string &folder, const CompileOptions &options,
              unsigned threads) {
  auto config = EncoderConfig::read(folder + "/config.json");
  if (!config)
    return config.takeError();
  Result<std::unique_ptr<WeightFile>> opened =
      openWeightFile(folder + "/model.safetensors");
  if (!opened)
    return toError(opened.status());
  std::shared_ptr<const WeightFile> file = opened.take();
  // Models with something behind the encoder have it under a name.
  if (file->find("bert.embeddings.word_embeddings.weight"))
    config->prefix = "bert.";
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = buildEncoder(*file, *config, *context);
  if (!module)
    return module.takeError();
  auto code = compileModule(**module, options);
  if (!code)
    return code.takeError();
  if (auto error = (*code)->bindWeights(file))
    return error;
  std::unique_ptr<Encoder> encoder(new Encoder);
  encoder->sizes = *config;
  encoder->code = std::move(*code);
  encoder->pool = std::make_unique<ThreadPool>(threads);
  if (auto error =
          encoder->code->prepare("encode", RunOptions{encoder->pool.get(), {}}))
    return error;
  return encoder;
}

llvm::Expected<std::vector<float>>
Encoder::encode(llvm::ArrayRef<int32_t> tokens) const {
  auto count = int64_t(tokens.size());
  if (count == 0 || count > sizes.positions)
    return llvm::createStringError(
        fmt::format("expected a text of 1 to {} tokens, but got {}",
                    sizes.positions, count));
  for (int32_t token : tokens)
    if (token < 0 || token >= sizes.vocabulary)
      return llvm::createStringError(
          fmt::format("expected tokens from 0 to {}, but got {}",
                      sizes.vocabulary - 1, token));
  // Only read.
  TensorView ids{
      ElementType::i32, {count}, const_cast<int32_t *>(tokens.data())};
  auto results = code->run("encode", ids, RunOptions{pool.get(), {}});
  if (!results)
    return results.takeError();
  const float *vectors = results->front().data<float>();
  return std::vector<float>(vectors, vectors + count * sizes.hidden);
}

llvm::Expected<std::vector<float>>
Encoder::embed(llvm::ArrayRef<int32_t> tokens) const {
  auto vectors = encode(tokens);
  if (!vectors)
    return vectors.takeError();
  std::vector<double> sums(size_t(sizes.hidden));
  for (size_t i = 0; i < vectors->size(); ++i)
    sums[i % sums.size()] += (*vectors)[i];
  double length = 0;
  for (double sum : sums)
    length += sum * sum;
  length = std::sqrt(length);
  std::vector<float> result;
  for (double sum : sums)
    result.push_back(float(length > 0 ? sum / length : 0));
  return result;
}
