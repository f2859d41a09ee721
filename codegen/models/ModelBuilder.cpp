//===- ModelBuilder.cpp - From a weight file to a graph -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/models/ModelBuilder.h"

#include "codegen/Compiler.h"
#include "codegen/models/LayerText.h"
#include "ir/ActivationType.h"
#include "ir/Scheme.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace rlx;

/// A cache of keys or values, of a size that is known when it is made.
static llvm::Expected<GraphValue> cacheValue(const ModelConfig &config,
                                             const ModelOptions &options,
                                             mlir::MLIRContext &context) {
  GraphValue cache{"", {-1, config.keyHeads, config.headSize}};
  const std::string &type = options.cacheType;
  if (llvm::is_contained({"f32", "f16", "bf16"}, type)) {
    cache.element = type;
    return cache;
  }
  std::optional<QuantScheme> scheme = QuantScheme::parse(&context, type);
  if (!scheme)
    return llvm::createStringError(
        "expected a type of caches of f32, f16, bf16 or a scheme: " +
        QuantScheme::unknownSchemeMessage(type));
  cache.encoding =
      fmt::format("#rlx.quant<{}>", std::string_view(scheme->displayName()));
  return cache;
}

namespace {
class StepText {
public:
  StepText(const ModelConfig &config, const ModelOptions &options,
           WeightTypes &weights, const GraphValue &cache)
      : config(config), options(options), weights(weights), cache(cache),
        layers(config, options, weights, cache) {}

  void write(llvm::StringRef name, int64_t tokens);
  std::string module() const {
    return "module {\n" + text + layers.functions() + "}\n";
  }

private:
  GraphValue weight(GraphText &graph, const std::string &name,
                    std::vector<int64_t> shape) {
    GraphValue value = weights.typeOf(name, std::move(shape));
    value.name = graph.fresh({}).name;
    graph.line(fmt::format("{} = rlx.weight \"{}\" : {}", value.name, name,
                           value.type()));
    return value;
  }
  GraphValue table(GraphText &graph, const RopeConfig &rope) {
    GraphValue factors;
    if (!rope.factors.empty())
      factors = weight(graph, rope.factors, {rope.dims / 2});
    return graph.ropeTable("%position", rope, factors);
  }
  GraphValue logits(GraphText &graph, GraphValue x);

  const ModelConfig &config;
  const ModelOptions &options;
  WeightTypes &weights;
  GraphValue cache;
  LayerText layers;
  std::string text;
};
} // namespace

GraphValue StepText::logits(GraphText &graph, GraphValue x) {
  x = graph.rmsNorm(x, weight(graph, "output_norm.weight", {config.hidden}),
                    config.epsilon);
  // Where there is no weight for it, that of embeddings is one.
  const char *output =
      weights.has("output.weight") ? "output.weight" : "token_embd.weight";
  GraphValue y =
      graph.matmul(x, weight(graph, output, {config.vocabulary, config.hidden}),
                   {}, options.activations);
  if (config.logitCap <= 0)
    return y;
  return graph.map({y}, fmt::format("%cap = arith.constant {:.9e} : f32\n"
                                    "%q = arith.divf %a, %cap : f32\n"
                                    "%t = math.tanh %q : f32\n"
                                    "%r = arith.mulf %t, %cap : f32\n",
                                    config.logitCap));
}

void StepText::write(llvm::StringRef name, int64_t tokens) {
  bool isAny = tokens < 0;
  GraphValue ids{"%ids", {tokens}, "i32"};
  std::string body;
  GraphText graph(body, tokens, "%rows");
  if (isAny) {
    graph.line("%zero = arith.constant 0 : index");
    graph.line(fmt::format("%rows = tensor.dim %ids, %zero : {}", ids.type()));
  } else {
    graph.line(fmt::format("%rows = arith.constant {} : index", tokens));
  }
  graph.line("%length = arith.addi %position, %rows : index");
  LayerText::Step step{tokens, "%rows", "%position", "%length", {}, {}};
  step.table = table(graph, config.rope);
  bool hasOther = config.architecture->windowRopeBase && config.window > 0;
  step.windowTable = hasOther ? table(graph, config.windowRope) : step.table;

  GraphValue embedding =
      weight(graph, "token_embd.weight", {config.vocabulary, config.hidden});
  GraphValue x = graph.fresh({tokens, config.hidden});
  graph.line(fmt::format("{} = rlx.embedding {}, %ids : ({}, {}) -> {}", x.name,
                         embedding.name, embedding.type(), ids.type(),
                         x.type()));
  if (config.architecture->scalesEmbedding)
    x = graph.map({x}, fmt::format("%s = arith.constant {:.9e} : f32\n"
                                   "%r = arith.mulf %a, %s : f32\n",
                                   std::sqrt(double(config.hidden))));
  std::string arguments, results, returned, returnedTypes;
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    GraphValue keys = cache, values = cache;
    keys.name = fmt::format("%keys{}", layer);
    values.name = fmt::format("%values{}", layer);
    for (auto [value, stem] : {std::pair(keys, "k"), std::pair(values, "v")}) {
      std::string state = fmt::format("{} {{rlx.state = \"{}.{}\"}}",
                                      value.type(), stem, layer);
      arguments += fmt::format(", {}: {}", value.name, state);
      results += ", " + state;
    }
    x = layers.call(graph, step, layer, x, keys, values);
    returned += fmt::format(", {}, {}", keys.name, values.name);
    returnedTypes += fmt::format(", {}, {}", keys.type(), values.type());
  }
  if (isAny) {
    graph.line("%asked = arith.subi %rows, %first : index");
    x = graph.rowsFrom(x, "%first", "%asked");
    graph.setRows("%asked");
  }
  GraphValue y = logits(graph, x);
  graph.line(fmt::format("return {}{} : {}{}", y.name, returned, y.type(),
                         returnedTypes));
  text += fmt::format("  func.func @{}(%ids: {}, %position: index{}{}) -> "
                      "({}{}) {{\n{}  }}\n",
                      std::string_view(name), ids.type(),
                      isAny ? ", %first: index" : "", arguments, y.type(),
                      results, body);
}

llvm::Expected<std::string> rlx::writeModel(const GgufFile &file,
                                            const ModelOptions &options,
                                            mlir::MLIRContext &context) {
  if (!activationTypeNamed(options.activations))
    return llvm::createStringError("expected activations of " +
                                   activationTypeNames() + ", but got '" +
                                   options.activations + "'");
  auto config = ModelConfig::read(file, options.context);
  if (!config)
    return config.takeError();
  auto cache = cacheValue(*config, options, context);
  if (!cache)
    return cache.takeError();
  WeightTypes weights(file, context);
  StepText step(*config, options, weights, *cache);
  step.write("step", -1);
  step.write("step_one", 1);
  if (auto error = weights.takeError())
    return error;
  return step.module();
}

llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
rlx::buildModel(const GgufFile &file, const ModelOptions &options,
                mlir::MLIRContext &context) {
  auto text = writeModel(file, options, context);
  if (!text)
    return text.takeError();
  return parseText(context, *text, file.path());
}
