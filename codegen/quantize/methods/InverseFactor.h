//===- InverseFactor.h - The Cholesky factor of an inverse ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For a symmetric positive definite H, the upper triangular U with
// U^T U = H^-1. The inverse itself is never formed: with H = C C^T and C upper
// triangular, U is the inverse of C.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_INVERSEFACTOR_H
#define RLX_CODEGEN_QUANTIZE_METHODS_INVERSEFACTOR_H

#include "codegen/quantize/methods/UpperTriangle.h"

namespace rlx::quantize {

/// Replaces H by U. False where H is not positive definite.
bool inverseFactor(UpperTriangle &matrix);

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_METHODS_INVERSEFACTOR_H
