//===- NamePattern.h - Patterns of names in configurations ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Configurations of checkpoints name modules by regular expressions of Python.
// These are the parts of that language that decide about names in time that
// grows with their length: characters, `.`, classes, `\d \w \s`, groups, `|`,
// `* + ? {m,n}`, `^` and `$`. What looks ahead or back is refused.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_NAMEPATTERN_H
#define RLX_RUNTIME_WEIGHTS_NAMEPATTERN_H

#include <bitset>
#include <optional>
#include <string_view>
#include <vector>

namespace rlx {

class NamePattern {
public:
  /// Nothing where the text is none, or too long.
  static std::optional<NamePattern> parse(std::string_view text);

  /// Whether a name begins with what the pattern says, as Python's re.match.
  bool matchesStart(std::string_view name) const;

  /// A step of a machine that reads a name character by character.
  struct Step {
    enum class Kind { characters, fork, atStart, atEnd };
    Kind kind;
    std::bitset<256> characters = {};
    /// Where to go on, from this step.
    int next = 1, other = 1;
  };
  using Steps = std::vector<Step>;

private:
  explicit NamePattern(Steps steps) : steps(std::move(steps)) {}

  Steps steps; ///< The end is behind the last one.
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_NAMEPATTERN_H
