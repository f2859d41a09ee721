//===- MemoryLimit.h - What a conversion takes in memory --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows stream, so that what files and weights take does not count. What has to
// be in memory as a whole is known before anything is written: side tensors,
// activations or the sums of their products, GPTQ's Hessian, rows that share
// scales.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_MEMORYLIMIT_H
#define RLX_TOOLS_QUANTIZE_MEMORYLIMIT_H

#include "tools/quantize/Converter.h"

namespace rlx::quantize {

/// An error that names the first weight that cannot be quantized as its step
/// says, or that needs more than `gibibytes`, and for what. `isMeasured`:
/// schemes are compared on activations as well.
llvm::Error checkMemory(const Conversion &conversion, double gibibytes,
                        bool isMeasured);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_MEMORYLIMIT_H
