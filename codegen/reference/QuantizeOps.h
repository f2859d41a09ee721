//===- QuantizeOps.h - The codes of numbers ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_REFERENCE_QUANTIZEOPS_H
#define RLX_CODEGEN_REFERENCE_QUANTIZEOPS_H

#include "codegen/reference/Interpreter.h"
#include "ir/Dialect.h"

namespace rlx {

mlir::LogicalResult runQuantize(Interpreter &interpreter, QuantizeOp op);
/// Where scales, zeros or offsets are chosen.
mlir::LogicalResult runChosenQuantize(Interpreter &interpreter, QuantizeOp op);
mlir::LogicalResult runFakeQuantize(Interpreter &interpreter,
                                    FakeQuantizeOp op);

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_QUANTIZEOPS_H
