//===- OpenClC.h - Kernels as OpenCL C --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_OPENCL_OPENCLC_H
#define RLX_CODEGEN_OPENCL_OPENCLC_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/Support/Error.h"

namespace rlx {

/// The module as a program in OpenCL C 1.2, or 2.0 where kernels compute across
/// subgroups, with a kernel for each `gpu.func` that is one. Results are those
/// of MLIR's ops, bit for bit where the device rounds division and square roots
/// correctly, except for functions such as exp, which are as good as the
/// device's.
///
/// Contract: values of type index fit in 31 bits; buffers are memrefs of
/// identity layout, of rank 1 for arguments, up to 2 in local and private
/// memory; control flow is `scf`. An argument's attribute `rlx.name` is its
/// name; `rlx.no_alias` promises that no other argument reaches its memory.
llvm::Expected<std::string> emitOpenClC(mlir::gpu::GPUModuleOp module);

} // namespace rlx

#endif // RLX_CODEGEN_OPENCL_OPENCLC_H
