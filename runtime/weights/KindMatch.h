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

/// The weight whose tensors begin with `prefix`, as `rule` says; nothing where
/// the rule does not apply. `config` is that of readCheckpointConfig.
std::optional<LogicalWeight>
matchKind(const KindRule &rule, const WeightFile &file, const JsonValue &config,
          ModuleConfig &modules, std::string_view prefix);

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_KINDMATCH_H
