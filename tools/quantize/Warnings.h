//===- Warnings.h - What a conversion should be told about ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names that nothing has, and numbers that a scheme lost: nothing that keeps a
// file from being written.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_WARNINGS_H
#define RLX_TOOLS_QUANTIZE_WARNINGS_H

#include "tools/quantize/Converter.h"

namespace rlx::quantize {

llvm::SmallVector<std::string> namesOf(const WeightSource &source);

/// A pattern that matches nothing was meant for something, and so was one that
/// matches nothing but vectors.
void warnOfUnmatched(const QuantConfig &config, const WeightSource &source);

/// didYouMean of names that come from a file, as messages may show them.
std::string nearNames(llvm::StringRef given, llvm::ArrayRef<std::string> known);

/// Names of an imatrix, read from `path`, that no weight has are worth a word:
/// it may be of another model.
void warnOfUnknownNames(llvm::StringRef path, const Imatrix &imatrix,
                        const WeightSource &source);

/// Scales have bounds: what is beyond them decodes to infinities, or to
/// numbers that have nothing to do with what they were.
void warnOfLosses(const Conversion &conversion,
                  llvm::ArrayRef<Outcome> outcomes);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_WARNINGS_H
