//===- SideIndex.h - How far an index of a side tensor reaches --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels must know of the places that a description gives besides the
// places themselves: over how many elements of K a field stays the same, and
// whether anything overflows while an index is computed. Both are exact for all
// rows and all of K.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_SIDEINDEX_H
#define RLX_IR_SIDEINDEX_H

#include "ir/Scheme.h"

namespace rlx {

/// The value of `expr` for these dimensions; nothing where it or a part of it
/// is beyond `limit` in magnitude, which includes what overflows 64 bits.
std::optional<int64_t>
evaluateWithin(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> dims,
               int64_t limit = std::numeric_limits<int64_t>::max());

/// The largest length such that `field` is the same for all elements of each
/// aligned run of so many, in every row of `k` elements; `k` where it is the
/// same for the whole row. The index into a side tensor may do what it likes:
/// where a division depends on the row and on K, the length is 1.
int64_t groupLength(const QuantScheme &scheme, FieldAttr field, int64_t k);

} // namespace rlx

#endif // RLX_IR_SIDEINDEX_H
