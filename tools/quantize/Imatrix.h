//===- Imatrix.h - Importance from calibration ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads what llama.cpp's imatrix writes: a GGUF file that has, for each weight,
// sums of squares of the activations that each column saw (`NAME.in_sum2`) and
// how many there were (`NAME.counts`).
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_IMATRIX_H
#define RLX_TOOLS_QUANTIZE_IMATRIX_H

#include "tools/quantize/Plan.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace rlx::quantize {

/// Mean squares by weight: a number for each column, of each expert.
using Imatrix = llvm::StringMap<std::vector<float>>;

/// Errors name the file and what is wrong with it.
llvm::Expected<Imatrix> readImatrix(const std::string &path);

/// Errors: importance of another size than a weight that is quantized.
llvm::Error checkSizes(const std::string &path, const Imatrix &imatrix,
                       llvm::ArrayRef<Step> steps);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_IMATRIX_H
