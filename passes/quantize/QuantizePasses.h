//===- QuantizePasses.h - Passes that quantize values -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_QUANTIZE_QUANTIZEPASSES_H
#define RLX_PASSES_QUANTIZE_QUANTIZEPASSES_H

#include "mlir/Pass/Pass.h"

namespace rlx {

#define GEN_PASS_DECL
#include "passes/quantize/QuantizePasses.h.inc"

} // namespace rlx

#endif // RLX_PASSES_QUANTIZE_QUANTIZEPASSES_H
