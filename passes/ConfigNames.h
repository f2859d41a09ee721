//===- ConfigNames.h - Layers of a configuration that are not there -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RLX_PASSES_CONFIGNAMES_H
#define RLX_PASSES_CONFIGNAMES_H

#include "ir/QuantConfig.h"

#include "mlir/IR/BuiltinOps.h"

namespace rlx {

/// Warns where an override of the configuration, which was read from `path`,
/// matches no weight of the program: once, with the nearest names for the first
/// of them, as a configuration may be that of a whole model.
void warnOfUnmatched(mlir::ModuleOp module, const QuantConfig &config,
                     llvm::StringRef path);

/// The same for a configuration of other things, "value" say, whose names are
/// `names` beside those of weights: one file may be for both.
void warnOfUnmatched(mlir::ModuleOp module, const QuantConfig &config,
                     llvm::StringRef path, llvm::StringRef things,
                     llvm::SmallVector<std::string> names);

} // namespace rlx

#endif // RLX_PASSES_CONFIGNAMES_H
