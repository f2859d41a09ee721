//===- TableInMemory.h - Constants that code reads by index -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_DECODE_TABLEINMEMORY_H
#define RLX_PASSES_DECODE_TABLEINMEMORY_H

#include "passes/PassDetail.h"

namespace rlx {

/// A buffer that holds `table`, of one dimension, for as long as the function
/// runs which `builder` is in. All that look up the same table share one.
mlir::Value tableInMemory(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::DenseElementsAttr table);

} // namespace rlx

#endif // RLX_PASSES_DECODE_TABLEINMEMORY_H
