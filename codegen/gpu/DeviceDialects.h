//===- DeviceDialects.h - The dialects of GPU code --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_GPU_DEVICEDIALECTS_H
#define RLX_CODEGEN_GPU_DEVICEDIALECTS_H

#include "mlir/IR/DialectRegistry.h"

namespace rlx {

/// What kernels and SPIR-V are written in, beside the dialects of programs.
void registerGpuDialects(mlir::DialectRegistry &registry);

} // namespace rlx

#endif // RLX_CODEGEN_GPU_DEVICEDIALECTS_H
