//===- SharedCodes.h - What all rows of a weight share ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A global scale joins all rows of a weight, or of an expert, to one problem.
// So that rows need not be in memory together, its code is chosen first, from
// some of the rows: those that have the extremes, on which rules depend, and
// others at even distances. Then rows are quantized as if alone.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_SHAREDCODES_H
#define RLX_CODEGEN_QUANTIZE_SHAREDCODES_H

#include "codegen/quantize/WeightPlan.h"

namespace rlx::quantize {

/// Whether the codes of a plan can be chosen so.
bool canChooseShared(const WeightPlan &plan);

/// Chooses the codes of fields that all rows of an expert share from those that
/// `sample` gives, for each expert, and writes them to side tensors.
llvm::Error
fixShared(WeightPlan &plan,
          llvm::function_ref<llvm::Expected<std::vector<float>>(int64_t expert)>
              sample,
          QuantizedBytes bytes);

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_SHAREDCODES_H
