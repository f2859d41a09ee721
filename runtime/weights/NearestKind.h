//===- NearestKind.h - Weights that nearly follow a rule --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes without the scales beside them are wrong numbers. Where no rule takes
// codes that have some, the weight is refused, with what the nearest rule
// missed.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_NEARESTKIND_H
#define RLX_RUNTIME_WEIGHTS_NEARESTKIND_H

#include "runtime/weights/KindMatch.h"

#include <functional>
#include <optional>
#include <vector>

namespace rlx {

/// Looks into the tensors of one file.
class NearestKind {
public:
  explicit NearestKind(const WeightFile &file) : file(file) {}

  /// The tensor that belongs to a weight by its name though `rule`, which
  /// matched, has no part for it; null where there is none.
  const WeightEntry *findUnclaimed(const KindRule &rule,
                                   const LogicalWeight &weight);
  /// Codes that no rule took, though a tensor beside them or the configuration
  /// says that they are a kind's; nothing where they stand for themselves.
  std::optional<LogicalWeight> refuse(const WeightEntry &codes,
                                      const JsonValue &config,
                                      ModuleConfig &modules);
  /// The same where it is the codes that are not there, but all else that a
  /// rule needs, of which `part` is one: several tensors, or one of a kind that
  /// the configuration says.
  std::optional<LogicalWeight> refuseWithoutCodes(const WeightEntry &part,
                                                  const JsonValue &config,
                                                  ModuleConfig &modules);
  /// The same where no rule has such names, but there are scales by their name.
  std::optional<LogicalWeight> refuseAlone(const WeightEntry &codes);

private:
  using Test = std::function<bool(const WeightEntry &, std::string_view rest)>;
  const WeightEntry *findBehind(std::string_view prefix, const Test &test);
  int countWithoutCodes(const KindRule &rule, std::string_view prefix) const;

  const WeightFile &file;
  std::vector<const WeightEntry *> byName; ///< Sorted, once it is needed.
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_NEARESTKIND_H
