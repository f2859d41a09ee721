//===- FieldSyntax.h - The text of a field of a scheme ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Planes, the tables that they name vectors of, and what their codes are read
// as: the part of the language of #rlx.scheme between `code =` and the next
// factor or entry. docs/schemes.md has the grammar.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_FIELDSYNTAX_H
#define RLX_IR_FIELDSYNTAX_H

#include "ir/Dialect.h"

#include "mlir/IR/OpImplementation.h"

namespace rlx {

/// Fails after an error where the text is no field. Whether the field makes
/// sense is for the verifier of the scheme.
mlir::ParseResult parseField(mlir::AsmParser &parser, FieldAttr &field);
/// What `parseField` reads as the same field.
void printField(mlir::AsmPrinter &printer, FieldAttr field);

} // namespace rlx

#endif // RLX_IR_FIELDSYNTAX_H
