//===- FakeQuantize.h - What quantizing does to numbers ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantizes and dequantizes in one pass over the data: bit for bit what the
// quantizer and the decoder give after each other.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_FAKEQUANTIZE_H
#define RLX_CODEGEN_QUANTIZE_FAKEQUANTIZE_H

#include "codegen/quantize/Quantizer.h"

namespace rlx {

/// Of numbers that follow each other in blocks of a scheme that keeps its
/// scales in them. `result` may be `values`. Errors: no element, a count that
/// is no multiple of the block size, another element count of the output, a
/// scheme with side tensors, numbers that are not finite.
llvm::Error fakeQuantize(QuantScheme scheme, llvm::ArrayRef<float> values,
                         llvm::MutableArrayRef<float> result,
                         std::optional<QuantRule> rule = std::nullopt);

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_FAKEQUANTIZE_H
