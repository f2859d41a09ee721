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
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rlx {

/// Where a configuration says that a module is not quantized.
struct ExcludedModule {
  std::string list;  ///< The name of the member that says it.
  std::string entry; ///< What it says, for messages.
};

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

  /// Nothing where the configuration does not say that the module is not
  /// quantized. Lists of modules (`ignore`, `modules_to_not_convert`, ...) have
  /// names, patterns `re:...`, names with `*` for any text; some name modules
  /// that hold the module, or its last steps. MLX says `module: false`, and
  /// GPTQModel a pattern of `dynamic` with `-:`.
  std::optional<ExcludedModule> findExcluded(const JsonValue &config,
                                             std::string_view module);

private:
  const JsonValue *findTarget(const JsonValue::Object &groups,
                              std::string_view module);
  const JsonMember *findPattern(const JsonValue::Object &groups,
                                std::string_view module);
  bool matches(std::string_view pattern, std::string_view module);
  void readExclusions(const JsonValue &config);

  struct Exclusion {
    std::string_view list; ///< The name of the member that has it.
    bool bySteps;
  };

  std::map<std::string, std::optional<NamePattern>, std::less<>> patterns;
  const JsonValue *exclusionsOf = nullptr;
  std::map<std::string, Exclusion, std::less<>> exclusions; ///< By names.
  std::vector<std::pair<std::string, std::string_view>> exclusionPatterns;
  // Several rules ask the same one after the other.
  const JsonValue *lastGroups = nullptr, *lastFound = nullptr;
  std::string lastModule;
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_MODULECONFIG_H
