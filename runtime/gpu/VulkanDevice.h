//===- VulkanDevice.h - An open Vulkan device -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The device with its queue, and its buffers, kernels and command lists. Memory
// and transfers are in VulkanMemory.cpp, kernels in VulkanKernel.cpp, command
// lists in VulkanCommands.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_VULKANDEVICE_H
#define RLX_RUNTIME_GPU_VULKANDEVICE_H

#include "runtime/gpu/DeviceSupport.h"
#include "runtime/gpu/KernelCache.h"
#include "runtime/gpu/VulkanInfo.h"

#include <optional>

namespace rlx {

class VulkanDevice;

class VulkanBuffer final : public Buffer {
public:
  VulkanBuffer(VulkanDevice &device, uint64_t bytes)
      : Buffer(bytes), device(device) {}
  ~VulkanBuffer() override;

  VulkanDevice &device;
  VkBuffer handle = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  uint64_t allocated = 0;
  /// Where the host sees it; null where it does not.
  std::byte *mapped = nullptr;
};

class VulkanKernel final : public DescribedKernel {
public:
  VulkanKernel(VulkanDevice &device, const KernelSource &source)
      : DescribedKernel(source), device(device) {}
  ~VulkanKernel() override;

  /// The buffers, and one for the scalars if there are any.
  uint32_t numBindings() const { return buffers + (scalars ? 1 : 0); }

  VulkanDevice &device;
  VkDescriptorSetLayout setLayout = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  VkPipeline pipeline = VK_NULL_HANDLE;
};

class VulkanCommandList final : public CommandList {
public:
  explicit VulkanCommandList(VulkanDevice &device) : device(device) {}
  ~VulkanCommandList() override;

  VulkanDevice &device;
  /// The scalars of all commands.
  std::unique_ptr<VulkanBuffer> scalars;
  VkDescriptorPool pool = VK_NULL_HANDLE;
  VkQueryPool queries = VK_NULL_HANDLE;
  VkCommandBuffer commands = VK_NULL_HANDLE;
};

class VulkanDevice final : public Device {
public:
  ~VulkanDevice() override;
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

  VulkanDeviceFunctions vk;
  VkDevice handle = VK_NULL_HANDLE;
  /// Bytes of memory that buffers have.
  uint64_t usedBytes = 0;

private:
  /// A part of the memory through which transfers go.
  struct Stage {
    std::unique_ptr<VulkanBuffer> buffer;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkFence fence = VK_NULL_HANDLE;
    bool busy = false;
  };

  VulkanDevice(DeviceInfo info, const Options &options)
      : Device(std::move(info)), cache(options.cacheDirectory, options.cache),
        onLateError(options.onLateError) {}
  Status start(const VulkanPhysicalDevice &found);

  /// An error for a result other than success; notes the loss of the device.
  Status check(VkResult result, std::string_view what);
  /// Every call begins with this: an error once the device is lost.
  Status ready() const;
  /// Every call ends with this: success becomes an error when the validation
  /// layer complained.
  Status finish(Status status);

  enum class Memory { device, host };
  Result<std::unique_ptr<VulkanBuffer>> allocateBuffer(uint64_t bytes,
                                                       Memory kind);
  std::optional<uint32_t> findMemoryType(uint32_t allowed, Memory kind) const;
  Status uploadStaged(VulkanBuffer &to, uint64_t offset,
                      std::span<const std::byte> from,
                      const TransferProgress &progress);
  Status downloadStaged(const VulkanBuffer &from, uint64_t offset,
                        std::span<std::byte> to);
  Status startStages(uint64_t bytes);
  Status submitCopy(Stage &stage, VkBuffer from, VkBuffer to,
                    const VkBufferCopy &region);
  Status wait(Stage &stage);
  Result<VkCommandBuffer> allocateCommands();
  Status createLayouts(VulkanKernel &kernel);
  Status createPipeline(VulkanKernel &kernel, const KernelSource &source);
  Status checkGroups(const Command &command) const;
  Status createDescriptors(VulkanCommandList &list,
                           std::span<const Command *const> commands,
                           std::vector<VkDescriptorSet> &sets);
  Status recordCommands(VulkanCommandList &list,
                        std::span<const Command *const> commands,
                        std::span<const VkDescriptorSet> sets);
  /// All that commands before it wrote is seen by those after it.
  void barrier(VkCommandBuffer commands, bool host);

  friend class VulkanCommandList;

  std::shared_ptr<VulkanInstance> instance;
  VkPhysicalDeviceLimits limits{};
  VkPhysicalDeviceMemoryProperties memory{};
  double tickNanoseconds = 0;
  uint64_t tickMask = 0;
  std::string identity;
  KernelCache cache;
  std::function<void(const std::string &)> onLateError;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool commandPool = VK_NULL_HANDLE;
  VkFence fence = VK_NULL_HANDLE;
  std::array<Stage, 2> stages;
  /// The most subgroups of a workgroup whose pipeline asks for subgroups of
  /// `info().subgroupSize` without idle lanes; 0 where none can.
  uint32_t fixedSubgroups = 0;
  bool lost = false;
};

} // namespace rlx

#endif // RLX_RUNTIME_GPU_VULKANDEVICE_H
