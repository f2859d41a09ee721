//===- ConfigNames.cpp - Layers of a configuration that are not there -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/ConfigNames.h"

#include "ir/Dialect.h"
#include "ir/NearNames.h"

using namespace mlir;
using namespace rlx;

void rlx::warnOfUnmatched(ModuleOp module, const QuantConfig &config,
                          StringRef path) {
  warnOfUnmatched(module, config, path, "weight", {});
}

void rlx::warnOfUnmatched(ModuleOp module, const QuantConfig &config,
                          StringRef path, StringRef things,
                          SmallVector<std::string> names) {
  module.walk(
      [&](WeightOp weight) { names.push_back(weight.getName().str()); });
  llvm::sort(names);
  names.erase(llvm::unique(names), names.end());
  SmallVector<std::string> unmatched = config.unmatched(names);
  if (unmatched.empty())
    return;
  InFlightDiagnostic warning = emitWarning(module.getLoc());
  warning << "no " << things << " matches '" << unmatched.front() << "'";
  if (unmatched.size() > 1)
    warning << " and " << unmatched.size() - 1 << " others";
  warning << " of the configuration '" << path << "'"
          << didYouMean(unmatched.front(), names);
}
