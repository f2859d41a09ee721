//===- RuleValues.h - What a configuration says of a weight -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The paths of rules (CheckpointKinds.h) and the values that they lead to: in
// the configuration beside a file, and in small tensors of the weight.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_RULEVALUES_H
#define RLX_RUNTIME_WEIGHTS_RULEVALUES_H

#include "runtime/Json.h"
#include "runtime/weights/ModuleConfig.h"
#include "runtime/weights/WeightFile.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace rlx {

/// A value of the configuration as conditions write it; empty where there is
/// none.
std::string wordOf(const JsonValue *value);
/// Whether a word is one of several, separated by `,`.
bool isOneOf(std::string_view word, std::string_view list);

/// Of the weight whose tensors begin with `prefix`. All that is given has to
/// live as long.
class RuleValues {
public:
  RuleValues(const WeightFile &file, const JsonValue &config,
             ModuleConfig &modules, std::string_view prefix)
      : file(file), config(config), modules(modules), prefix(prefix) {}

  /// The name of the module that has the weight.
  std::string_view module() const;
  /// The value at the first of the paths that is there; null where none is.
  const JsonValue *valueAt(std::string_view paths);
  /// What the first of the paths leads into.
  const JsonValue *ownerOf(std::string_view paths);
  /// Whether the configuration says `path = value`.
  bool isSaid(std::string_view condition);
  /// Whether a configuration that has groups has one for the module.
  bool hasGroup(std::string_view path);
  /// Where it says that the module is not quantized.
  std::optional<ExcludedModule> findExcluded() {
    return modules.findExcluded(config, module());
  }

  /// A place that a rule reads, as people look for it: the one that is there,
  /// or else the last.
  std::string describePath(std::string_view paths);
  std::string describeValue(std::string_view paths);

private:
  std::string nameOf(std::string_view suffix) const {
    return std::string(prefix) + std::string(suffix);
  }
  const JsonValue *tensorValue(std::string_view suffix);

  const WeightFile &file;
  const JsonValue &config;
  ModuleConfig &modules;
  std::string_view prefix;
  std::map<std::string, JsonValue, std::less<>> tensorValues;
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_RULEVALUES_H
