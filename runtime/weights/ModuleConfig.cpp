//===- ModuleConfig.cpp - What a configuration says of a module -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of targets is that of compressed-tensors (utils/match.py), the
// patterns of `dynamic` are those of GPTQModel (quantization/config.py).
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/ModuleConfig.h"

#include <algorithm>

namespace rlx {
namespace {

/// The texts of `targets`; nothing where the group has none.
const JsonValue::Array *targetsOf(const JsonValue &group) {
  const JsonValue *targets = group.find("targets");
  return targets ? targets->asArray() : nullptr;
}

constexpr std::string_view patternStart = "re:"; // of targets and lists
constexpr std::string_view excludedStart = "-:"; // of `dynamic`

/// The members that list modules which are not quantized, and whether they name
/// them by steps of their names: `lm_head` is any module of that name, and what
/// it holds.
struct ExclusionList {
  std::string_view name;
  bool bySteps = false;
};
constexpr ExclusionList exclusionLists[] = {{"ignore"},
                                            {"exclude_modules"},
                                            {"ignored_layers"},
                                            {"modules_to_not_convert", true},
                                            {"llm_int8_skip_modules", true}};

/// Whether names are the same where `*` stands for any text; at the end, for
/// what the module holds: `layers.1*` is not layer 10, as ModelOpt means it.
bool matchesWildcard(std::string_view pattern, std::string_view name) {
  size_t star = pattern.find('*');
  if (star == pattern.npos)
    return pattern == name;
  if (!name.starts_with(pattern.substr(0, star)))
    return false;
  bool isWhole = pattern == "*" || pattern.ends_with(".*");
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  // The first place of each part is as good as a later one, but of the last.
  while ((star = pattern.find('*')) != pattern.npos) {
    size_t found = name.find(pattern.substr(0, star));
    if (found == name.npos)
      return false;
    name.remove_prefix(found + star);
    pattern.remove_prefix(star + 1);
  }
  if (pattern.empty())
    return name.empty() || name.starts_with('.') || isWhole;
  return name.ends_with(pattern);
}

/// Classes are written as in Python, `Linear`.
bool isClass(std::string_view target) {
  return !target.empty() && target[0] >= 'A' && target[0] <= 'Z' &&
         target.find('.') == std::string_view::npos;
}

} // namespace

bool ModuleConfig::matches(std::string_view pattern, std::string_view module) {
  auto known = patterns.find(pattern);
  if (known == patterns.end())
    known = patterns.emplace(pattern, NamePattern::parse(pattern)).first;
  return known->second && known->second->matchesStart(module);
}

const JsonValue *ModuleConfig::findTarget(const JsonValue::Object &groups,
                                          std::string_view module) {
  const JsonValue *byPattern = nullptr, *byClass = nullptr;
  for (const JsonMember &group : groups) {
    const JsonValue::Array *targets = targetsOf(group.value);
    for (const JsonValue &target : targets ? *targets : JsonValue::Array()) {
      if (!target.asString())
        continue;
      std::string_view text = *target.asString();
      if (text == module)
        return &group.value;
      if (text.starts_with(patternStart)) {
        if (!byPattern && matches(text.substr(patternStart.size()), module))
          byPattern = &group.value;
      } else if (!byClass && isClass(text)) {
        byClass = &group.value;
      }
    }
  }
  if (byPattern || byClass)
    return byPattern ? byPattern : byClass;
  bool isForAll = groups.size() == 1 && !groups.front().value.find("targets");
  return isForAll ? &groups.front().value : nullptr;
}

const JsonMember *ModuleConfig::findPattern(const JsonValue::Object &groups,
                                            std::string_view module) {
  for (const JsonMember &group : groups) {
    std::string_view pattern = group.name;
    if (pattern.starts_with(excludedStart) || pattern.starts_with("+:"))
      pattern.remove_prefix(excludedStart.size());
    if (matches(pattern, module))
      return &group;
  }
  return nullptr;
}

void ModuleConfig::readExclusions(const JsonValue &config) {
  exclusionsOf = &config;
  exclusions.clear();
  exclusionPatterns.clear();
  for (const ExclusionList &list : exclusionLists) {
    const JsonValue *entries = config.find(list.name);
    for (const JsonValue &entry : entries && entries->asArray()
                                      ? *entries->asArray()
                                      : JsonValue::Array()) {
      const std::string *text = entry.asString();
      if (!text || text->empty())
        continue;
      if (text->starts_with(patternStart) || text->find('*') != text->npos)
        exclusionPatterns.push_back({*text, list.name});
      else
        exclusions.emplace(*text, Exclusion{list.name, list.bySteps});
    }
  }
}

std::optional<ExcludedModule>
ModuleConfig::findExcluded(const JsonValue &config, std::string_view module) {
  if (exclusionsOf != &config)
    readExclusions(config);
  auto found = [](std::string_view list, std::string_view entry) {
    return ExcludedModule{std::string(list),
                          "'" + std::string(entry) + "' in it"};
  };
  auto names = [&](std::string_view name) {
    auto known = exclusions.find(name);
    bool isNamed =
        known != exclusions.end() && (known->second.bySteps || name == module);
    return isNamed ? &*known : nullptr;
  };
  if (auto *known = names(module))
    return found(known->second.list, known->first);
  for (size_t dot = module.find('.'); dot != module.npos;
       dot = module.find('.', dot + 1))
    for (std::string_view part :
         {module.substr(0, dot), module.substr(dot + 1)})
      if (auto *known = names(part))
        return found(known->second.list, known->first);
  for (const auto &[text, list] : exclusionPatterns) {
    std::string_view pattern = text;
    if (pattern.starts_with(patternStart)
            ? matches(pattern.substr(patternStart.size()), module)
            : matchesWildcard(pattern, module))
      return found(list, text);
  }
  const JsonValue *own = config.find(module);
  if (own && own->asBool() && !*own->asBool())
    return ExcludedModule{std::string(module), own->describe()};
  const JsonValue *groups = config.find("dynamic");
  const JsonMember *group = groups && groups->asObject()
                                ? findPattern(*groups->asObject(), module)
                                : nullptr;
  if (group && group->name.starts_with(excludedStart))
    return found("dynamic", group->name);
  return std::nullopt;
}

const JsonValue *ModuleConfig::find(const JsonValue &groups,
                                    std::string_view module) {
  const JsonValue::Object *members = groups.asObject();
  if (!members || members->empty())
    return nullptr;
  if (lastGroups == &groups && lastModule == module)
    return lastFound;
  bool haveTargets = std::ranges::any_of(*members, [](const JsonMember &group) {
    return group.value.find("targets") != nullptr;
  });
  bool isOnly = members->size() == 1 && members->front().value.find("weights");
  lastFound = nullptr;
  if (haveTargets || isOnly)
    lastFound = findTarget(*members, module);
  else if (const JsonMember *group = findPattern(*members, module);
           group && !group->name.starts_with(excludedStart))
    lastFound = &group->value;
  lastGroups = &groups;
  lastModule = module;
  return lastFound;
}

} // namespace rlx
