//===- Session.h - Runs a Program on a device -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Binds weights, runs the setup once, then runs the steps for inputs of any
// shapes. For each set of shapes the commands are recorded once. Buffers of a
// run share memory where they are not needed at the same time, and so do the
// runs of different shapes.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_SESSION_H
#define RLX_RUNTIME_GPU_SESSION_H

#include "runtime/gpu/MemoryPlan.h"
#include "runtime/gpu/ProgramSizes.h"

#include <list>
#include <optional>

namespace rlx {

struct SessionOptions {
  /// For how many sets of input shapes recorded commands are kept.
  unsigned keptShapes = 8;
};

/// Calls are made from one thread at a time. The device must outlive it.
class Session {
public:
  using Options = SessionOptions;
  using Shape = std::vector<int64_t>;

  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  /// Checks the program and compiles its kernels. Errors: a program that is
  /// none; a kernel that the driver refuses; a weight or another buffer that is
  /// larger than the device allows.
  static Result<std::unique_ptr<Session>>
  create(Device &device, Program program, const Options &options = {});

  /// Gives a weight: a tensor of the argument's type and shape, or its bytes.
  /// They are read by prepare() and must stay until it returns. Errors: no such
  /// weight; another type, shape or number of bytes.
  Status bindWeight(std::string_view name, const TensorView &tensor);
  Status bindWeight(std::string_view name, std::span<const std::byte> bytes);

  /// Brings the weights to the device and runs the setup. A weight is there
  /// from the first step of the setup that reads it to the last, or, when runs
  /// read it, from then on. `progress` counts bytes of weights. Called again
  /// after weights were bound anew, it starts afresh.
  Status prepare(const TransferProgress &progress = {});

  /// The shapes of the results for inputs of these types and shapes, whose data
  /// is not looked at.
  Result<std::vector<Shape>>
  resultShapes(std::span<const TensorView> inputs) const;

  /// Runs the program, after prepare(), and waits for it. `outputs` have the
  /// types and shapes of the results. Gives the nanoseconds that the steps took
  /// by the device's clock. Inputs that are states are read from the caller's
  /// memory before, and written to it after; without data they are, and stay,
  /// what the device has of them: zeros, or what the last run of that shape
  /// left.
  Result<double> run(std::span<const TensorView> inputs,
                     std::span<const TensorView> outputs);

  /// Copies what the device has of an input that is a state. Errors: it is
  /// none; the device has another shape of it, or none yet.
  Status readState(size_t input, const TensorView &tensor);

  /// Bytes of the device that this session has now, and had at most.
  uint64_t deviceBytes() const { return usedBytes; }
  uint64_t peakBytes() const { return mostBytes; }

private:
  struct Binding {
    const std::byte *data = nullptr;
    uint64_t bytes = 0;
    bool bound = false;
  };
  /// What is recorded for a set of input shapes.
  struct Plan {
    std::vector<Shape> inputs, results;
    /// By buffer; none for those that are not of a run.
    std::vector<uint32_t> slotOf;
    std::unique_ptr<CommandList> commands;
  };

  Session(Device &device, Program program, const Options &options)
      : device(device), program(std::move(program)), options(options) {}
  Status start();
  Status createKernels();
  Status checkFixedBuffers();
  void findUses();

  Status setUp(const TransferProgress &progress);
  Status makeResident(uint32_t buffer, const TransferProgress &progress);
  /// The argument that is a state and in this buffer; null where none is.
  const ProgramArgument *stateOf(uint32_t buffer) const;
  /// Makes room on the device for states of these sizes: zeros, where there is
  /// not the same.
  Status makeStates(const SizeValues &values, const std::vector<Shape> &inputs);
  /// Whether a buffer is there independently of the shapes of runs, and whether
  /// any step uses it.
  bool isFixed(uint32_t buffer) const;
  bool isUsed(uint32_t buffer) const;
  Result<std::unique_ptr<Buffer>> allocate(uint64_t bytes,
                                           const std::string &what);
  void release(std::unique_ptr<Buffer> &buffer);
  void discard();
  std::string nameOf(uint32_t buffer) const;

  Result<std::vector<Shape>>
  checkInputs(std::span<const TensorView> inputs) const;
  Status checkOutputs(const Plan &plan,
                      std::span<const TensorView> outputs) const;
  Result<std::vector<Shape>> resultShapes(const SizeValues &values) const;
  Result<Plan *> findPlan(std::vector<Shape> inputs);
  Result<Plan> makePlan(std::vector<Shape> inputs);
  Status checkRunBuffers(const SizeValues &values, const Plan &plan) const;
  Result<MemoryPlan> planBuffers(const SizeValues &values, Plan &plan) const;
  Status growSlots(const MemoryPlan &memory);
  Buffer *bufferOf(const Plan *plan, uint32_t index) const;
  Result<Command> makeCommand(const ProgramStep &step, const SizeValues &values,
                              const Plan *plan) const;
  Status checkStatus(const Plan &plan);

  Device &device;
  Program program;
  Options options;
  /// Sizes that do not depend on inputs.
  SizeValues fixedValues;
  std::vector<std::unique_ptr<Kernel>> kernels;
  std::vector<Binding> bindings; ///< By argument.
  /// By argument: the buffer that holds it, or none.
  std::vector<uint32_t> bufferOfArgument;
  /// By buffer: the last step of the setup that uses it, or -1; whether runs
  /// use it.
  std::vector<int64_t> lastSetupUse;
  std::vector<bool> usedByRuns;
  /// By argument: the shape of a state that the device has; none, where it has
  /// none.
  std::vector<std::optional<Shape>> stateShapes;
  /// By buffer: what stays between runs.
  std::vector<std::unique_ptr<Buffer>> resident;
  std::unique_ptr<Buffer> zeros;
  /// Memory that the buffers of runs share, whatever the shapes.
  std::vector<std::unique_ptr<Buffer>> slots;
  std::list<Plan> plans; ///< The last used first.
  uint64_t weightBytes = 0, uploadedBytes = 0;
  uint64_t usedBytes = 0, mostBytes = 0;
  bool prepared = false;
};

} // namespace rlx

#endif // RLX_RUNTIME_GPU_SESSION_H
