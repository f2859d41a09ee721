//===- SidedWeight.h - Weights with tensors beside them ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantizes a weight whose rows write into the same side tensors. It is held in
// memory as a whole.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_SIDEDWEIGHT_H
#define RLX_TOOLS_QUANTIZE_SIDEDWEIGHT_H

#include "codegen/quantize/methods/QuantizedWeight.h"
#include "runtime/cpu/ThreadPool.h"
#include "tools/quantize/Converter.h"

namespace rlx::quantize {

/// The weight; adds its error to `outcome`.
llvm::Expected<QuantizedWeight>
quantizeSided(const WeightSource &source, const WeightEntry &entry,
              const Quantizer &quantizer, ThreadPool &pool, Outcome &outcome);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_SIDEDWEIGHT_H
