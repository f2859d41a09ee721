//===- DeviceExecutable.h - A program compiled for a device -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_GPU_DEVICEEXECUTABLE_H
#define RLX_CODEGEN_GPU_DEVICEEXECUTABLE_H

#include "codegen/WeightBindings.h"
#include "codegen/gpu/DeviceCompiler.h"
#include "runtime/gpu/Session.h"

namespace rlx {

/// The counterpart of Executable for devices. Calls are made from one thread at
/// a time.
class DeviceExecutable {
public:
  /// Compiles `module` for `device`, which must outlive the executable. Fails
  /// where the program has operations that only a CPU can run, or the driver
  /// refuses a kernel.
  static llvm::Expected<std::unique_ptr<DeviceExecutable>>
  compile(mlir::ModuleOp module, Device &device,
          const CompileOptions &options = {}, CompileReport *report = nullptr);
  /// The same for a target of the caller's choice that `device` can run.
  static llvm::Expected<std::unique_ptr<DeviceExecutable>>
  compile(mlir::ModuleOp module, Device &device, const DeviceTarget &target,
          const CompileOptions &options = {}, CompileReport *report = nullptr);

  const std::vector<FunctionSignature> &functions() const { return signatures; }
  llvm::Expected<const FunctionSignature *>
  findFunction(llvm::StringRef name) const;

  /// See Executable.
  llvm::Error bindWeights(std::shared_ptr<const WeightFile> file);
  llvm::Error bindWeight(llvm::StringRef name, const TensorView &tensor);
  TensorView boundWeight(llvm::StringRef name) const {
    return weights.find(name);
  }

  /// Uploads the weights of `function` and brings them into the layout of its
  /// kernels, once.
  llvm::Error prepare(llvm::StringRef function,
                      const TransferProgress &progress = {});
  /// Runs `function`; gives the nanoseconds by the device's clock. States
  /// without data stay on the device (Session.h).
  llvm::Expected<double> run(llvm::StringRef function,
                             llvm::ArrayRef<TensorView> inputs,
                             llvm::ArrayRef<TensorView> outputs);
  /// The same with outputs allocated here.
  llvm::Expected<std::vector<Tensor>> run(llvm::StringRef function,
                                          llvm::ArrayRef<TensorView> inputs);
  /// Copies what the device has of the state `name` of `function`.
  llvm::Error readState(llvm::StringRef function, llvm::StringRef name,
                        const TensorView &tensor);
  /// Bytes of the device that `function` has at most.
  uint64_t peakBytes(llvm::StringRef function) const;

private:
  struct Entry {
    std::unique_ptr<Session> session;
    bool prepared = false;
  };
  explicit DeviceExecutable(Device &device) : device(device) {}
  llvm::Expected<Entry *> entry(llvm::StringRef function);

  Device &device;
  std::vector<FunctionSignature> signatures;
  std::vector<Program> programs; ///< Given to sessions when they are made.
  std::vector<Entry> entries;
  WeightBindings weights{signatures};
};

} // namespace rlx

#endif // RLX_CODEGEN_GPU_DEVICEEXECUTABLE_H
