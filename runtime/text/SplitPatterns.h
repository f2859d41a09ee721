//===- SplitPatterns.h - How text is cut before it becomes tokens ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Byte-level vocabularies are trained on words, and words are what regular
// expressions match. Which expressions: a table by `tokenizer.ggml.pre`.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TEXT_SPLITPATTERNS_H
#define RLX_RUNTIME_TEXT_SPLITPATTERNS_H

#include "runtime/Status.h"

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace rlx {

/// A row of the table.
struct SplitRule {
  std::string_view names; ///< Of `tokenizer.ggml.pre`, by blanks.
  /// Each cuts the parts that those before it left; by newlines.
  std::string_view patterns;
  /// Whether a word that is a token is taken without merging its parts.
  bool wholeWords = false;
  /// Whether text begins with the token for it, where the file does not say.
  bool addBos = false;
};

/// The row of that name; an empty one is `default`. Error: a name that there is
/// not, with those there are.
Result<const SplitRule *> findSplitRule(std::string_view name);

/// Regular expressions, compiled. Safe to use from several threads.
class SplitPatterns {
public:
  /// Error: one that is not well formed.
  static Result<SplitPatterns> compile(std::string_view patterns);
  SplitPatterns(SplitPatterns &&) noexcept;
  SplitPatterns &operator=(SplitPatterns &&) noexcept;
  ~SplitPatterns();

  /// Which parts are asked for.
  enum class Parts {
    all,    ///< What matches and what lies between: together the text.
    between ///< What matches is left out.
  };
  /// Appends the parts of `text` to `parts`.
  Status split(std::string_view text, std::vector<std::string_view> &parts,
               Parts which = Parts::all) const;

private:
  struct Code;
  SplitPatterns();
  Status splitValid(std::string_view text, Parts which,
                    std::vector<std::string_view> &parts) const;
  std::vector<std::unique_ptr<Code>> codes;
};

} // namespace rlx

#endif // RLX_RUNTIME_TEXT_SPLITPATTERNS_H
