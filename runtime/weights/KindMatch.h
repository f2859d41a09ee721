//===- KindMatch.h - One rule of checkpoints, one weight ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_KINDMATCH_H
#define RLX_RUNTIME_WEIGHTS_KINDMATCH_H

#include "runtime/Json.h"
#include "runtime/weights/CheckpointKinds.h"
#include "runtime/weights/LogicalWeight.h"
#include "runtime/weights/ModuleConfig.h"

#include <optional>

namespace rlx {

/// Roles of tensors without which codes mean nothing.
inline constexpr std::string_view numberRoles =
    "scales zero_points global_scale nested_scales codebook";

/// How near a rule comes to a weight that it does not read, and why it does
/// not: `expected WHAT to be EXPECTED, but got FOUND`.
struct KindNearness {
  std::string_view kind;
  std::string weight;    ///< Its name, were it one.
  bool hasNames = false; ///< Tensors of all names that it needs are there.
  bool hasSides = false; ///< One that its numbers follow from, by its name.
  bool hasCodes = false; ///< Its codes are of a type that it reads.
  bool isSaid = false;   ///< The configuration says something that it asks for.
  bool saysOther = false; ///< It says something else than it asks for.
  bool meetsConditions = false;
  int numConditions = 0, numParts = 0; ///< Those that were met.
  std::vector<WeightPart> parts;       ///< What there is, by names.
  std::string what, found;
  std::vector<std::string> expected; ///< One of these.
};

/// The weight whose tensors begin with `prefix`, as `rule` says; nothing where
/// the rule does not apply; then `nearness`, if it is not null, says why.
/// `config` is that of readCheckpointConfig.
std::optional<LogicalWeight>
matchKind(const KindRule &rule, const WeightFile &file, const JsonValue &config,
          ModuleConfig &modules, std::string_view prefix,
          KindNearness *nearness = nullptr);

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_KINDMATCH_H
