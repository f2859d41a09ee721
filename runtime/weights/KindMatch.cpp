//===- KindMatch.cpp - One rule of checkpoints, one weight ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/weights/KindMatch.h"

#include "runtime/weights/RuleText.h"
#include "runtime/weights/SizeLetters.h"

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
      : rule(rule), file(file), config(config), modules(modules),
        prefix(prefix), nearness(nearness) {}

  /// The weight; nothing where the rule does not apply.
  std::optional<LogicalWeight> find();

private:
  template <class What, class Expected, class Found>
  bool fail(What what, Expected expected, Found found);
  void measure();
  std::string nameOf(std::string_view suffix) const {
    return std::string(prefix) + std::string(suffix);
  }
  std::string describePath(std::string_view paths);
  std::string describeValue(std::string_view paths);
  bool meets(std::string_view condition);
  bool isSaid(std::string_view condition);
  bool hasGroup(std::string_view path);
  std::string_view module() const;
  const JsonValue *valueAt(std::string_view paths);
  const JsonValue *ownerOf(std::string_view paths);
  const JsonValue *tensorValue(std::string_view suffix);
  bool meetsConditions();
  bool readParameters();
  bool readDerived();
  bool matchPart(const PartRule &part, const WeightEntry &entry);
  std::string typesOf(const PartRule &part) const;
  bool agrees(std::string_view paths, int64_t number);
  std::string fill(std::string_view text) const;

  const KindRule &rule;
  const WeightFile &file;
  const JsonValue &config;
  ModuleConfig &modules;
  std::string_view prefix;
  SizeLetters letters;
  KindNearness *nearness;            ///< Null where nobody asks.
  std::map<char, std::string> types; ///< `S`, `Z`, `C`, `Q`
  std::string scaleType;             ///< As the container spells it.
  std::map<std::string, JsonValue, std::less<>> tensorValues;
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

/// A place that a rule reads, as people look for it: the one that is there, or
/// else the last.
std::string Match::describePath(std::string_view paths) {
  std::string_view path;
  forEachPart(paths, '|', [&](std::string_view each) {
    if (!each.starts_with('#'))
      path = each;
    return valueAt(each) == nullptr;
  });
  if (path.starts_with('{')) {
    size_t end = path.find('}');
    std::string_view rest = path.substr(std::min(end + 2, path.size()));
    bool isIndex = parseInteger(rest).has_value();
    return (isIndex ? "number " : "'") + std::string(rest) +
           (isIndex ? " of '" : "' of '") + nameOf(path.substr(1, end - 1)) +
           "'";
  }
  std::string text(path);
  if (size_t own = text.find("@."); own != text.npos) {
    std::string inner = text.substr(0, own) + std::string(module());
    const JsonValue *all =
        own ? config.findPath(text.substr(0, own - 1)) : &config;
    bool isOwn = all && all->find(module()) && all->find(module())->asObject();
    text.replace(0, own + 2, isOwn ? inner + "." : text.substr(0, own));
  }
  if (size_t group = text.find('~'); group != text.npos)
    text.replace(group, 1, "*");
  return "'" + text + "' of the configuration";
}

std::string Match::describeValue(std::string_view paths) {
  if (const JsonValue *value = valueAt(paths))
    return value->describe();
  return paths.starts_with('{') || !config.isNull()
             ? "none"
             : "none, as no config.json beside the file has one";
}

/// Numbers of a small tensor as an array, or the JSON that its bytes are.
const JsonValue *Match::tensorValue(std::string_view suffix) {
  if (auto known = tensorValues.find(suffix); known != tensorValues.end())
    return &known->second;
  const WeightEntry *entry = file.find(nameOf(suffix));
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
    } else if (size_t own = path.find("@."); own != path.npos) {
      // What is not said of the module alone is said of all.
      root = own ? config.findPath(path.substr(0, own - 1)) : &config;
      const JsonValue *found = root ? root->find(module()) : nullptr;
      root = found && found->asObject() ? found : root;
      path.remove_prefix(own + 2);
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

/// A value of the configuration as conditions write it; empty where there is
/// none.
static std::string wordOf(const JsonValue *value) {
  if (!value || value->isNull())
    return "";
  if (value->asString())
    return std::string(*value->asString());
  if (value->asInteger())
    return std::to_string(*value->asInteger());
  if (value->asBool())
    return *value->asBool() ? "true" : "false";
  return value->describe();
}

/// Whether a word is one of several, separated by `,`.
static bool isOneOf(std::string_view word, std::string_view list) {
  return !forEachPart(list, ',',
                      [&](std::string_view each) { return each != word; });
}

/// Whether the configuration says `path = value`.
bool Match::isSaid(std::string_view condition) {
  auto [paths, wanted] = splitEntry(condition);
  return isOneOf(wordOf(valueAt(paths)), wanted);
}

/// Whether a configuration that has groups has one for the module.
bool Match::hasGroup(std::string_view path) {
  const JsonValue *groups = config.findPath(path.substr(0, path.find(".~")));
  return !groups || groups->isNull() || modules.find(*groups, module());
}

bool Match::meets(std::string_view condition) {
  auto [paths, wanted] = splitEntry(condition);
  if (wanted == "*")
    return hasGroup(paths) ||
           fail([&] { return describePath(paths); },
                [&] {
                  return one("a group with '" + std::string(module()) +
                             "' among its targets");
                },
                [] { return "none that RLX understands"; });
  std::string text = wordOf(valueAt(paths));
  bool isMet = isOneOf(text, wanted);
  if (nearness) {
    nearness->numConditions += isMet;
    (isMet ? nearness->isSaid : nearness->saysOther) |= !text.empty();
  }
  return isMet || fail([&] { return describePath(paths); },
                       [&] { return alternatives(wanted, ','); },
                       [&] { return describeValue(paths); });
}

bool Match::meetsConditions() {
  return rule.conditions.empty() ||
         forEachPart(rule.conditions, ';', [&](std::string_view condition) {
           return meets(condition);
         });
}

/// What the first of the paths leads into.
const JsonValue *Match::ownerOf(std::string_view paths) {
  std::string_view path = paths.substr(0, paths.find('|'));
  size_t end = path.find_last_of('.');
  return end == path.npos ? nullptr : valueAt(path.substr(0, end));
}

bool Match::readParameters() {
  if (rule.parameters.empty())
    return true;
  return forEachPart(rule.parameters, ';', [&](std::string_view entry) {
    auto [letter, paths] = splitEntry(entry);
    bool isOptional = letter.ends_with('?');
    std::string_view last = paths.substr(paths.find_last_of('|') + 1);
    std::optional<int64_t> number;
    if (const JsonValue *value = valueAt(paths))
      number = value->asInteger();
    else if (last.starts_with('#') && !isOneOf("", wordOf(ownerOf(paths))))
      number = std::nullopt;
    else if (last.starts_with('#'))
      number = parseInteger(last.substr(1));
    else if (isOptional)
      return true;
    constexpr int64_t most = int64_t{1} << 40;
    if (!number || *number < 1 || *number > most)
      return fail([&] { return describePath(paths); },
                  [] { return one("a positive integer"); },
                  [&] { return describeValue(paths); });
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
          [&] { return describePath(paths); },
          [&] { return one(std::to_string(*number) + ", as shapes say"); },
          [&] { return describeValue(paths); });
    letters[letter.front()] = *number;
    return true;
  });
}

/// Whether the configuration says that number, or none.
bool Match::agrees(std::string_view paths, int64_t number) {
  const JsonValue *value = paths.empty() ? nullptr : valueAt(paths);
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
        (part.neededWhere.empty() || !isSaid(part.neededWhere)))
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
  if (std::optional<ExcludedModule> excluded =
          modules.findExcluded(config, module())) {
    fail([&] { return "'" + excluded->list + "' of the configuration"; },
         [&] {
           return one("such that '" + std::string(module()) +
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
