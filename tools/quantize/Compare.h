//===- Compare.h - What each scheme makes of a weight -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantizes the same rows by one scheme after the other, and tells bits, error
// and time.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_COMPARE_H
#define RLX_TOOLS_QUANTIZE_COMPARE_H

#include "tools/quantize/WeightSource.h"

namespace rlx::quantize {

/// Prints a table of the schemes, by bits, with plots of errors, bits and
/// times: each line when it is known. Times are those of a thread, on however
/// many the rows are quantized. Schemes whose block does not fit are left out,
/// and named. Error: no schemes.
llvm::Error compare(const WeightSource &source, const WeightEntry &entry,
                    llvm::ArrayRef<QuantScheme> schemes, unsigned numThreads,
                    llvm::raw_ostream &stream);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_COMPARE_H
