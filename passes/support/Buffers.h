//===- Buffers.h - Which memory a value is ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_SUPPORT_BUFFERS_H
#define RLX_PASSES_SUPPORT_BUFFERS_H

#include "mlir/Interfaces/ViewLikeInterface.h"

namespace rlx {

/// The buffer that `memref` is a view of, as far as that can be seen.
inline mlir::Value viewedBuffer(mlir::Value memref) {
  while (auto view = memref.getDefiningOp<mlir::ViewLikeOpInterface>())
    memref = view.getViewSource();
  return memref;
}

} // namespace rlx

#endif // RLX_PASSES_SUPPORT_BUFFERS_H
