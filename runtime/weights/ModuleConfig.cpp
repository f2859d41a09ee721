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
  constexpr std::string_view start = "re:";
  const JsonValue *byPattern = nullptr, *byClass = nullptr;
  for (const JsonMember &group : groups) {
    const JsonValue::Array *targets = targetsOf(group.value);
    for (const JsonValue &target : targets ? *targets : JsonValue::Array()) {
      if (!target.asString())
        continue;
      std::string_view text = *target.asString();
      if (text == module)
        return &group.value;
      if (text.starts_with(start)) {
        if (!byPattern && matches(text.substr(start.size()), module))
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

const JsonValue *ModuleConfig::findPattern(const JsonValue::Object &groups,
                                           std::string_view module) {
  for (const JsonMember &group : groups) {
    std::string_view pattern = group.name;
    bool isExcluded = pattern.starts_with("-:");
    if (isExcluded || pattern.starts_with("+:"))
      pattern.remove_prefix(2);
    if (matches(pattern, module))
      return isExcluded ? nullptr : &group.value;
  }
  return nullptr;
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
  lastFound = haveTargets || isOnly ? findTarget(*members, module)
                                    : findPattern(*members, module);
  lastGroups = &groups;
  lastModule = module;
  return lastFound;
}

} // namespace rlx
