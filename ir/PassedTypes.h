//===- PassedTypes.h - What callers pass for a type -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Callers pass and take tensors whose elements are whole bytes. A number is
// passed as a tensor of rank 0. Integers of 2 and 4 bits lie in bytes: the
// first of a row in the lowest bits of its first byte, and what a row's last
// byte has more is 0.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_PASSEDTYPES_H
#define RLX_IR_PASSEDTYPES_H

#include "mlir/IR/BuiltinTypes.h"

namespace rlx {

/// Whether elements of `type`, a tensor, are passed as parts of bytes.
bool isPassedPacked(mlir::Type type);
/// How many of its elements a byte has.
int64_t elementsPerByte(mlir::Type type);
/// What a caller passes for `type`; most are passed as they are.
mlir::Type passedType(mlir::Type type);

} // namespace rlx

#endif // RLX_IR_PASSEDTYPES_H
