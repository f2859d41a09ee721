//===- TransformerText.cpp - Operations of transformers as MLIR -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Norms, rotary embeddings, caches and attention, as operations of linalg.
//
//===----------------------------------------------------------------------===//

#include "codegen/models/GraphText.h"

#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

using namespace rlx;

/// `{indexing_maps = [...], iterator_types = [...]}` of maps from `dims`, where
/// names in `reduced` are of reductions.
static std::string traitText(llvm::StringRef dims,
                             llvm::ArrayRef<const char *> maps,
                             llvm::StringRef reduced) {
  std::string text = "{indexing_maps = [", loops;
  for (size_t i = 0; i < maps.size(); ++i)
    text += fmt::format("{}affine_map<({}) -> ({})>", i ? ", " : "",
                        std::string_view(dims), maps[i]);
  llvm::SmallVector<llvm::StringRef> names;
  dims.split(names, ", ");
  for (llvm::StringRef name : names)
    loops += fmt::format("{}\"{}\"", loops.empty() ? "" : ", ",
                         reduced.contains(name) ? "reduction" : "parallel");
  return text + "], iterator_types = [" + loops + "]}";
}

GraphValue GraphText::generic(const std::string &trait,
                              llvm::ArrayRef<GraphValue> inputs,
                              const GraphValue &into, llvm::StringRef body) {
  GraphValue value = into;
  value.name = newName("v");
  std::string names, types, arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    names += (i ? ", " : "") + inputs[i].name;
    types += (i ? ", " : "") + inputs[i].type();
    arguments += fmt::format("%{}: {}, ", char('a' + i), inputs[i].element);
  }
  std::string ins =
      inputs.empty() ? "" : fmt::format("ins({} : {}) ", names, types);
  line(fmt::format("{} = linalg.generic {} {}outs({} : {}) {{", value.name,
                   trait, ins, into.name, into.type()));
  line(fmt::format("^bb0({}%into: {}):", arguments, into.element));
  llvm::SmallVector<llvm::StringRef> lines;
  body.split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef each : lines)
    line(("  " + each).str());
  line("  linalg.yield %r : " + into.element);
  line("} -> " + into.type());
  return value;
}

GraphValue GraphText::rmsNorm(const GraphValue &x, const GraphValue &weight,
                              double epsilon) {
  bool hasHeads = x.shape.size() == 3;
  std::vector<int64_t> rowShape(x.shape.begin(), x.shape.end() - 1);
  const char *all = hasHeads ? "t, h, k" : "t, k",
             *some = hasHeads ? "t, h" : "t";
  GraphValue sums =
      generic(traitText(all, {all, some}, "k"), x, filled(rowShape, 0),
              "%s = arith.mulf %a, %a : f32\n"
              "%r = arith.addf %into, %s fastmath<reassoc> : "
              "f32\n");
  return generic(
      traitText(all, {all, some, "k", all}, ""), {x, sums, weight}, empty(x),
      fmt::format("%n = arith.constant {} : f32\n"
                  "%e = arith.constant {} : f32\n"
                  "%m = arith.divf %b, %n : f32\n"
                  "%s = arith.addf %m, %e : f32\n"
                  "%q = math.rsqrt %s : f32\n"
                  "%y = arith.mulf %a, %q : f32\n"
                  "%r = arith.mulf %y, %c : f32\n",
                  numberText(double(x.shape.back())), numberText(epsilon)));
}

GraphValue GraphText::layerNorm(const GraphValue &x, const GraphValue &weight,
                                const GraphValue &bias, double epsilon) {
  std::string size = fmt::format("%n = arith.constant {} : f32\n",
                                 numberText(double(x.shape.back())));
  GraphValue sums = generic(
      traitText("t, k", {"t, k", "t"}, "k"), x, filled({x.shape.front()}, 0),
      "%r = arith.addf %into, %a fastmath<reassoc> : f32\n");
  GraphValue centred = generic(
      traitText("t, k", {"t, k", "t", "t, k"}, ""), {x, sums}, empty(x),
      size + "%m = arith.divf %b, %n : f32\n%r = arith.subf %a, %m : f32\n");
  GraphValue squares =
      generic(traitText("t, k", {"t, k", "t"}, "k"), centred,
              filled({x.shape.front()}, 0),
              "%s = arith.mulf %a, %a : f32\n"
              "%r = arith.addf %into, %s fastmath<reassoc> : f32\n");
  return generic(traitText("t, k", {"t, k", "t", "k", "k", "t, k"}, ""),
                 {centred, squares, weight, bias}, empty(x),
                 size + fmt::format("%e = arith.constant {} : f32\n"
                                    "%v = arith.divf %b, %n : f32\n"
                                    "%s = arith.addf %v, %e : f32\n"
                                    "%q = math.rsqrt %s : f32\n"
                                    "%y = arith.mulf %a, %q : f32\n"
                                    "%z = arith.mulf %y, %c : f32\n"
                                    "%r = arith.addf %z, %d : f32\n",
                                    numberText(epsilon)));
}

/// One angle a position for each pair of elements of a head, in radians.
static std::vector<double> frequenciesOf(const RopeConfig &rope) {
  // Frequencies whose waves go round `rotations` times in the original context
  // are those of this pair.
  auto pairOf = [&](double rotations) {
    return double(rope.dims) *
           std::log(rope.originalContext / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(rope.base));
  };
  double low = std::max(std::floor(pairOf(rope.betaFast)), 0.0);
  double high =
      std::min(std::ceil(pairOf(rope.betaSlow)), double(rope.dims) - 1);
  std::vector<double> frequencies;
  for (int64_t pair = 0; pair < rope.dims / 2; ++pair) {
    double kept = 0; // Of the frequency that is not scaled.
    if (rope.isYarn)
      kept = 1 - std::clamp((double(pair) - low) / std::max(0.001, high - low),
                            0.0, 1.0);
    frequencies.push_back(
        std::pow(rope.base, -2 * double(pair) / double(rope.dims)) *
        (kept + rope.scale * (1 - kept)));
  }
  return frequencies;
}

GraphValue GraphText::ropeTable(llvm::StringRef position,
                                const RopeConfig &rope,
                                const GraphValue &factors) {
  GraphValue frequencies = fresh({rope.dims / 2});
  std::string numbers;
  for (double each : frequenciesOf(rope))
    numbers += (numbers.empty() ? "" : ", ") + numberText(each);
  line(fmt::format("{} = arith.constant dense<[{}]> : {}", frequencies.name,
                   numbers, frequencies.type()));
  if (!factors.name.empty())
    frequencies = map({frequencies, factors}, "%r = arith.divf %a, %b : f32");
  return generic(traitText("c, t, i", {"i", "c, t, i"}, ""), frequencies,
                 empty(fresh({2, tokens, rope.dims / 2})),
                 fmt::format("%which = linalg.index 0 : index\n"
                             "%t = linalg.index 1 : index\n"
                             "%z = arith.constant 0 : index\n"
                             "%m = arith.constant {} : f32\n"
                             "%p = arith.addi %t, {} : index\n"
                             "%pi = arith.index_cast %p : index to i32\n"
                             "%pf = arith.sitofp %pi : i32 to f32\n"
                             "%angle = arith.mulf %pf, %a : f32\n"
                             "%cos = math.cos %angle : f32\n"
                             "%sin = math.sin %angle : f32\n"
                             "%is = arith.cmpi eq, %which, %z : index\n"
                             "%one = arith.select %is, %cos, %sin : f32\n"
                             "%r = arith.mulf %one, %m : f32\n",
                             numberText(ropeMagnitude(rope)),
                             std::string_view(position)));
}

GraphValue GraphText::rope(const GraphValue &x, const GraphValue &table,
                           RopeStyle style) {
  int64_t half = table.shape[2];
  // Which pair element %d is of, which element the other one is, and whether
  // %d is the first.
  std::string where =
      style == RopeStyle::pairs
          ? "%i = arith.shrui %d, %one : index\n"
            "%o = arith.xori %d, %one : index\n"
            "%w = arith.andi %d, %one : index\n"
            "%first = arith.cmpi eq, %w, %z : index\n"
          : fmt::format("%half = arith.constant {} : index\n"
                        "%first = arith.cmpi ult, %d, %half : index\n"
                        "%up = arith.addi %d, %half : index\n"
                        "%down = arith.subi %d, %half : index\n"
                        "%o = arith.select %first, %up, %down : index\n"
                        "%i = arith.select %first, %d, %down : index\n",
                        half);
  return generic(traitText("t, h, d", {"t, h, d", "t, h, d"}, ""), x, empty(x),
                 fmt::format("%t = linalg.index 0 : index\n"
                             "%h = linalg.index 1 : index\n"
                             "%d0 = linalg.index 2 : index\n"
                             "%z = arith.constant 0 : index\n"
                             "%one = arith.constant 1 : index\n"
                             "%dims = arith.constant {} : index\n"
                             "%turned = arith.cmpi ult, %d0, %dims : index\n"
                             "%d = arith.select %turned, %d0, %z : index\n"
                             "{}"
                             "%b = tensor.extract {}[%t, %h, %o] : {}\n"
                             "%cos = tensor.extract {}[%z, %t, %i] : {}\n"
                             "%sin = tensor.extract {}[%one, %t, %i] : {}\n"
                             "%minus = arith.negf %sin : f32\n"
                             "%s = arith.select %first, %minus, %sin : f32\n"
                             "%ac = arith.mulf %a, %cos : f32\n"
                             "%bs = arith.mulf %b, %s : f32\n"
                             "%y = arith.addf %ac, %bs : f32\n"
                             "%r = arith.select %turned, %y, %a : f32\n",
                             2 * half, where, x.name, x.type(), table.name,
                             table.type(), table.name, table.type()));
}

GraphValue GraphText::append(const GraphValue &x, const GraphValue &cache,
                             llvm::StringRef position) {
  GraphValue rounded = x;
  if (cache.element != "f32") {
    rounded.element = cache.element;
    rounded.name = newName("v");
    line(fmt::format("{} = arith.truncf {} : {} to {}", rounded.name, x.name,
                     x.type(), rounded.type()));
  }
  GraphValue value = cache;
  value.name = newName("v");
  line(fmt::format("{} = tensor.insert_slice {} into {}[{}, 0, 0] [{}, {}, {}] "
                   "[1, 1, 1] : {} into {}",
                   value.name, rounded.name, cache.name,
                   std::string_view(position),
                   tokens < 0 ? rows : fmt::format("{}", tokens), x.shape[1],
                   x.shape[2], rounded.type(), cache.type()));
  return value;
}

/// The first `length` rows of a cache, as f32.
GraphValue GraphText::kept(const GraphValue &cache, llvm::StringRef length) {
  GraphValue value = cache;
  value.name = newName("v");
  line(fmt::format("{} = tensor.extract_slice {}[0, 0, 0] [{}, {}, {}] [1, 1, "
                   "1] : {} to {}",
                   value.name, cache.name, std::string_view(length),
                   cache.shape[1], cache.shape[2], cache.type(), value.type()));
  if (cache.element == "f32")
    return value;
  GraphValue wide = value;
  wide.name = newName("v");
  wide.element = "f32";
  line(fmt::format("{} = arith.extf {} : {} to {}", wide.name, value.name,
                   value.type(), wide.type()));
  return wide;
}

GraphValue GraphText::attention(const GraphValue &queries,
                                const GraphValue &keys,
                                const GraphValue &values,
                                llvm::StringRef length,
                                const AttentionTraits &traits) {
  int64_t groups = keys.shape[1], size = keys.shape[2],
          group = queries.shape[1] / groups;
  GraphValue k = kept(keys, length), v = kept(values, length);
  GraphValue q = fresh({tokens, groups, group, size});
  std::string count = tokens < 0 ? rows : fmt::format("{}", tokens);
  line(fmt::format("{} = tensor.expand_shape {} [[0], [1, 2], [3]] "
                   "output_shape [{}, {}, {}, {}] : {} into {}",
                   q.name, queries.name, count, groups, group, size,
                   queries.type(), q.type()));
  // Sizes of scores: two that are known when it runs.
  GraphValue scores = fresh({tokens, groups, group, -1});
  std::string sizes = (tokens < 0 ? rows + ", " : "") + length.str();
  auto emptyScores = [&] {
    GraphValue value = scores;
    value.name = newName("e");
    line(fmt::format("{} = tensor.empty({}) : {}", value.name, sizes,
                     value.type()));
    return value;
  };
  std::string zero = scalar(0);
  GraphValue into = emptyScores(), zeros = scores;
  line(fmt::format("{} = linalg.fill ins({} : f32) outs({} : {}) -> {}",
                   zeros.name, zero, into.name, into.type(), into.type()));
  const char *tjgs = "t, j, g, s", *tjg = "t, j, g";
  GraphValue products =
      generic(traitText("t, j, g, s, d", {"t, j, g, d", "s, j, d", tjgs}, "d"),
              {q, k}, zeros,
              "%m = arith.mulf %a, %b : f32\n"
              "%r = arith.addf %into, %m fastmath<reassoc> : f32\n");
  std::string cap;
  if (traits.cap > 0)
    cap = fmt::format("%cap = arith.constant {} : f32\n"
                      "%cq = arith.divf %scaled, %cap : f32\n"
                      "%ct = math.tanh %cq : f32\n"
                      "%capped = arith.mulf %ct, %cap : f32\n",
                      numberText(traits.cap));
  std::string window;
  if (traits.window > 0)
    window = fmt::format("%window = arith.constant {} : index\n"
                         "%reach = arith.addi %s, %window : index\n"
                         "%near = arith.cmpi sgt, %reach, %last : index\n"
                         "%seen = arith.andi %past, %near : i1\n",
                         traits.window);
  std::string seen = "%seen = arith.constant true\n";
  if (traits.isCausal)
    seen = fmt::format("%t = linalg.index 0 : index\n"
                       "%s = linalg.index 3 : index\n"
                       "%before = arith.subi {}, {} : index\n"
                       "%last = arith.addi %t, %before : index\n"
                       "%{} = arith.cmpi sle, %s, %last : index\n"
                       "{}",
                       std::string_view(length), rows,
                       window.empty() ? "seen" : "past", window);
  GraphValue masked =
      generic(traitText(tjgs, {tjgs, tjgs}, ""), products, emptyScores(),
              fmt::format("{}"
                          "%scale = arith.constant {} : f32\n"
                          "%least = arith.constant 0xFF800000 : f32\n"
                          "%scaled = arith.mulf %a, %scale : f32\n"
                          "{}"
                          "%r = arith.select %seen, {}, %least : f32\n",
                          seen, numberText(traits.scale), cap,
                          cap.empty() ? "%scaled" : "%capped"));
  std::vector<int64_t> rowShape = {tokens, groups, group};
  GraphValue largest =
      generic(traitText(tjgs, {tjgs, tjg}, "s"), masked,
              filled(rowShape, -std::numeric_limits<double>::infinity()),
              "%r = arith.maximumf %into, %a : f32\n");
  GraphValue sinks;
  if (!traits.sinks.name.empty()) {
    sinks = fresh({groups, group});
    line(fmt::format("{} = tensor.expand_shape {} [[0, 1]] output_shape [{}, "
                     "{}] : {} into {}",
                     sinks.name, traits.sinks.name, groups, group,
                     traits.sinks.type(), sinks.type()));
    largest = map({largest, sinks}, "%r = arith.maximumf %a, %b : f32\n");
  }
  GraphValue weights = generic(traitText(tjgs, {tjgs, tjg, tjgs}, ""),
                               {masked, largest}, emptyScores(),
                               "%d = arith.subf %a, %b : f32\n"
                               "%r = math.exp %d : f32\n");
  GraphValue sums =
      generic(traitText(tjgs, {tjgs, tjg}, "s"), weights, filled(rowShape, 0),
              "%r = arith.addf %into, %a fastmath<reassoc> : "
              "f32\n");
  if (!sinks.name.empty())
    sums = map({sums, largest, sinks}, "%d = arith.subf %c, %b : f32\n"
                                       "%e = math.exp %d : f32\n"
                                       "%r = arith.addf %a, %e : f32\n");
  GraphValue mixed =
      generic(traitText("t, j, g, d, s", {tjgs, "s, j, d", "t, j, g, d"}, "s"),
              {weights, v}, filled({tokens, groups, group, size}, 0),
              "%m = arith.mulf %a, %b : f32\n"
              "%r = arith.addf %into, %m fastmath<reassoc> : f32\n");
  GraphValue divided =
      generic(traitText("t, j, g, d", {"t, j, g, d", tjg, "t, j, g, d"}, ""),
              {mixed, sums}, empty(mixed), "%r = arith.divf %a, %b : f32\n");
  GraphValue heads = fresh(queries.shape);
  line(fmt::format("{} = tensor.collapse_shape {} [[0], [1, 2], [3]] : {} into "
                   "{}",
                   heads.name, divided.name, divided.type(), heads.type()));
  return heads;
}

GraphText::Largest GraphText::topk(const GraphValue &x, int64_t count) {
  std::vector<int64_t> shape = {x.shape[0], count};
  GraphValue values = filled(shape, -std::numeric_limits<double>::infinity());
  GraphValue wide = fresh(shape), both = fresh({}), ids = fresh(shape);
  wide.element = "i64";
  ids.element = "i32";
  GraphValue places = empty(wide);
  line(
      fmt::format("{}:2 = tm_tensor.topk dimension(1) ins({} : {}) outs({}, {} "
                  ": {}, {}) {{",
                  both.name, x.name, x.type(), values.name, places.name,
                  values.type(), places.type()));
  line("^bb0(%a: f32, %b: f32):");
  line("  %before = arith.cmpf ogt, %a, %b : f32");
  line("  tm_tensor.yield %before : i1");
  line(fmt::format("}} -> {}, {}", values.type(), places.type()));
  values.name = both.name + "#0";
  line(fmt::format("{} = arith.trunci {}#1 : {} to {}", ids.name, both.name,
                   wide.type(), ids.type()));
  return {values, ids};
}
