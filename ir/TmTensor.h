//===- TmTensor.h - torch-mlir's tm_tensor dialect --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Its five operations (TmTensor.td), so that programs that torch-mlir exports
// are read as they are. What they mean, the lowering in passes/import and the
// interpreter say.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_TMTENSOR_H
#define RLX_IR_TMTENSOR_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "ir/TmTensorDialect.h.inc"

#define GET_OP_CLASSES
#include "ir/TmTensor.h.inc"

#endif // RLX_IR_TMTENSOR_H
