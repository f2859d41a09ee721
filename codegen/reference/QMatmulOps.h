//===- QMatmulOps.h - Products of integers ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_REFERENCE_QMATMULOPS_H
#define RLX_CODEGEN_REFERENCE_QMATMULOPS_H

#include "codegen/reference/Interpreter.h"

#include "ir/QMatmul.h"

namespace rlx {

mlir::LogicalResult runQMatmul(Interpreter &interpreter, QMatmulOp op);

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_QMATMULOPS_H
