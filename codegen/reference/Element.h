//===- Element.h - An element of a tensor as a double -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_REFERENCE_ELEMENT_H
#define RLX_CODEGEN_REFERENCE_ELEMENT_H

#include "runtime/Tensor.h"

#include "mlir/IR/Types.h"

namespace rlx {

/// Element `i` of `tensor`, in the order of memory. Integers of 64 bits are
/// rounded. `type` says what a program has for elements of one byte: floats of
/// 8 bits are passed as bytes.
double elementAsDouble(const TensorView &tensor, int64_t i,
                       mlir::Type type = mlir::Type());

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_ELEMENT_H
