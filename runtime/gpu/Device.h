//===- Device.h - Devices that run kernels --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The thin layer over Vulkan and OpenCL: devices, buffers, kernels, and queues
// of commands that are recorded once and replayed. libvulkan and libOpenCL are
// loaded at run time; a machine with neither has no devices, and listDevices
// says what it lacks. What a compiled function does with them is in Program.h
// and Session.h.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_DEVICE_H
#define RLX_RUNTIME_GPU_DEVICE_H

#include "runtime/CacheDirectory.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace rlx {

enum class DeviceApi { vulkan, opencl };

/// `vulkan` or `opencl`.
std::string_view apiName(DeviceApi api);

/// What a device is and what it can do. Kernels are generated for this.
struct DeviceInfo {
  DeviceApi api = DeviceApi::vulkan;
  unsigned index = 0; ///< Among the devices of its API.
  std::string name, driver;
  std::string version;   ///< Of the API that the device offers: `1.3`.
  bool isCpu = false;    ///< A device that is the host's processor.
  bool storage8 = false; ///< 8-bit elements of buffers.
  bool storage16 = false;
  bool int8 = false, int16 = false, int64 = false; ///< Arithmetic.
  bool float16 = false, float64 = false;
  bool fma = false;        ///< A fused product and sum, and a fast one.
  bool denormals = false;  ///< Kernels can keep f32 below 2^-126, and such f16.
  bool nonfinite = false;  ///< Kernels can keep infinities, NaNs, signs of 0.
  bool integerDot = false; ///< Sums of four products of bytes.
  /// Sums and maxima across a subgroup, and numbers of its other work-items;
  /// only where every kernel runs in full subgroups of `subgroupSize`.
  bool subgroupArithmetic = false, subgroupShuffle = false;
  /// M, N and K of the matrices of f16 that a subgroup multiplies and adds in
  /// f32; zeros where kernels cannot use any.
  std::array<uint32_t, 3> matrix{};
  bool acceptsSpirv = false;    ///< Always for Vulkan.
  uint32_t subgroupSize = 1;    ///< 1 where unknown.
  uint32_t vectorWidth = 1;     ///< f32 lanes of its vectors; 1 for SIMT.
  uint32_t workgroupSize = 128; ///< Most work-items of a workgroup.
  uint32_t computeUnits = 1;
  uint64_t workgroupMemory = 16384; ///< Bytes.
  uint64_t bufferBytes = 1 << 27;   ///< Largest buffer a kernel can read.
  uint64_t memoryBytes = 0;

  bool hasMatrix() const { return matrix[0] != 0; }
  /// `vulkan:0`
  std::string label() const;
};

struct DeviceList {
  std::vector<DeviceInfo> devices;
  /// Why an API has no devices, or fewer: one sentence each.
  std::vector<std::string> notes;
};

/// All devices of both APIs. Never fails: what cannot be loaded is a note.
DeviceList listDevices();

/// A paragraph for each device with what it can do, then the notes.
std::string describe(const DeviceList &list);

/// Memory of a device. Freed by its destructor; must not outlive its device.
class Buffer {
public:
  virtual ~Buffer() = default;
  uint64_t size() const { return bytes; }

protected:
  explicit Buffer(uint64_t bytes) : bytes(bytes) {}
  uint64_t bytes;
};

enum class KernelForm { spirv, openclC };

/// A kernel as the compiler emits it. A kernel takes its buffers first and then
/// its scalars, which are 32-bit integers. For Vulkan, buffer `i` is binding
/// `i` of set 0, and the scalars, if there are any, lie as words in one storage
/// buffer at the binding after the last buffer. For OpenCL all are arguments in
/// order.
struct KernelSource {
  KernelForm form = KernelForm::spirv;
  std::span<const std::byte> code; ///< A module; may hold other kernels too.
  std::string entry;
  std::array<uint32_t, 3> workgroup{1, 1, 1};
  uint32_t buffers = 0, scalars = 0;
  /// Work-items of the subgroups that it counts on; 0 where it uses none. That
  /// a device runs it in others is an error.
  uint32_t subgroup = 0;
  /// Whether this or another kernel of the module uses subgroups: OpenCL C is
  /// then of version 2.0, not 1.2.
  bool moduleUsesSubgroups = false;
};

/// A kernel that a driver has compiled.
class Kernel {
public:
  virtual ~Kernel() = default;
};

/// Work for a queue. `dispatch` runs a kernel on `groups` workgroups; `copy`
/// copies `bytes` between buffers. Commands of a list see what those before
/// them wrote.
struct Command {
  enum class Kind { dispatch, copy } kind = Kind::dispatch;
  Kernel *kernel = nullptr;
  std::vector<Buffer *> buffers; ///< Of a copy: from, to.
  std::vector<int32_t> scalars;
  std::array<uint32_t, 3> groups{1, 1, 1};
  uint64_t fromOffset = 0, toOffset = 0, bytes = 0;
};

/// Commands that were recorded and can be run any number of times.
class CommandList {
public:
  virtual ~CommandList() = default;
};

/// Called with bytes done and bytes in all.
using TransferProgress = std::function<void(uint64_t done, uint64_t total)>;

struct DeviceOptions {
  /// Where compiled pipelines or programs are kept; empty: nowhere.
  std::string cacheDirectory;
  CacheOptions cache;
  /// Turns on Vulkan's validation layer; its messages are errors.
  bool validate = false;
  /// Gets what validation says when the device is closed, where no call can
  /// return it.
  std::function<void(const std::string &)> onLateError;
};

/// An open device with one queue. All calls of one device are made from one
/// thread at a time. A lost device is an error of every call from then on.
class Device {
public:
  using Options = DeviceOptions;

  virtual ~Device() = default;
  /// Opens device `index` of `api`. The error of a device that is not there
  /// names those that are.
  static Result<std::unique_ptr<Device>> open(DeviceApi api, unsigned index,
                                              const Options &options = {});

  const DeviceInfo &info() const { return description; }

  /// A buffer of uninitialized bytes, at least 4. Errors: larger than the
  /// device allows; no memory left.
  virtual Result<std::unique_ptr<Buffer>> allocate(uint64_t bytes) = 0;
  /// Copies to or from the host, in chunks, and waits.
  virtual Status upload(Buffer &to, uint64_t offset,
                        std::span<const std::byte> from,
                        const TransferProgress &progress = {}) = 0;
  virtual Status download(const Buffer &from, uint64_t offset,
                          std::span<std::byte> to) = 0;
  /// Compiles a kernel. The error of one that the driver refuses holds the
  /// driver's log.
  virtual Result<std::unique_ptr<Kernel>>
  createKernel(const KernelSource &source) = 0;
  /// Records commands; the kernels and buffers must outlive the list.
  virtual Result<std::unique_ptr<CommandList>>
  record(std::span<const Command> commands) = 0;
  /// Runs a list and waits for it. Gives the nanoseconds that it took by the
  /// device's own clock.
  virtual Result<double> run(CommandList &list) = 0;

protected:
  explicit Device(DeviceInfo info) : description(std::move(info)) {}
  DeviceInfo description;
};

} // namespace rlx

#endif // RLX_RUNTIME_GPU_DEVICE_H
