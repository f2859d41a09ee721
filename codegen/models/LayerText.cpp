//===- LayerText.cpp - Layers of a decoder as functions -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/models/LayerText.h"

#include "codegen/weights/StoredTypes.h"

#include "llvm/ADT/StringExtras.h"

using namespace rlx;

GraphValue WeightTypes::typeOf(llvm::StringRef name,
                               std::vector<int64_t> shape) {
  GraphValue value{"", shape};
  const WeightEntry *entry = file.find(std::string_view(name));
  auto fail = [&](std::string message) {
    if (problem.empty())
      problem = fmt::format("'{}': {}", file.path(), message);
    return value;
  };
  if (!entry)
    return fail(fmt::format("expected a tensor '{}' of shape {}, but there is "
                            "none",
                            std::string_view(name), describeShape(shape)));
  if (entry->shape != shape)
    return fail(fmt::format("expected '{}' to be of shape {}, but got {}",
                            std::string_view(name), describeShape(shape),
                            describeShape(entry->shape)));
  if (entry->element) {
    value.element = elementName(*entry->element);
    bool isFloat = llvm::is_contained({"f32", "f16", "bf16"}, value.element);
    if (isFloat && (shape.size() == 1 || value.element == "f32"))
      return value;
    value.element = "f32";
  }
  std::optional<QuantScheme> scheme = schemeOf(*entry, context);
  if (!scheme || shape.size() == 1)
    return fail(fmt::format(
        "expected '{}' to be of a type that RLX reads{}, but got '{}'; "
        "rlx-inspect --schemes lists them",
        std::string_view(name), shape.size() == 1 ? " as plain numbers" : "",
        entry->type));
  value.encoding =
      fmt::format("#rlx.quant<{}>", std::string_view(scheme->displayName()));
  return value;
}

/// The body of one layer's function.
class LayerText::Body {
public:
  Body(const LayerText &layer, WeightTypes &weights, GraphText &graph,
       const Step &step, int64_t number, std::vector<Weight> &used)
      : config(layer.config), traits(*layer.config.architecture),
        activations(layer.options.activations), types(weights), graph(graph),
        step(step), number(number), used(used) {}

  GraphValue attention(const GraphValue &x, GraphValue &keys,
                       GraphValue &values);
  GraphValue feedForward(const GraphValue &x);

private:
  GraphValue weight(const std::string &tensor, std::vector<int64_t> shape,
                    llvm::StringRef part = "weight") {
    std::string name =
        fmt::format("blk.{}.{}.{}", number, tensor, std::string_view(part));
    GraphValue value = types.typeOf(name, std::move(shape));
    value.name = fmt::format("%w{}", used.size());
    used.push_back({name, value});
    return value;
  }
  /// Has no name where the file has no bias.
  GraphValue bias(const std::string &tensor, std::vector<int64_t> shape) {
    if (!types.has(fmt::format("blk.{}.{}.bias", number, tensor)))
      return {};
    return weight(tensor, std::move(shape), "bias");
  }
  GraphValue matmul(const GraphValue &x, const std::string &tensor,
                    int64_t outputs) {
    GraphValue w = weight(tensor, {outputs, x.shape.back()});
    return graph.matmul(x, w, bias(tensor, {outputs}), activations);
  }
  GraphValue norm(const GraphValue &x, const std::string &tensor) {
    return graph.rmsNorm(x, weight(tensor, {x.shape.back()}), config.epsilon);
  }
  GraphValue gated(const GraphValue &gate, const GraphValue &up);
  GraphValue experts(const GraphValue &x);

  const ModelConfig &config;
  const Architecture &traits;
  const std::string &activations;
  WeightTypes &types;
  GraphText &graph;
  const Step &step;
  int64_t number;
  std::vector<Weight> &used;
};

GraphValue LayerText::Body::attention(const GraphValue &x, GraphValue &keys,
                                      GraphValue &values) {
  int64_t size = config.headSize, queryColumns = config.heads * size,
          keyColumns = config.keyHeads * size;
  GraphValue n = norm(x, "attn_norm"), q, k, v;
  if (traits.isFused) {
    GraphValue all = matmul(n, "attn_qkv", queryColumns + 2 * keyColumns);
    q = graph.columns(all, 0, queryColumns);
    k = graph.columns(all, queryColumns, keyColumns);
    v = graph.columns(all, queryColumns + keyColumns, keyColumns);
  } else {
    q = matmul(n, "attn_q", queryColumns);
    k = matmul(n, "attn_k", keyColumns);
    v = matmul(n, "attn_v", keyColumns);
  }
  q = graph.splitHeads(q, config.heads);
  k = graph.splitHeads(k, config.keyHeads);
  v = graph.splitHeads(v, config.keyHeads);
  if (traits.headNorms) {
    q = norm(q, "attn_q_norm");
    k = norm(k, "attn_k_norm");
  }
  bool hasWindow = config.hasWindow(number);
  const GraphValue &table = hasWindow ? step.windowTable : step.table;
  q = graph.rope(q, table, traits.rope);
  k = graph.rope(k, table, traits.rope);
  keys = graph.append(k, keys, step.position);
  values = graph.append(v, values, step.position);
  GraphText::AttentionTraits attention{config.attentionScale,
                                       config.attentionCap,
                                       hasWindow ? config.window : 0};
  if (traits.hasSinks)
    attention.sinks = weight("attn_sinks", {config.heads});
  GraphValue heads = graph.attention(q, keys, values, step.length, attention);
  GraphValue y = matmul(graph.joinHeads(heads), "attn_output", config.hidden);
  return traits.postNorms ? norm(y, "post_attention_norm") : y;
}

/// The body of `GraphText::map` for a gate %a and %b that it is multiplied
/// with.
static llvm::StringRef gateBody(Activation activation) {
  switch (activation) {
  case Activation::silu:
    return "%one = arith.constant 1.0 : f32\n"
           "%n = arith.negf %a : f32\n"
           "%e = math.exp %n : f32\n"
           "%d = arith.addf %one, %e : f32\n"
           "%s = arith.divf %a, %d : f32\n"
           "%r = arith.mulf %s, %b : f32\n";
  case Activation::gelu:
    return "%one = arith.constant 1.0 : f32\n"
           "%half = arith.constant 0.5 : f32\n"
           "%c = arith.constant 0.044715 : f32\n"
           "%root = arith.constant 0.79788456080286536 : f32\n"
           "%a2 = arith.mulf %a, %a : f32\n"
           "%a3 = arith.mulf %a2, %a : f32\n"
           "%t0 = arith.mulf %a3, %c : f32\n"
           "%t1 = arith.addf %a, %t0 : f32\n"
           "%t2 = arith.mulf %t1, %root : f32\n"
           "%t3 = math.tanh %t2 : f32\n"
           "%t4 = arith.addf %one, %t3 : f32\n"
           "%h = arith.mulf %a, %half : f32\n"
           "%s = arith.mulf %h, %t4 : f32\n"
           "%r = arith.mulf %s, %b : f32\n";
  case Activation::clampedSwiglu:
    return "%one = arith.constant 1.0 : f32\n"
           "%alpha = arith.constant 1.702 : f32\n"
           "%limit = arith.constant 7.0 : f32\n"
           "%least = arith.constant -7.0 : f32\n"
           "%g = arith.minimumf %a, %limit : f32\n"
           "%u0 = arith.minimumf %b, %limit : f32\n"
           "%u1 = arith.maximumf %u0, %least : f32\n"
           "%u = arith.addf %u1, %one : f32\n"
           "%ag = arith.mulf %g, %alpha : f32\n"
           "%n = arith.negf %ag : f32\n"
           "%e = math.exp %n : f32\n"
           "%d = arith.addf %one, %e : f32\n"
           "%s = arith.divf %g, %d : f32\n"
           "%r = arith.mulf %s, %u : f32\n";
  }
  llvm_unreachable("no other activation");
}

GraphValue LayerText::Body::gated(const GraphValue &gate,
                                  const GraphValue &up) {
  return graph.map({gate, up}, gateBody(traits.activation));
}

GraphValue LayerText::Body::experts(const GraphValue &x) {
  int64_t count = config.experts, inner = config.feedForward,
          hidden = config.hidden;
  GraphValue scores = matmul(x, "ffn_gate_inp", count);
  auto [values, ids] = graph.topk(scores, config.expertsUsed);
  // The softmax of all, divided by the sum of the chosen, is that of the
  // chosen.
  GraphValue shares = graph.softmax(values);
  auto gather = [&](const GraphValue &from, const std::string &tensor,
                    int64_t outputs) {
    GraphValue w = weight(tensor, {count, outputs, from.shape.back()});
    return graph.gatherMatmul(from, w, ids, bias(tensor, {count, outputs}),
                              activations);
  };
  GraphValue gate = gather(x, "ffn_gate_exps", inner);
  GraphValue up = gather(x, "ffn_up_exps", inner);
  GraphValue down = gather(gated(gate, up), "ffn_down_exps", hidden);
  return graph.weightedSum(down, shares);
}

GraphValue LayerText::Body::feedForward(const GraphValue &x) {
  GraphValue n = norm(x, traits.feedForwardNorm.str()), y;
  int64_t inner = config.feedForward;
  if (traits.hasExperts) {
    y = experts(n);
  } else if (traits.isFused) {
    GraphValue both = matmul(n, "ffn_up", 2 * inner);
    y = matmul(
        gated(graph.columns(both, 0, inner), graph.columns(both, inner, inner)),
        "ffn_down", config.hidden);
  } else {
    GraphValue gate = matmul(n, "ffn_gate", inner);
    GraphValue up = matmul(n, "ffn_up", inner);
    y = matmul(gated(gate, up), "ffn_down", config.hidden);
  }
  return traits.postNorms ? norm(y, "post_ffw_norm") : y;
}

std::string LayerText::functionFor(const Step &step, int64_t number,
                                   std::vector<Weight> &used) {
  Step inner = step;
  inner.rows = "%rows";
  inner.position = "%position";
  inner.length = "%length";
  inner.table.name = "%table";
  inner.windowTable.name = "%window_table";
  std::string body;
  GraphText graph(body, step.tokens, inner.rows);
  Body layer(*this, weights, graph, inner, number, used);
  GraphValue x{"%x", {step.tokens, config.hidden}}, keys = cache,
                                                    values = cache;
  keys.name = "%keys";
  values.name = "%values";
  // Names that the function begins with; those of operations follow.
  std::string header = fmt::format(
      "(%x: {}, %rows: index, %position: index, %length: index, %table: {}, "
      "%window_table: {}, %keys: {}, %values: {}",
      x.type(), step.table.type(), step.windowTable.type(), cache.type(),
      cache.type());
  GraphValue attended = graph.add(x, layer.attention(x, keys, values));
  GraphValue y = graph.add(attended, layer.feedForward(attended));
  for (const Weight &weight : used)
    header += fmt::format(", {}: {}", weight.value.name, weight.value.type());
  std::string types =
      fmt::format("{}, {}, {}", y.type(), keys.type(), values.type());
  graph.line(fmt::format("return {}, {}, {} : {}", y.name, keys.name,
                         values.name, types));
  std::string whole =
      fmt::format("{}) -> ({}) {{\n{}  }}\n", header, types, body);
  auto [found, isNew] =
      names.try_emplace(whole, fmt::format("layer{}", names.size()));
  if (isNew)
    text += fmt::format("  func.func private @{}{}\n", found->second, whole);
  return found->second;
}

GraphValue LayerText::call(GraphText &graph, const Step &step, int64_t number,
                           const GraphValue &x, GraphValue &keys,
                           GraphValue &values) {
  std::vector<Weight> used;
  std::string function = functionFor(step, number, used);
  std::string names =
      fmt::format("{}, {}, {}, {}, {}, {}, {}, {}", x.name, step.rows,
                  step.position, step.length, step.table.name,
                  step.windowTable.name, keys.name, values.name);
  std::string types = fmt::format(
      "{}, index, index, index, {}, {}, {}, {}", x.type(), step.table.type(),
      step.windowTable.type(), keys.type(), values.type());
  for (const Weight &weight : used) {
    GraphValue value = weight.value;
    value.name = graph.fresh({}).name;
    graph.line(fmt::format("{} = rlx.weight \"{}\" : {}", value.name,
                           weight.name, value.type()));
    names += ", " + value.name;
    types += ", " + value.type();
  }
  GraphValue y = graph.fresh(x.shape);
  std::string nextKeys = graph.fresh({}).name,
              nextValues = graph.fresh({}).name;
  graph.line(fmt::format("{}, {}, {} = call @{}({}) : ({}) -> ({}, {}, {})",
                         y.name, nextKeys, nextValues, function, names, types,
                         y.type(), keys.type(), values.type()));
  keys.name = nextKeys;
  values.name = nextValues;
  return y;
}
