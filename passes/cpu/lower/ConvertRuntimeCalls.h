//===- ConvertRuntimeCalls.h - Calls of the host's C ABI --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_CPU_LOWER_CONVERTRUNTIMECALLS_H
#define RLX_PASSES_CPU_LOWER_CONVERTRUNTIMECALLS_H

#include "mlir/IR/DialectRegistry.h"

namespace rlx {
/// Lets `--convert-to-llvm` convert rlx.parallel_for and rlx.report_index into
/// calls of the functions in runtime/cpu/KernelAbi.h.
void registerRuntimeCallConversion(mlir::DialectRegistry &registry);
} // namespace rlx

#endif // RLX_PASSES_CPU_LOWER_CONVERTRUNTIMECALLS_H
