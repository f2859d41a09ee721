//===- SideTypes.h - Other element types of side tensors --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales and zero points are f32 in most built-in schemes; files have them in
// half of that. `NAME:f16` and `NAME:bf16` are a scheme with such sides.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_SIDETYPES_H
#define RLX_IR_SIDETYPES_H

#include "ir/Scheme.h"

namespace rlx {

/// The scheme with its side tensors of f32, f16 and bf16 of another of these
/// types, under another name.
QuantScheme withSideType(QuantScheme scheme, mlir::Type type,
                         llvm::StringRef name);

} // namespace rlx

#endif // RLX_IR_SIDETYPES_H
