//===- KnownChecks.h - Checks of indices that need not be made --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where an operation that gathered elements has become one of rlx, its loops
// stay for the checks of their indices. Those of indices that follow from the
// loops are known to hold, and those of ids are made by the operation of rlx.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_IMPORT_RECOGNIZE_KNOWNCHECKS_H
#define RLX_PASSES_IMPORT_RECOGNIZE_KNOWNCHECKS_H

#include "passes/import/recognize/ElementEvaluator.h"

namespace rlx {

/// Ids of which an operation of rlx checks all.
struct CheckedIds {
  mlir::Value tensor;
  int64_t count, wrap;
};

/// Erases the checks in loops inside of `root` that hold, or that `checked` ids
/// have behind them, and what only they needed.
void eraseKnownChecks(mlir::Operation *root,
                      llvm::ArrayRef<CheckedIds> checked);

} // namespace rlx

#endif // RLX_PASSES_IMPORT_RECOGNIZE_KNOWNCHECKS_H
