//===- DeviceSupport.h - What both APIs check the same way ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The common part of kernels, and the checks of transfers and commands that
// come before any call of a driver: drivers may crash on what they forbid.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_DEVICESUPPORT_H
#define RLX_RUNTIME_GPU_DEVICESUPPORT_H

#include "runtime/gpu/Device.h"

namespace rlx {

/// What every kernel knows of itself.
class DescribedKernel : public Kernel {
public:
  std::string entry;
  std::array<uint32_t, 3> workgroup;
  uint32_t buffers, scalars;

protected:
  explicit DescribedKernel(const KernelSource &source)
      : entry(source.entry), workgroup(source.workgroup),
        buffers(source.buffers), scalars(source.scalars) {}
};

/// The error of a device that is not in the list of its API's devices.
Status noSuchDevice(DeviceApi api, unsigned index, const DeviceList &list);

/// Whether `bytes` from `offset` on lie in the buffer.
Status checkRange(std::string_view what, const Buffer &buffer, uint64_t offset,
                  uint64_t bytes);

/// Whether a buffer of that size can be asked for: within the device's limit
/// and, with the `used` bytes it has given already, within its memory.
Status checkAllocation(const DeviceInfo &info, uint64_t bytes, uint64_t used);

/// Whether a kernel's workgroup fits the device.
Status checkWorkgroup(const DeviceInfo &info, const KernelSource &source);

/// The error of a kernel that the device runs in subgroups of another `size`
/// than it counts on; 0 where that is not known.
Status wrongSubgroups(const DeviceInfo &info, const KernelSource &source,
                      uint32_t size);

/// Whether a command has what its kind needs: a kernel and its number of
/// arguments, or two buffers and ranges in them that do not overlap.
Status checkCommand(const Command &command);

/// Whether there is nothing to do: no workgroups or no bytes.
bool isEmpty(const Command &command);

/// Whether the bytes are a SPIR-V module with that kernel and workgroup. A
/// driver that is asked for another may do anything.
Status checkModule(const KernelSource &source);

/// The devices of one API. `list.notes` says why there are none.
void listVulkanDevices(DeviceList &list);
void listOpenClDevices(DeviceList &list);
Result<std::unique_ptr<Device>> openVulkanDevice(unsigned index,
                                                 const Device::Options &);
Result<std::unique_ptr<Device>> openOpenClDevice(unsigned index,
                                                 const Device::Options &);

} // namespace rlx

#endif // RLX_RUNTIME_GPU_DEVICESUPPORT_H
