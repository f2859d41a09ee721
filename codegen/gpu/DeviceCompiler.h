//===- DeviceCompiler.h - From a program to kernels of a device -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_GPU_DEVICECOMPILER_H
#define RLX_CODEGEN_GPU_DEVICECOMPILER_H

#include "codegen/Compiler.h"
#include "codegen/Signature.h"
#include "runtime/gpu/Program.h"

namespace rlx {

/// The device that code is for, and the form of its code.
struct DeviceTarget {
  std::string attribute; ///< A #rlx.gpu attribute, as text.
  KernelForm form = KernelForm::spirv;

  /// What fits a device: SPIR-V for Vulkan, OpenCL C for OpenCL.
  static DeviceTarget of(const DeviceInfo &device);
  /// The same for a device that takes SPIR-V through OpenCL.
  static DeviceTarget spirvOf(const DeviceInfo &device);
};

/// A lowered program: kernels in the module `@kernels`, dispatches of them in
/// the functions.
struct DeviceModule {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<FunctionSignature> signatures;
};
llvm::Expected<DeviceModule> lowerForDevice(mlir::ModuleOp module,
                                            const DeviceTarget &target,
                                            const CompileOptions &options = {});

/// The kernels of a lowered program as SPIR-V or OpenCL C.
llvm::Expected<std::vector<std::byte>>
emitKernels(const DeviceModule &lowered, KernelForm form,
            const CompileOptions &options = {});
/// The same as text for people: SPIR-V as MLIR's spirv dialect.
llvm::Expected<std::string> printKernels(const DeviceModule &lowered,
                                         KernelForm form,
                                         const CompileOptions &options = {});

/// Programs for the runtime, one for each function that is not private.
struct DevicePrograms {
  std::vector<Program> programs;
  std::vector<FunctionSignature> signatures;
};
llvm::Expected<DevicePrograms>
compileForDevice(mlir::ModuleOp module, const DeviceTarget &target,
                 const CompileOptions &options = {});

} // namespace rlx

#endif // RLX_CODEGEN_GPU_DEVICECOMPILER_H
