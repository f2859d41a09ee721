//===- Runner.h - A compiled program and what runs it -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_RUN_RUNNER_H
#define RLX_TOOLS_RUN_RUNNER_H

#include "codegen/Signature.h"
#include "codegen/StatusError.h"
#include "runtime/weights/WeightFile.h"
#include "tools/run/RunOptions.h"

#include "llvm/Support/JSON.h"

#include <memory>

namespace rlx {

/// What rlx-run needs of a machine, the CPU or a device. One function of the
/// program is run.
class Runner {
public:
  virtual ~Runner() = default;

  /// The function to run.
  virtual const FunctionSignature &function() const = 0;
  virtual llvm::Error bindWeights(std::shared_ptr<const WeightFile> file) = 0;
  virtual TensorView boundWeight(llvm::StringRef name) const = 0;
  /// Runs the function once, with all that comes before a first run.
  virtual llvm::Expected<std::vector<Tensor>>
  run(llvm::ArrayRef<TensorView> inputs) = 0;
  /// Tells how many bytes a run with these inputs allocates, and runs nothing.
  virtual llvm::Error describeMemory(llvm::ArrayRef<TensorView> inputs,
                                     llvm::json::Object &report,
                                     llvm::raw_ostream *text) const = 0;
  /// Tells, after the first run, what was done: in `report`, and as text where
  /// `text` is not null.
  virtual void describe(llvm::json::Object &report,
                        llvm::raw_ostream *text) const = 0;
  /// Runs the function repeatedly and tells how long it takes.
  virtual llvm::Error measureRuns(llvm::ArrayRef<TensorView> inputs,
                                  llvm::ArrayRef<TensorView> outputs,
                                  llvm::json::Object &report,
                                  llvm::raw_ostream *text) = 0;
};

/// Compiles the program for the machine that the command line names.
llvm::Expected<std::unique_ptr<Runner>>
createCpuRunner(mlir::ModuleOp module, const RunCommandLine &given);
llvm::Expected<std::unique_ptr<Runner>>
createDeviceRunner(mlir::ModuleOp module, const RunCommandLine &given);

/// Fails, before anything is compiled, where `--device` names no device there
/// can be, or comes with options that are for the CPU only.
llvm::Error checkDeviceOptions(const RunCommandLine &given);
/// What there is to run on, as text or JSON.
std::string describeDevices(bool asJson);

} // namespace rlx

#endif // RLX_TOOLS_RUN_RUNNER_H
