//===- CalibrateRun.h - rlx-run --calibrate ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_RUN_CALIBRATERUN_H
#define RLX_TOOLS_RUN_CALIBRATERUN_H

#include "tools/run/RunOptions.h"

#include "mlir/IR/BuiltinOps.h"

namespace rlx {

/// Runs the program on all batches that the inputs are, and writes the record.
llvm::Error calibrate(mlir::ModuleOp module, const RunCommandLine &given);

} // namespace rlx

#endif // RLX_TOOLS_RUN_CALIBRATERUN_H
