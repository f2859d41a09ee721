//===- TransformerText.cpp - Operations of transformers as MLIR -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/models/GraphText.h"

using namespace rlx;

GraphValue GraphText::rmsNorm(const GraphValue &x, const GraphValue &weight,
                              double epsilon) {
  GraphValue value = fresh(x.shape);
  line(fmt::format("{} = rlx.rms_norm {} weight({}) {{epsilon = {} : f64}} : "
                   "({}, {}) -> {}",
                   value.name, x.name, weight.name, numberText(epsilon),
                   x.type(), weight.type(), value.type()));
  return value;
}

GraphValue GraphText::layerNorm(const GraphValue &x, const GraphValue &weight,
                                const GraphValue &bias, double epsilon) {
  GraphValue value = fresh(x.shape);
  line(fmt::format("{} = rlx.layer_norm {} weight({}) bias({}) {{epsilon = {} "
                   ": f64}} : ({}, {}, {}) -> {}",
                   value.name, x.name, weight.name, bias.name,
                   numberText(epsilon), x.type(), weight.type(), bias.type(),
                   value.type()));
  return value;
}

GraphValue GraphText::ropeTable(llvm::StringRef position,
                                const RopeConfig &rope,
                                const GraphValue &factors) {
  GraphValue value = fresh({2, -1, rope.dims / 2});
  if (tokens >= 0)
    value.shape[1] = tokens;
  std::string with, withType;
  if (!factors.name.empty()) {
    with = fmt::format(" factors({})", factors.name);
    withType = ", " + factors.type();
  }
  std::string attributes = fmt::format(
      "dims = {}, base = {} : f64, scale = {} : f64, magnitude = {} : f64",
      rope.dims, numberText(rope.base), numberText(rope.scale),
      numberText(ropeMagnitude(rope)));
  if (rope.isYarn)
    attributes += fmt::format(
        ", yarn_context = {}, yarn_fast = {} : f64, yarn_slow = {} : f64",
        rope.originalContext, numberText(rope.betaFast),
        numberText(rope.betaSlow));
  line(fmt::format("{} = rlx.rope_table from {} count {}{} {{{}}} : (index, "
                   "index{}) -> {}",
                   value.name, std::string_view(position), rows, with,
                   attributes, withType, value.type()));
  return value;
}

GraphValue GraphText::rope(const GraphValue &x, const GraphValue &table,
                           RopePairing style) {
  GraphValue value = fresh(x.shape);
  line(fmt::format("{} = rlx.rope {} {}, {} : {}, {}", value.name,
                   style == RopePairing::pairs ? "pairs" : "halves", x.name,
                   table.name, x.type(), table.type()));
  return value;
}

GraphValue GraphText::append(const GraphValue &x, const GraphValue &cache,
                             llvm::StringRef position) {
  GraphValue value = cache;
  value.name = newName("v");
  line(fmt::format("{} = rlx.append {} into {} at {} : {} into {}", value.name,
                   x.name, cache.name, std::string_view(position), x.type(),
                   cache.type()));
  return value;
}

GraphValue GraphText::attention(const GraphValue &queries,
                                const GraphValue &keys,
                                const GraphValue &values,
                                llvm::StringRef length,
                                const AttentionTraits &traits) {
  GraphValue value = fresh(queries.shape);
  std::string sinks, sinksType;
  if (!traits.sinks.name.empty()) {
    sinks = fmt::format(" sinks({})", traits.sinks.name);
    sinksType = ", " + traits.sinks.type();
  }
  std::string attributes =
      fmt::format("{}scale = {} : f64", traits.isCausal ? "causal, " : "",
                  numberText(traits.scale));
  if (traits.window > 0)
    attributes += fmt::format(", window = {}", traits.window);
  if (traits.cap > 0)
    attributes += fmt::format(", softcap = {} : f64", numberText(traits.cap));
  line(fmt::format("{} = rlx.attention {}, {}, {} length({}){} {{{}}} : ({}, "
                   "{}, {}, index{}) -> {}",
                   value.name, queries.name, keys.name, values.name,
                   std::string_view(length), sinks, attributes, queries.type(),
                   keys.type(), values.type(), sinksType, value.type()));
  return value;
}

GraphText::Largest GraphText::topk(const GraphValue &x, int64_t count) {
  Largest largest{fresh({x.shape[0], count}), fresh({x.shape[0], count})};
  largest.ids.element = "i32";
  line(fmt::format("{}, {} = rlx.topk {} : {} -> {}, {}", largest.values.name,
                   largest.ids.name, x.name, x.type(), largest.values.type(),
                   largest.ids.type()));
  return largest;
}
