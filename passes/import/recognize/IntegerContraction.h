//===- IntegerContraction.h - Both factors are codes ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where activations are dequantized as well as the weight, with a scale for
// each row or for all of them, integers are multiplied, and the scales of the
// graph are applied to their sums:
//
//   sum_k s (x - a) t[n] (w - b) = s t[n] sum_k (x - a) (w - b)
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_IMPORT_RECOGNIZE_INTEGERCONTRACTION_H
#define RLX_PASSES_IMPORT_RECOGNIZE_INTEGERCONTRACTION_H

#include "passes/import/recognize/WeightContraction.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx {

/// Replaces `contraction`, whose weight is `weight`, by rlx.qmatmul and its
/// scales. False where activations are not codes of 8 bits, or the weight is
/// not, or has scales along K; nothing has been changed then.
bool multiplyIntegers(WeightContraction &contraction,
                      const ElementForm &weight);

/// linalg.quantized_matmul ==> rlx.qmatmul
void replaceQuantizedMatmul(mlir::linalg::QuantizedMatmulOp op);

} // namespace rlx

#endif // RLX_PASSES_IMPORT_RECOGNIZE_INTEGERCONTRACTION_H
