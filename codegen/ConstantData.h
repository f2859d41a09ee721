//===- ConstantData.h - Bytes of a program's constants ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_CONSTANTDATA_H
#define RLX_CODEGEN_CONSTANTDATA_H

#include "mlir/IR/BuiltinAttributes.h"

#include <cstddef>
#include <memory>

namespace rlx {

/// The elements of a constant, row by row, aligned to an element, for as long
/// as somebody holds them: also when the program and its context are gone. A
/// resource is shared with the context, anything else copied. Null where there
/// is no memory, or no number that is whole bytes.
std::shared_ptr<const std::byte> holdConstant(mlir::ElementsAttr value);

} // namespace rlx

#endif // RLX_CODEGEN_CONSTANTDATA_H
