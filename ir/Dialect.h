//===- Dialect.h - The rlx dialect, its attributes and operations ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The declarations generated from RlxDialect.td, RlxAttributes.td,
// RlxInterfaces.td and RlxOps.td.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_DIALECT_H
#define RLX_IR_DIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "llvm/ADT/StringMap.h"

#include <mutex>

namespace mlir {
class PatternRewriter;
} // namespace mlir
namespace rlx {
struct CpuProperties;
class SchemeAttr;
} // namespace rlx

#include "ir/RlxDialect.h.inc"

#include "ir/RlxEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "ir/RlxAttributes.h.inc"

#include "ir/RlxInterfaces.h.inc"

#define GET_OP_CLASSES
#include "ir/RlxOps.h.inc"

namespace rlx {
/// The attribute of a module that says what its kernels are for: #rlx.cpu or
/// #rlx.gpu.
constexpr llvm::StringLiteral targetAttributeName = "rlx.target";
} // namespace rlx

#endif // RLX_IR_DIALECT_H
