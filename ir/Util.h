//===- Util.h - Globals of IREE's util dialect ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_IR_UTIL_H
#define RLX_IR_UTIL_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"

#include "ir/UtilDialect.h.inc"

#define GET_OP_CLASSES
#include "ir/Util.h.inc"

#endif // RLX_IR_UTIL_H
