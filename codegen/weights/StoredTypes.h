//===- StoredTypes.h - What weights are stored as, and as what --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A weight file says of a tensor its container, its stored type there and its
// shape; a program says a scheme or an element type. This is the one table
// between the two. Of GGUF it has no rows: there the entry `ggml` of a scheme
// says its type, so that schemes of users have one too.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_WEIGHTS_STOREDTYPES_H
#define RLX_CODEGEN_WEIGHTS_STOREDTYPES_H

#include "ir/Scheme.h"
#include "runtime/weights/WeightFile.h"

namespace rlx {

/// The scheme that a tensor of a file is stored in, where its type alone says
/// one.
std::optional<QuantScheme> schemeOf(const WeightEntry &entry,
                                    mlir::MLIRContext &context);

/// The stored type of a scheme in a container, or an empty string where it has
/// none.
std::string storedTypeOf(WeightContainer container, QuantScheme scheme);
/// The same by its display name and its type of ggml.
std::string storedTypeOf(WeightContainer container, llvm::StringRef scheme,
                         llvm::StringRef ggmlType);
/// The stored type of plain elements; `mlirType` is their type in a program,
/// which tells 8-bit floats from bytes.
std::string storedTypeOf(WeightContainer container, ElementType element,
                         llvm::StringRef mlirType);

/// The same of elements of a program.
std::string storedTypeOf(WeightContainer container, mlir::Type element);

} // namespace rlx

#endif // RLX_CODEGEN_WEIGHTS_STOREDTYPES_H
