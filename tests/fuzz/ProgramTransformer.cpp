//===- ProgramTransformer.cpp - Norms, caches and attention ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations of ir/TransformerOps.td in random programs: all sizes of
// heads, windows, caches in all kinds of types, appending at any position that
// fits.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/ProgramGenerator.h"

#include <cmath>

using namespace rlx;
using namespace rlx::fuzz;

void ProgramGenerator::makeNorm() {
  Sizes sizes = randomSizes(size_t(dice.between(1, 3)));
  if (sizes.back() == 0)
    return;
  bool isCentred = dice.chance(40), hasWeight = dice.chance(70),
       hasBias = isCentred && dice.chance(60);
  Value x = operand(ElementType::f32, sizes, 50);
  int64_t k = sizes.back();
  std::string operands = x.name, types = typeText(x);
  double magnitude = std::sqrt(double(k)), least = std::sqrt(0.5),
         error = (2 * x.error * (1 + magnitude) + 8e-7 * x.magnitude) / least +
                 4e-6 * magnitude;
  if (hasWeight) {
    Value weight = operand(ElementType::f32, {k}, 4);
    operands += " weight(" + weight.name + ")";
    types += ", " + typeText(weight);
    error = error * weight.magnitude + magnitude * weight.error;
    magnitude *= weight.magnitude;
  }
  if (hasBias) {
    Value bias = operand(ElementType::f32, {k}, 4);
    operands += " bias(" + bias.name + ")";
    types += ", " + typeText(bias);
    magnitude += bias.magnitude;
    error += bias.error + 1e-6 * magnitude;
  }
  define(std::string(isCentred ? "rlx.layer_norm " : "rlx.rms_norm ") +
             operands + " {epsilon = 0.5} : (" + types + ") -> " + typeText(x),
         ElementType::f32, x.shape, magnitude, error);
}

void ProgramGenerator::makeRope() {
  int64_t rows = dice.between(0, 6), heads = dice.between(1, 4),
          pairs = dice.pick<int64_t>({1, 4, 8, 16, 20}),
          rest = dice.pick<int64_t>({0, 0, 1, 8});
  Value x = operand(ElementType::f32, {rows, heads, 2 * pairs + rest}, 50);
  x = cast(x, {x.shape[0], x.shape[1], {2 * pairs + rest, false}});
  std::string position =
                  indexFromData(dice.pick<int64_t>({0, 1, 17, 4095, 100000})),
              count = sizeOf(rows), factors, factorTypes;
  if (dice.chance(30)) {
    Data data(ElementType::f32, {pairs});
    for (int64_t i = 0; i < pairs; ++i)
      data.set(i, double(dice.pick<int64_t>({1, 2, 8, 32})));
    Value value = provide(data);
    factors = " factors(" + value.name + ")";
    factorTypes = ", " + typeText(value);
  }
  std::string attributes =
      "dims = " + std::to_string(2 * pairs) + ", base = 1.0e+04";
  if (dice.chance(30))
    attributes += ", scale = 0.25";
  if (dice.chance(20))
    attributes += ", yarn_context = 2048";
  Value table = define(
      "rlx.rope_table from " + position + " count " + count + factors + " {" +
          attributes + "} : (index, index" + factorTypes + ") -> " +
          typeText(ElementType::f32,
                   {{2, false}, {rows, true}, {pairs, false}}),
      ElementType::f32, {{2, false}, {rows, true}, {pairs, false}}, 1, 2e-6);
  define("rlx.rope " + std::string(dice.chance(50) ? "pairs " : "halves ") +
             x.name + ", " + table.name + " : " + typeText(x) + ", " +
             typeText(table),
         ElementType::f32, x.shape, 1.5 * x.magnitude,
         1.5 * x.error + 5e-6 * x.magnitude);
}

/// What caches hold: plain floats, and schemes that can encode without a
/// search.
static std::string cacheScheme(Dice &dice, int64_t depth) {
  std::vector<std::string> names = {"f32", "f16", "bf16", "quant f16",
                                    "quant bf16"};
  if (depth % 32 == 0)
    names.insert(names.end(), {"gguf_q8_0", "gguf_q8_0", "gguf_q4_0"});
  return dice.pick(names);
}

ProgramGenerator::Cache ProgramGenerator::cache(const Sizes &sizes,
                                                const std::string &scheme) {
  if (scheme == "f32" || scheme == "f16" || scheme == "bf16") {
    Value value = operand(*parseElementType(scheme), sizes, 4);
    Shape shape = value.shape;
    shape[1].dynamic = shape[2].dynamic = false;
    value = cast(value, shape);
    return {value.name, typeText(value), value.magnitude, value.error,
            value.shape[0].dynamic};
  }
  Matrix stored = matrix(sizes, scheme);
  return {stored.name, stored.type, stored.largest, 1e-6 * stored.largest,
          false};
}

/// Rows into a cache, so that they may be read.
void ProgramGenerator::append(Cache &into, const Sizes &sizes, bool isEncoded) {
  int64_t count = dice.between(0, std::min<int64_t>(sizes[0], 4)),
          position = dice.between(0, sizes[0] - count);
  // Codes are those of exact numbers.
  Value rows = operand(ElementType::f32, {count, sizes[1], sizes[2]}, 4,
                       /*exact=*/isEncoded);
  std::string name = fresh();
  emit(name + " = rlx.append " + rows.name + " into " + into.name + " at " +
       indexFromData(position) + " : " + typeText(rows) + " into " + into.type);
  into.name = name;
  into.magnitude = std::max(into.magnitude, 1.2 * rows.magnitude + 1e-3);
  into.error = std::max(into.error, rows.error + 1e-2 * rows.magnitude);
}

void ProgramGenerator::makeAttention() {
  int64_t groups = dice.between(1, 3),
          members = dice.pick<int64_t>({1, 1, 2, 3, 8}),
          depth = dice.pick<int64_t>({8, 20, 32, 64, 80, 96}),
          columns = dice.chance(70) ? depth : dice.pick<int64_t>({4, 32, 40}),
          capacity = dice.pick<int64_t>({1, 5, 40, 70, 150}),
          length = dice.between(1, capacity),
          rows = dice.pick<int64_t>({1, 1, 2, 7, 20});
  bool isCausal = dice.chance(80), hasLength = dice.chance(80);
  if (!hasLength)
    length = capacity;
  rows = isCausal ? std::min(rows, length) : rows;
  int64_t heads = groups * members;
  Value q = operand(ElementType::f32, {rows, heads, depth}, 4);
  q = cast(q, {q.shape[0], {heads, false}, {depth, false}});
  Sizes ofK = {capacity, groups, depth}, ofV = {capacity, groups, columns};
  std::string schemeOfK = cacheScheme(dice, depth),
              schemeOfV = cacheScheme(dice, columns);
  Cache k = cache(ofK, schemeOfK), v = cache(ofV, schemeOfV);
  if (dice.chance(40))
    append(k, ofK, schemeOfK.size() > 4);
  if (dice.chance(40))
    append(v, ofV, schemeOfV.size() > 4);
  // Scores of at most 8, so that results are well conditioned.
  double most = double(depth) * q.magnitude * k.magnitude,
         scale = std::min(1.0, 8 / (most + 1e-3));
  std::string operands, types, attributes = "scale = " + numberText(scale);
  if (hasLength) {
    operands += " length(" + indexFromData(length) + ")";
    types += ", index";
  }
  if (dice.chance(25)) {
    Value sinks = operand(ElementType::f32, {heads}, 4, /*exact=*/true);
    operands += " sinks(" + sinks.name + ")";
    types += ", " + typeText(sinks);
  }
  if (isCausal)
    attributes += ", causal";
  if (isCausal && dice.chance(30))
    attributes +=
        ", window = " + std::to_string(dice.pick<int64_t>({1, 3, 17, 64, 100}));
  if (dice.chance(20))
    attributes += ", softcap = 5.0";
  double ofScore = scale * double(depth) *
                       (q.error * k.magnitude + k.error * q.magnitude) +
                   1e-5,
         error = 3 * v.magnitude * std::min(1.0, std::expm1(2 * ofScore)) +
                 2 * v.error + 1e-5 * v.magnitude;
  Shape shape = {q.shape[0], {heads, false}, {columns, false}};
  define("rlx.attention " + q.name + ", " + k.name + ", " + v.name + operands +
             " {" + attributes + "} : (" + typeText(q) + ", " + k.type + ", " +
             v.type + types + ") -> " + typeText(ElementType::f32, shape),
         ElementType::f32, shape, v.magnitude, error);
}

void ProgramGenerator::makeAppend() {
  Sizes sizes = randomSizes(size_t(dice.between(1, 3)));
  ElementType element = dice.pick({ElementType::f32, ElementType::f32,
                                   ElementType::f16, ElementType::bf16});
  Value whole = operand(element, sizes, 50);
  int64_t count = dice.between(0, sizes[0]),
          position = dice.between(0, sizes[0] - count);
  sizes[0] = count;
  Value rows = operand(ElementType::f32, sizes, 50);
  double magnitude = std::max(whole.magnitude, 1.01 * rows.magnitude),
         error = std::max(whole.error,
                          rows.error + rounding(element) * rows.magnitude);
  if (element != ElementType::f32 && error == 0)
    error = rounding(element) * magnitude;
  define("rlx.append " + rows.name + " into " + whole.name + " at " +
             indexFromData(position) + " : " + typeText(rows) + " into " +
             typeText(whole),
         element, whole.shape, magnitude, error);
}

void ProgramGenerator::makeTopk() {
  Sizes sizes = randomSizes(size_t(dice.between(1, 3)));
  if (sizes.back() == 0)
    return;
  Value x = operand(ElementType::f32, sizes, 50, /*exact=*/true);
  int64_t k = dice.between(1, std::min<int64_t>(sizes.back(), 6));
  Shape shape = x.shape;
  shape.back() = {k, false};
  std::string name = fresh();
  emit(name + ":2 = rlx.topk " + x.name + " : " + typeText(x) + " -> " +
       typeText(ElementType::f32, shape) + ", " +
       typeText(ElementType::i32, shape));
  add({name + "#0", ElementType::f32, shape, x.magnitude, 0});
  add({name + "#1", ElementType::i32, shape, double(sizes.back()), 0});
}
