//===- Inlining.h - Dialects whose operations may be inlined ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_IR_INLINING_H
#define RLX_IR_INLINING_H

#include "mlir/Transforms/InliningUtils.h"

namespace rlx {

/// Every operation of the dialect may be inlined. Regions, as the epilogues of
/// block operations, read values from outside and are copied as they are.
struct InlineAll : mlir::DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(mlir::Operation *, mlir::Region *, bool,
                       mlir::IRMapping &) const override {
    return true;
  }
};

} // namespace rlx

#endif // RLX_IR_INLINING_H
