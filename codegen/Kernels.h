//===- Kernels.h - Which kernels a program got ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_KERNELS_H
#define RLX_CODEGEN_KERNELS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace rlx {

/// The kernel of each matmul in `function`, whose weights have their layouts:
/// `packed i8, 16 rows a tile, K block 256` or `in place, f32`.
std::vector<std::string> describeKernels(mlir::func::FuncOp function);

} // namespace rlx

#endif // RLX_CODEGEN_KERNELS_H
