//===- ModuleConfig.h - What a configuration says of a module ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Configurations say how groups of modules are quantized, and name the modules
// by their names, by patterns of them, or by their class.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_MODULECONFIG_H
#define RLX_RUNTIME_WEIGHTS_MODULECONFIG_H

#include "runtime/Json.h"
#include "runtime/weights/NamePattern.h"

#include <map>
#include <string>

namespace rlx {

/// Finds what is said of modules, and remembers patterns.
class ModuleConfig {
public:
  /// The member of `groups`, an object, that is for `module`; null where there
  /// is none. Groups that have `targets` (compressed-tensors) are those whose
  /// targets have the name, a pattern of it, `re:...`, or the name of a class,
  /// in this order; one group without targets is for all. Names of other groups
  /// are patterns, of which the first counts (`dynamic` of GPTQ): `+:...`, and
  /// `-:...` for modules that are not quantized.
  const JsonValue *find(const JsonValue &groups, std::string_view module);

private:
  const JsonValue *findTarget(const JsonValue::Object &groups,
                              std::string_view module);
  const JsonValue *findPattern(const JsonValue::Object &groups,
                               std::string_view module);
  bool matches(std::string_view pattern, std::string_view module);

  std::map<std::string, std::optional<NamePattern>, std::less<>> patterns;
  // Several rules ask the same one after the other.
  const JsonValue *lastGroups = nullptr, *lastFound = nullptr;
  std::string lastModule;
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_MODULECONFIG_H
