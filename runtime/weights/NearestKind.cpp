//===- NearestKind.cpp - Weights that nearly follow a rule ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/weights/NearestKind.h"

#include "runtime/weights/RuleText.h"

#include <algorithm>
#include <tuple>

namespace rlx {
namespace {

/// Names of numbers that codes are nothing without.
bool saysScale(std::string_view name) {
  // Those of activations are none of the weight's.
  if (name.find("input") != name.npos)
    return false;
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"scale", "zero", "absmax", "SCB"},
      [&](std::string_view word) { return name.find(word) != name.npos; });
}

bool isPlainFloat(const WeightEntry &entry) {
  return entry.element == ElementType::f32 ||
         entry.element == ElementType::f16 ||
         entry.element == ElementType::bf16 ||
         entry.element == ElementType::f64;
}

/// The higher, the nearer.
auto rankOf(const KindNearness &near) {
  return std::tuple(near.hasCodes, near.meetsConditions, near.hasNames,
                    near.numConditions, near.saysOther, near.parts.size(),
                    near.numParts);
}

/// What all say that came as near and missed the same, as one.
std::string explain(const std::vector<KindNearness> &tried,
                    const KindNearness &best) {
  std::string expected;
  std::vector<std::string> known;
  for (const KindNearness &other : tried) {
    bool isAlike = other.hasNames == best.hasNames &&
                   other.hasCodes == best.hasCodes &&
                   other.meetsConditions == best.meetsConditions &&
                   other.numParts == best.numParts && other.what == best.what &&
                   other.found == best.found;
    for (const std::string &each : other.expected)
      if (isAlike && std::ranges::find(known, each) == known.end())
        known.push_back(each);
  }
  for (const std::string &each : known)
    expected += (expected.empty() ? "" : " or ") + each;
  return "expected " + best.what + " to be " + expected + ", but got " +
         best.found;
}

LogicalWeight refusalOf(const std::vector<KindNearness> &tried,
                        const KindNearness &best, std::vector<int64_t> shape) {
  LogicalWeight weight;
  weight.name = best.weight;
  weight.kind = best.kind;
  weight.shape = std::move(shape);
  weight.parts = best.parts;
  weight.problem = explain(tried, best);
  return weight;
}

} // namespace

/// The first tensor whose name begins with `prefix` and that meets the test.
const WeightEntry *NearestKind::findBehind(std::string_view prefix,
                                           const Test &test) {
  if (byName.empty()) {
    for (const WeightEntry &entry : file.entries())
      byName.push_back(&entry);
    std::ranges::sort(byName, {}, &WeightEntry::name);
  }
  auto name = [](const WeightEntry *entry) {
    return std::string_view(entry->name);
  };
  for (auto at = std::ranges::lower_bound(byName, prefix, {}, name);
       at != byName.end() && name(*at).starts_with(prefix); ++at)
    if (test(**at, name(*at).substr(prefix.size())))
      return *at;
  return nullptr;
}

const WeightEntry *NearestKind::findUnclaimed(const KindRule &rule,
                                              const LogicalWeight &weight) {
  // Behind a name that is not a weight's alone may be other weights.
  auto isOwn = [&](std::string_view rest) {
    if (rest.empty())
      return true;
    if (rest[0] != '.' && rest[0] != '_')
      return false;
    return !rule.logicalSuffix.empty() ||
           std::ranges::any_of(checkpointKinds(), [&](const KindRule &other) {
             return std::ranges::any_of(other.parts, [&](const PartRule &part) {
               return part.suffix == rest;
             });
           });
  };
  return findBehind(
      weight.name, [&](const WeightEntry &entry, std::string_view rest) {
        return isOwn(rest) &&
               std::ranges::find(weight.parts, &entry, &WeightPart::entry) ==
                   weight.parts.end() &&
               std::ranges::none_of(rule.parts, [&](const PartRule &part) {
                 return !part.suffix.empty() &&
                        part.suffix ==
                            std::string(rule.logicalSuffix) + std::string(rest);
               });
      });
}

std::optional<LogicalWeight> NearestKind::refuse(const WeightEntry &codes,
                                                 const JsonValue &config,
                                                 ModuleConfig &modules) {
  std::vector<KindNearness> tried;
  const KindNearness *best = nullptr;
  for (const KindRule &rule : checkpointKinds()) {
    const PartRule &first = rule.parts.front();
    std::string_view prefix = codes.name;
    bool isOf = isWordOf(codes.type, first.types);
    // Types of ggml are formats of their own, and so are plain floats but where
    // a rule has codes in them.
    if (rule.container != codes.container || !prefix.ends_with(first.suffix) ||
        ((codes.container == WeightContainer::gguf || isPlainFloat(codes)) &&
         !isOf))
      continue;
    prefix.remove_suffix(first.suffix.size());
    // Most plain floats are what they seem to be, and there are many of them.
    if (isPlainFloat(codes) &&
        !file.find(std::string(prefix) + std::string(rule.parts[1].suffix)))
      continue;
    KindNearness near;
    if (!matchKind(rule, file, config, modules, prefix, &near))
      tried.push_back(std::move(near));
  }
  for (const KindNearness &near : tried)
    if ((near.hasSides || (near.isSaid && near.hasCodes)) &&
        (!best || rankOf(near) > rankOf(*best)))
      best = &near;
  if (!best || best->what.empty())
    return std::nullopt;
  return refusalOf(tried, *best, codes.shape);
}

/// How many tensors there are that the rule needs beside codes; 0 where one is
/// missing, or codes are there.
int NearestKind::countWithoutCodes(const KindRule &rule,
                                   std::string_view prefix) const {
  auto find = [&](std::string_view suffix) {
    return file.find(std::string(prefix) + std::string(suffix));
  };
  const PartRule &codes = rule.parts.front();
  int numThere = 0;
  for (const PartRule &part : rule.parts) {
    if (part.suffix.empty() || part.isOptional || &part == &codes)
      continue;
    const WeightEntry *entry = find(part.suffix);
    bool isOfType = part.types.empty() || part.types == "$S" ||
                    (entry && isWordOf(entry->type, part.types));
    if (!entry || !isOfType)
      return 0;
    ++numThere;
  }
  return find(codes.suffix) ? 0 : numThere;
}

std::optional<LogicalWeight> NearestKind::refuseWithoutCodes(
    const WeightEntry &part, const JsonValue &config, ModuleConfig &modules) {
  std::vector<KindNearness> tried;
  for (const KindRule &rule : checkpointKinds()) {
    if (rule.container != part.container)
      continue;
    for (const PartRule &known : rule.parts) {
      std::string_view prefix = part.name;
      if (known.suffix.empty() || !prefix.ends_with(known.suffix) ||
          !isWordOf(known.role, numberRoles))
        continue;
      prefix.remove_suffix(known.suffix.size());
      KindNearness near;
      int numThere = countWithoutCodes(rule, prefix);
      if (!numThere || matchKind(rule, file, config, modules, prefix, &near))
        continue;
      // A name like `scale` alone is anybody's.
      if (numThere > 1 || (near.meetsConditions && near.isSaid))
        tried.push_back(std::move(near));
    }
  }
  const KindNearness *best = nullptr;
  for (const KindNearness &near : tried)
    if (!best || rankOf(near) > rankOf(*best))
      best = &near;
  if (!best || best->what.empty())
    return std::nullopt;
  return refusalOf(tried, *best, {});
}

std::optional<LogicalWeight>
NearestKind::refuseAlone(const WeightEntry &codes) {
  std::string_view prefix = codes.name;
  std::string_view last = prefix.substr(prefix.find_last_of('.') + 1);
  if (codes.container != WeightContainer::safetensors || isPlainFloat(codes) ||
      saysScale(last))
    return std::nullopt;
  size_t longest = 0;
  for (const KindRule &rule : checkpointKinds())
    if (std::string_view suffix = rule.parts.front().suffix;
        prefix.ends_with(suffix))
      longest = std::max(longest, suffix.size());
  prefix.remove_suffix(longest);
  const WeightEntry *scale =
      findBehind(prefix, [&](const WeightEntry &entry, std::string_view rest) {
        bool isOwn = prefix.ends_with('.') || prefix.empty() ||
                     rest.starts_with('.') || rest.starts_with('_');
        std::string_view end = rest.substr(std::min<size_t>(1, rest.size()));
        return &entry != &codes && isOwn &&
               (end.find('.') == end.npos || rest.starts_with("weight.")) &&
               saysScale(rest);
      });
  if (!scale)
    return std::nullopt;
  LogicalWeight weight;
  weight.name = codes.name;
  weight.kind = "a kind that RLX does not know";
  weight.shape = codes.shape;
  weight.parts = {{"codes", &codes, "", ""}, {"", scale, "", ""}};
  weight.problem = "its tensor '" + scale->name + "', " + scale->type + " " +
                   describeShape(scale->shape) + ", is in no layout that RLX " +
                   "reads";
  return weight;
}

} // namespace rlx
