//===- LetterFolds.h - Letters without case and accents -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RLX_RUNTIME_TEXT_LETTERFOLDS_H
#define RLX_RUNTIME_TEXT_LETTERFOLDS_H

#include <string>
#include <string_view>

namespace rlx {

/// Appends `code` in lower case and without marks above and below it, as
/// Unicode decomposes it; Hangul syllables as their letters.
void appendFolded(std::string &text, char32_t code);

} // namespace rlx

#endif // RLX_RUNTIME_TEXT_LETTERFOLDS_H
