//===- KindMatch.cpp - One rule of checkpoints, one weight ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/weights/KindMatch.h"

#include "runtime/weights/RuleText.h"

#include <cstring>
#include <map>
#include <tuple>

namespace rlx {
namespace {

/// Types of elements as schemes write them.
std::string_view schemeTypeOf(std::string_view type) {
  constexpr std::pair<std::string_view, std::string_view> table[] = {
      {"F32", "f32"},          {"F16", "f16"},        {"BF16", "bf16"},
      {"F8_E4M3", "f8E4M3FN"}, {"F8_E5M2", "f8E5M2"}, {"F8_E8M0", "f8E8M0FNU"},
      {"U8", "ui8"},           {"I8", "si8"},         {"f32", "f32"}};
  auto found =
      std::ranges::find(table, type, [](auto row) { return row.first; });
  return found == std::end(table) ? "" : found->second;
}

/// Numbers by their letters.
using Letters = std::map<char, int64_t>;

class Match {
public:
  Match(const KindRule &rule, const WeightFile &file, const JsonValue &config,
        ModuleConfig &modules, std::string_view prefix)
      : rule(rule), file(file), config(config), modules(modules),
        prefix(prefix) {}

  /// The weight; nothing where the rule does not apply.
  std::optional<LogicalWeight> find();

private:
  std::string_view module() const;
  const JsonValue *valueAt(std::string_view paths);
  const JsonValue *tensorValue(std::string_view suffix);
  bool meetsConditions();
  bool readParameters();
  bool readDerived();
  bool matchPart(const PartRule &part, const WeightEntry &entry);
  bool matchShape(std::string_view pattern, std::span<const int64_t> shape);
  bool matchSize(std::string_view pattern, int64_t size);
  bool agrees(std::string_view paths, int64_t number);
  std::optional<int64_t> evaluate(std::string_view pattern,
                                  bool isExact = false) const;
  std::string fill(std::string_view text) const;

  const KindRule &rule;
  const WeightFile &file;
  const JsonValue &config;
  ModuleConfig &modules;
  std::string_view prefix;
  Letters letters;
  std::map<char, std::string> types; ///< `S`, `Z`, `C`
  std::map<std::string, JsonValue, std::less<>> tensorValues;
};

/// Numbers of a small tensor as an array, or the JSON that its bytes are.
const JsonValue *Match::tensorValue(std::string_view suffix) {
  if (auto known = tensorValues.find(suffix); known != tensorValues.end())
    return &known->second;
  const WeightEntry *entry =
      file.find(std::string(prefix) + std::string(suffix));
  constexpr size_t mostBytes = 1 << 16;
  if (!entry || entry->bytes.empty() || entry->bytes.size() > mostBytes)
    return nullptr;
  JsonValue value;
  if (entry->element == ElementType::i32 ||
      entry->element == ElementType::i64) {
    JsonValue::Array items;
    size_t size = elementBytes(*entry->element);
    for (size_t at = 0; at < entry->bytes.size(); at += size) {
      int64_t number = 0;
      int32_t narrow = 0;
      if (size == sizeof(narrow)) {
        std::memcpy(&narrow, entry->bytes.data() + at, size);
        number = narrow;
      } else {
        std::memcpy(&number, entry->bytes.data() + at, size);
      }
      items.push_back({JsonValue::Number{std::to_string(number)}});
    }
    value.content = std::move(items);
  } else if (entry->element == ElementType::u8) {
    Result<JsonValue> json = JsonValue::parse(
        entry->file, {reinterpret_cast<const char *>(entry->bytes.data()),
                      entry->bytes.size()});
    if (!json)
      return nullptr;
    value = json.take();
  } else {
    return nullptr;
  }
  return &tensorValues.emplace(suffix, std::move(value)).first->second;
}

/// The name of the module that has the weight.
std::string_view Match::module() const {
  return prefix.ends_with('.') ? prefix.substr(0, prefix.size() - 1) : prefix;
}

/// The value at the first of the paths that is there.
const JsonValue *Match::valueAt(std::string_view paths) {
  const JsonValue *value = nullptr;
  forEachPart(paths, '|', [&](std::string_view path) {
    const JsonValue *root = &config;
    if (path.starts_with('{')) {
      size_t end = path.find('}');
      root = tensorValue(path.substr(1, end - 1));
      path.remove_prefix(std::min(end + 2, path.size()));
    } else if (path.starts_with("@.")) {
      root = config.find(module());
      path.remove_prefix(2);
    } else if (size_t group = path.find("~."); group != path.npos) {
      root = config.findPath(path.substr(0, group - 1));
      root = root ? modules.find(*root, module()) : nullptr;
      path.remove_prefix(group + 2);
    }
    value = root ? root->findPath(path) : nullptr;
    return value == nullptr;
  });
  return value;
}

bool Match::meetsConditions() {
  if (rule.conditions.empty())
    return true;
  return forEachPart(rule.conditions, ';', [&](std::string_view condition) {
    auto [paths, wanted] = splitEntry(condition);
    const JsonValue *value = valueAt(paths);
    std::string text;
    if (value && value->asString())
      text = *value->asString();
    else if (value && value->asInteger())
      text = std::to_string(*value->asInteger());
    return !forEachPart(wanted, ',',
                        [&](std::string_view each) { return each != text; });
  });
}

bool Match::readParameters() {
  if (rule.parameters.empty())
    return true;
  return forEachPart(rule.parameters, ';', [&](std::string_view entry) {
    auto [letter, paths] = splitEntry(entry);
    std::string_view last = paths.substr(paths.find_last_of('|') + 1);
    std::optional<int64_t> number;
    if (const JsonValue *value = valueAt(paths))
      number = value->asInteger();
    else if (last.starts_with('#'))
      number = parseInteger(last.substr(1));
    constexpr int64_t most = int64_t{1} << 40;
    if (!number || *number < 1 || *number > most)
      return false;
    letters[letter.front()] = *number;
    return true;
  });
}

/// Those whose letters are known by now.
bool Match::readDerived() {
  if (rule.derived.empty())
    return true;
  return forEachPart(rule.derived, ';', [&](std::string_view entry) {
    auto [letter, text] = splitEntry(entry);
    size_t colon = std::min(text.find(':'), text.size());
    std::string_view size = trimmed(text.substr(0, colon));
    constexpr std::string_view up = " up";
    bool isExact = !size.ends_with(up);
    if (!isExact)
      size = trimmed(size.substr(0, size.size() - up.size()));
    if (!evaluate(size))
      return true;
    std::optional<int64_t> number = evaluate(size, isExact);
    if (!number || *number < 1 ||
        !agrees(trimmed(text.substr(std::min(colon + 1, text.size()))),
                *number))
      return false;
    letters[letter.front()] = *number;
    return true;
  });
}

/// Whether the configuration says that number, or none.
bool Match::agrees(std::string_view paths, int64_t number) {
  const JsonValue *value = paths.empty() ? nullptr : valueAt(paths);
  std::optional<int64_t> said = value ? value->asInteger() : std::nullopt;
  if (!said)
    return true;
  auto k = letters.find('K');
  int64_t whole = k == letters.end() ? number : k->second;
  return number == (*said < 1 ? whole : std::min(*said, whole));
}

/// Calls `function` with each factor of a size and whether it divides, until it
/// returns false.
template <class Function>
bool forEachFactor(std::string_view pattern, Function function) {
  bool divides = false;
  while (!pattern.empty()) {
    size_t end = std::min(pattern.find_first_of("*/"), pattern.size());
    if (!function(pattern.substr(0, end), divides))
      return false;
    divides = end < pattern.size() && pattern[end] == '/';
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return true;
}

/// The size that a pattern of known letters says, rounded up; nothing where a
/// letter is unknown or it does not fit, or has a rest where it must not.
std::optional<int64_t> Match::evaluate(std::string_view pattern,
                                       bool isExact) const {
  int64_t product = 1, divisor = 1;
  bool isKnown =
      forEachFactor(pattern, [&](std::string_view factor, bool divides) {
        std::optional<int64_t> number = parseInteger(factor);
        if (auto known = letters.find(factor.front());
            !number && known != letters.end())
          number = known->second;
        return number && *number > 0 &&
               !__builtin_mul_overflow(divides ? divisor : product, *number,
                                       divides ? &divisor : &product);
      });
  if (!isKnown || (isExact && product % divisor != 0))
    return std::nullopt;
  return product / divisor + (product % divisor != 0);
}

/// Whether a size is what a pattern says. A pattern with one unknown letter
/// says that letter, where it divides without a rest.
bool Match::matchSize(std::string_view pattern, int64_t size) {
  if (std::optional<int64_t> known = evaluate(pattern))
    return *known == size;
  char unknown = '\0';
  int64_t product = size, divisor = 1;
  bool isFit =
      forEachFactor(pattern, [&](std::string_view factor, bool divides) {
        std::optional<int64_t> number = parseInteger(factor);
        if (auto known = letters.find(factor.front());
            !number && known != letters.end())
          number = known->second;
        if (!number) {
          bool isFirst = !unknown && !divides;
          unknown = factor.front();
          return isFirst;
        }
        return *number > 0 &&
               !__builtin_mul_overflow(divides ? product : divisor, *number,
                                       divides ? &product : &divisor);
      });
  if (!isFit || product < 1 || product % divisor != 0)
    return false;
  letters[unknown] = product / divisor;
  return true;
}

bool Match::matchShape(std::string_view pattern,
                       std::span<const int64_t> shape) {
  if (pattern == "-")
    return true;
  size_t rank = 0;
  bool isFit =
      pattern.empty() || forEachPart(pattern, ' ', [&](std::string_view size) {
        return rank < shape.size() && matchSize(size, shape[rank++]);
      });
  if (isFit && rank == shape.size())
    return true;
  // Some writers store one number for several sizes, or several for one.
  std::optional<int64_t> count = countElements(shape), expected = 1;
  bool isFlat = pattern.find(' ') == std::string_view::npos;
  if (!isFlat || !count)
    return false;
  expected = pattern.empty() ? 1 : evaluate(pattern);
  return expected == count;
}

bool Match::matchPart(const PartRule &part, const WeightEntry &entry) {
  if (!entry.problem.empty() ||
      (!part.types.empty() && !isWordOf(entry.type, part.types)) ||
      !matchShape(part.shape, entry.shape))
    return false;
  char letter = part.role == "scales"         ? 'S'
                : part.role == "zero_points"  ? 'Z'
                : part.role == "global_scale" ? 'C'
                                              : '\0';
  if (letter)
    types[letter] = schemeTypeOf(entry.type);
  if (letter == 'S' && entry.element)
    letters['s'] = elementBytes(*entry.element);
  return readDerived();
}

std::string Match::fill(std::string_view text) const {
  std::string filled;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '$' || at + 1 == text.size()) {
      filled += text[at];
      continue;
    }
    char letter = text[++at];
    if (auto type = types.find(letter); type != types.end())
      filled += type->second;
    else if (auto known = letters.find(letter); known != letters.end())
      filled += std::to_string(known->second);
  }
  return filled;
}

std::optional<LogicalWeight> Match::find() {
  if (!meetsConditions() || !readParameters() || !readDerived())
    return std::nullopt;
  LogicalWeight weight;
  for (const PartRule &part : rule.parts) {
    bool isListed = !part.suffix.empty();
    if (!isListed)
      continue;
    const WeightEntry *entry =
        file.find(std::string(prefix) + std::string(part.suffix));
    if (!entry && part.isOptional)
      continue;
    if (!entry || !matchPart(part, *entry))
      return std::nullopt;
    weight.parts.push_back(
        {std::string(part.role), entry, "", std::string(part.change)});
  }
  for (WeightPart &part : weight.parts)
    for (const PartRule &known : rule.parts)
      if (known.role == part.role && !known.order.empty()) {
        // Of side tensors, types in their order are their own.
        auto ofScales = std::pair(letters, types);
        if (part.role != "codes" && part.entry->element) {
          letters['s'] = elementBytes(*part.entry->element);
          types['S'] = schemeTypeOf(part.entry->type);
        }
        part.order = fill(known.order);
        std::tie(letters, types) = ofScales;
      }
  weight.name = std::string(prefix) + std::string(rule.logicalSuffix);
  weight.kind = rule.name;
  weight.scheme = fill(rule.scheme);
  bool isKnown = forEachPart(rule.shape, ' ', [&](std::string_view size) {
    std::optional<int64_t> number = evaluate(size);
    weight.shape.push_back(number.value_or(0));
    return number.has_value();
  });
  if (!isKnown)
    return std::nullopt;
  return weight;
}

} // namespace

std::optional<LogicalWeight>
matchKind(const KindRule &rule, const WeightFile &file, const JsonValue &config,
          ModuleConfig &modules, std::string_view prefix) {
  return Match(rule, file, config, modules, prefix).find();
}

} // namespace rlx
