//===- KindMatch.cpp - One rule of checkpoints, one weight ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/weights/KindMatch.h"

#include "runtime/weights/RuleText.h"
#include "runtime/weights/RuleValues.h"
#include "runtime/weights/SizeLetters.h"

#include <map>
#include <tuple>

namespace rlx {
namespace {

/// Types of elements as schemes write them.
std::string_view schemeTypeOf(std::string_view type) {
  constexpr std::pair<std::string_view, std::string_view> table[] = {
      {"F32", "f32"},          {"F16", "f16"},        {"BF16", "bf16"},
      {"F8_E4M3", "f8E4M3FN"}, {"F8_E5M2", "f8E5M2"}, {"F8_E8M0", "f8E8M0FNU"},
      {"U8", "ui8"},           {"I8", "si8"},         {"f32", "f32"},
      {"f16", "f16"},          {"bf16", "bf16"}};
  auto found =
      std::ranges::find(table, type, [](auto row) { return row.first; });
  return found == std::end(table) ? "" : found->second;
}

/// The scheme of small floats that lie there alone, which has their type's name
/// in another spelling.
std::string plainSchemeOf(std::string_view type) {
  std::string name = "fp";
  for (char letter : type.substr(std::min<size_t>(1, type.size())))
    if (letter != '_')
      name +=
          letter >= 'A' && letter <= 'Z' ? char(letter - 'A' + 'a') : letter;
  return name;
}

/// Each of a list in quotes; what is empty is `none`.
std::vector<std::string> alternatives(std::string_view list, char separator) {
  std::vector<std::string> words;
  forEachPart(list, separator, [&](std::string_view each) {
    words.push_back(each.empty() ? "none" : "'" + std::string(each) + "'");
    return true;
  });
  return words;
}

std::vector<std::string> one(std::string text) { return {std::move(text)}; }

class Match {
public:
  Match(const KindRule &rule, const WeightFile &file, const JsonValue &config,
        ModuleConfig &modules, std::string_view prefix, KindNearness *nearness)
      : rule(rule), file(file), prefix(prefix),
        values(file, config, modules, prefix), nearness(nearness) {}

  /// The weight; nothing where the rule does not apply.
  std::optional<LogicalWeight> find();

private:
  template <class What, class Expected, class Found>
  bool fail(What what, Expected expected, Found found);
  void measure();
  std::string nameOf(std::string_view suffix) const {
    return std::string(prefix) + std::string(suffix);
  }
  bool meets(std::string_view condition);
  bool meetsConditions();
  bool readParameters();
  bool readDerived();
  bool matchPart(const PartRule &part, const WeightEntry &entry);
  std::string typesOf(const PartRule &part) const;
  bool agrees(std::string_view paths, int64_t number);
  std::string fill(std::string_view text) const;

  const KindRule &rule;
  const WeightFile &file;
  std::string_view prefix;
  RuleValues values;
  SizeLetters letters;
  KindNearness *nearness;            ///< Null where nobody asks.
  std::map<char, std::string> types; ///< `S`, `Z`, `C`, `Q`
  std::string scaleType;             ///< As the container spells it.
};

/// Notes what was expected, once, and returns false. Texts are made where
/// somebody asks for them.
template <class What, class Expected, class Found>
bool Match::fail(What what, Expected expected, Found found) {
  if (nearness && nearness->what.empty()) {
    nearness->what = what();
    nearness->expected = expected();
    nearness->found = found();
  }
  return false;
}

/// Which of the rule's tensors are there, by their names.
void Match::measure() {
  nearness->kind = rule.name;
  nearness->weight = nameOf(rule.logicalSuffix);
  nearness->hasNames = true;
  for (const PartRule &part : rule.parts) {
    if (part.suffix.empty())
      continue;
    const WeightEntry *entry = file.find(nameOf(part.suffix));
    nearness->hasNames &= entry || part.isOptional;
    if (!entry)
      continue;
    bool isCodes = &part == &rule.parts.front();
    if (isCodes)
      nearness->hasCodes = isWordOf(entry->type, part.types);
    else
      nearness->hasSides |= isWordOf(part.role, numberRoles);
    nearness->parts.push_back({std::string(part.role), entry, "", ""});
  }
}

bool Match::meets(std::string_view condition) {
  auto [paths, wanted] = splitEntry(condition);
  if (wanted == "*")
    return values.hasGroup(paths) ||
           fail([&] { return values.describePath(paths); },
                [&] {
                  return one("a group with '" + std::string(values.module()) +
                             "' among its targets");
                },
                [] { return "none that RLX understands"; });
  std::string text = wordOf(values.valueAt(paths));
  bool isMet = isOneOf(text, wanted);
  if (nearness) {
    nearness->numConditions += isMet;
    (isMet ? nearness->isSaid : nearness->saysOther) |= !text.empty();
  }
  return isMet || fail([&] { return values.describePath(paths); },
                       [&] { return alternatives(wanted, ','); },
                       [&] { return values.describeValue(paths); });
}

bool Match::meetsConditions() {
  return rule.conditions.empty() ||
         forEachPart(rule.conditions, ';', [&](std::string_view condition) {
           return meets(condition);
         });
}

bool Match::readParameters() {
  if (rule.parameters.empty())
    return true;
  return forEachPart(rule.parameters, ';', [&](std::string_view entry) {
    auto [letter, paths] = splitEntry(entry);
    bool isOptional = letter.ends_with('?');
    std::string_view last = paths.substr(paths.find_last_of('|') + 1);
    std::optional<int64_t> number;
    if (const JsonValue *value = values.valueAt(paths))
      number = value->asInteger();
    else if (last.starts_with('#') &&
             !isOneOf("", wordOf(values.ownerOf(paths))))
      number = std::nullopt;
    else if (last.starts_with('#'))
      number = parseInteger(last.substr(1));
    else if (isOptional)
      return true;
    constexpr int64_t most = int64_t{1} << 40;
    if (!number || *number < 1 || *number > most)
      return fail([&] { return values.describePath(paths); },
                  [] { return one("a positive integer"); },
                  [&] { return values.describeValue(paths); });
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
    if (!letters.evaluate(size))
      return true;
    std::optional<int64_t> number = letters.evaluate(size, isExact);
    if (!number || *number < 1)
      return fail([&] { return "'" + std::string(size) + "'"; },
                  [] { return one("a whole number"); },
                  [&] { return letters.describe(size); });
    std::string_view paths =
        trimmed(text.substr(std::min(colon + 1, text.size())));
    if (!agrees(paths, *number))
      return fail(
          [&] { return values.describePath(paths); },
          [&] { return one(std::to_string(*number) + ", as shapes say"); },
          [&] { return values.describeValue(paths); });
    letters[letter.front()] = *number;
    return true;
  });
}

/// Whether the configuration says that number, or none.
bool Match::agrees(std::string_view paths, int64_t number) {
  const JsonValue *value = paths.empty() ? nullptr : values.valueAt(paths);
  if (!value || value->isNull())
    return true;
  std::optional<int64_t> said = value->asInteger();
  if (!said)
    return false;
  auto k = letters.find('K');
  int64_t whole = k == letters.end() ? number : k->second;
  return number == (*said < 1 ? whole : std::min(*said, whole));
}

/// The types that a part may be of, one of which may be that of the scales.
std::string Match::typesOf(const PartRule &part) const {
  return part.types == "$S" ? scaleType : std::string(part.types);
}

bool Match::matchPart(const PartRule &part, const WeightEntry &entry) {
  auto of = [&](std::string_view what) {
    return std::string(what) + " of '" + entry.name + "'";
  };
  if (!entry.problem.empty())
    return fail([&] { return of("the type"); },
                [&] { return alternatives(typesOf(part), ' '); },
                [&] { return "'" + entry.type + "'"; });
  if (!part.types.empty() && !isWordOf(entry.type, typesOf(part)))
    return fail(
        [&] { return of("the type"); },
        [&] { return alternatives(typesOf(part), ' '); },
        [&] { return "'" + entry.type + "' " + describeShape(entry.shape); });
  if (entry.element)
    letters['e'] = elementBytes(*entry.element);
  if (!letters.match(part.shape, entry.shape))
    return fail(
        [&] { return of("the shape"); },
        [&] { return letters.describeShapes(part.shape); },
        [&] { return describeShape(entry.shape) + " of " + entry.type; });
  char letter = part.role == "scales"         ? 'S'
                : part.role == "zero_points"  ? 'Z'
                : part.role == "global_scale" ? 'C'
                                              : '\0';
  if (part.role == "codes")
    types['Q'] = plainSchemeOf(entry.type);
  if (letter)
    types[letter] = schemeTypeOf(entry.type);
  if (letter == 'S') {
    scaleType = entry.type;
    if (entry.element)
      letters['s'] = elementBytes(*entry.element);
  }
  if (nearness)
    ++nearness->numParts;
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
  if (nearness)
    measure();
  if (!meetsConditions())
    return std::nullopt;
  if (nearness)
    nearness->meetsConditions = true;
  if (!readParameters() || !readDerived())
    return std::nullopt;
  LogicalWeight weight;
  std::string_view codes = rule.parts.front().suffix;
  for (const PartRule &part : rule.parts) {
    bool isListed = !part.suffix.empty();
    if (!isListed)
      continue;
    const WeightEntry *entry = file.find(nameOf(part.suffix));
    if (!entry && part.isOptional &&
        (part.neededWhere.empty() || !values.isSaid(part.neededWhere)))
      continue;
    if (!entry) {
      fail([&] { return "'" + nameOf(part.suffix) + "'"; },
           [&] {
             // Only those who ask for nearness have texts made.
             bool isCodes = part.suffix == codes && !nearness->parts.empty();
             std::string other =
                 isCodes ? nearness->parts.front().entry->name : nameOf(codes);
             return one("a tensor beside '" + other + "'");
           },
           [] { return std::string("none"); });
      return std::nullopt;
    }
    if (!matchPart(part, *entry))
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
  if (std::optional<ExcludedModule> excluded = values.findExcluded()) {
    fail([&] { return "'" + excluded->list + "' of the configuration"; },
         [&] {
           return one("such that '" + std::string(values.module()) +
                      "' is quantized, as its tensors are");
         },
         [&] { return excluded->entry; });
    return std::nullopt;
  }
  weight.name = std::string(prefix) + std::string(rule.logicalSuffix);
  weight.kind = rule.name;
  weight.scheme = fill(rule.scheme);
  bool isKnown = forEachPart(rule.shape, ' ', [&](std::string_view size) {
    std::optional<int64_t> number = letters.evaluate(size);
    bool isLeftOut = size.ends_with('?') && !number;
    if (!isLeftOut)
      weight.shape.push_back(number.value_or(0));
    return number || isLeftOut;
  });
  if (!isKnown)
    return std::nullopt;
  return weight;
}

} // namespace

std::optional<LogicalWeight>
matchKind(const KindRule &rule, const WeightFile &file, const JsonValue &config,
          ModuleConfig &modules, std::string_view prefix,
          KindNearness *nearness) {
  return Match(rule, file, config, modules, prefix, nearness).find();
}

} // namespace rlx
