//===- OpenClDevice.h - An open OpenCL device -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The device with its queue, and its buffers, kernels and command lists.
// Programs and kernels are in OpenClKernel.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_OPENCLDEVICE_H
#define RLX_RUNTIME_GPU_OPENCLDEVICE_H

#include "runtime/gpu/DeviceSupport.h"
#include "runtime/gpu/KernelCache.h"
#include "runtime/gpu/OpenClApi.h"

#include <map>

namespace rlx {

class OpenClDevice;

class OpenClBuffer final : public Buffer {
public:
  OpenClBuffer(OpenClDevice &device, uint64_t bytes, OpenClMemory memory);
  ~OpenClBuffer() override;

  OpenClDevice &device;
  OpenClMemory memory;
};

class OpenClKernel final : public DescribedKernel {
public:
  OpenClKernel(const KernelSource &source,
               std::shared_ptr<const OpenClProgram> program)
      : DescribedKernel(source), program(std::move(program)) {}

  /// Other kernels of the same module have the same program.
  std::shared_ptr<const OpenClProgram> program;
};

class OpenClCommandList final : public CommandList {
public:
  /// A kernel object that has its arguments, or a copy.
  struct Entry {
    OpenClKernelHandle kernel;
    std::string name;
    std::array<size_t, 3> global{}, local{};
    cl_mem from = nullptr, to = nullptr;
    uint64_t fromOffset = 0, toOffset = 0, bytes = 0;
  };
  std::vector<Entry> entries;
};

class OpenClDevice final : public Device {
public:
  ~OpenClDevice() override;
  static Result<std::unique_ptr<Device>> open(unsigned index,
                                              const Options &options);

  Result<std::unique_ptr<Buffer>> allocate(uint64_t bytes) override;
  Status upload(Buffer &to, uint64_t offset, std::span<const std::byte> from,
                const TransferProgress &progress) override;
  Status download(const Buffer &from, uint64_t offset,
                  std::span<std::byte> to) override;
  Result<std::unique_ptr<Kernel>>
  createKernel(const KernelSource &source) override;
  Result<std::unique_ptr<CommandList>>
  record(std::span<const Command> commands) override;
  Result<double> run(CommandList &list) override;

  /// Bytes of memory that buffers have.
  uint64_t usedBytes = 0;

private:
  OpenClDevice(const OpenClFunctions &cl, OpenClPhysicalDevice physical,
               const Options &options)
      : Device(physical.info), cl(cl), physical(std::move(physical)),
        cache(options.cacheDirectory, options.cache) {}
  Status start();

  Status check(cl_int code, std::string_view what) const;
  /// The same for a call that waits: what a device reports there is its end.
  Status checkWaited(cl_int code, std::string_view what);
  Status ready() const;

  using SharedProgram = std::shared_ptr<const OpenClProgram>;
  Result<SharedProgram> program(const KernelSource &source);
  Result<OpenClProgram> compile(const KernelSource &source);
  Result<OpenClProgram> build(OpenClProgram program, const KernelSource &source,
                              bool fromSource);
  OpenClProgram loadBinary(std::string_view key, const KernelSource &source);
  void storeBinary(std::string_view key, const OpenClProgram &program);
  std::string buildLog(const OpenClProgram &program) const;
  Result<OpenClKernelHandle> makeKernel(const OpenClProgram &program,
                                        const std::string &entry) const;
  Result<OpenClCommandList::Entry> prepare(const Command &command) const;
  Status enqueue(const OpenClCommandList::Entry &entry, cl_event *event);

  const OpenClFunctions &cl;
  OpenClPhysicalDevice physical;
  KernelCache cache;
  OpenClContext context;
  OpenClQueue queue;
  /// By everything that a program is made from.
  std::map<std::string, std::weak_ptr<const OpenClProgram>> programs;
  bool lost = false;
};

} // namespace rlx

#endif // RLX_RUNTIME_GPU_OPENCLDEVICE_H
