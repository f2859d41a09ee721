//===- DeviceDialects.h - The dialects of GPU code --------------*- C++ -*-===//

#ifndef RLX_CODEGEN_GPU_DEVICEDIALECTS_H
#define RLX_CODEGEN_GPU_DEVICEDIALECTS_H

#include "mlir/IR/DialectRegistry.h"

namespace rlx {

/// What kernels and SPIR-V are written in, beside the dialects of programs.
void registerGpuDialects(mlir::DialectRegistry &registry);

} // namespace rlx

#endif // RLX_CODEGEN_GPU_DEVICEDIALECTS_H
