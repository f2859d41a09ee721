//===- StateFiles.h - States of a program in files --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_RUN_STATEFILES_H
#define RLX_TOOLS_RUN_STATEFILES_H

#include "codegen/StateMemory.h"
#include "tools/run/RunOptions.h"

namespace rlx {

/// The states of `function` before the run: `--state name=x.npy`, and zeros for
/// those that are not given.
llvm::Expected<States> readStates(const RunCommandLine &given,
                                  const FunctionSignature &function);

/// Writes those of `--keep-state name=y.npy`, all or none.
llvm::Error writeStates(const RunCommandLine &given, const States &states);

} // namespace rlx

#endif // RLX_TOOLS_RUN_STATEFILES_H
