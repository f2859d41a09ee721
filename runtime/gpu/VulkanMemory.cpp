//===- VulkanMemory.cpp - Buffers and transfers of Vulkan -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory that the host sees is copied to directly; other memory through two
// stages, so that the host fills one while the device empties the other.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/VulkanDevice.h"

#include <algorithm>
#include <cstring>

namespace rlx {
namespace {

/// Bytes of a stage, and of a step of progress where there are no stages.
constexpr uint64_t kStepBytes = 16 << 20;
/// Stages for small transfers stay small.
constexpr uint64_t firstStageBytes = 64 << 10;

} // namespace

VulkanBuffer::~VulkanBuffer() {
  device.vk.vkDestroyBuffer(device.handle, handle, nullptr);
  // Unmaps it, too.
  device.vk.vkFreeMemory(device.handle, memory, nullptr);
  device.usedBytes -= allocated;
}

std::optional<uint32_t> VulkanDevice::findMemoryType(uint32_t allowed,
                                                     Memory kind) const {
  constexpr VkMemoryPropertyFlags host = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                         VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  std::optional<uint32_t> best;
  int bestScore = -1;
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    VkMemoryPropertyFlags flags = memory.memoryTypes[i].propertyFlags;
    if (!(allowed & (1u << i)) || (flags & VK_MEMORY_PROPERTY_PROTECTED_BIT) ||
        (flags & VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD))
      continue;
    bool seen = (flags & host) == host;
    bool cached = flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    bool local = flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    int score;
    if (kind == Memory::host) {
      // Downloads read it.
      if (!seen)
        continue;
      score = 2 * cached + !local;
    } else {
      // Where all memory is the host's, it is seen and cached. Elsewhere the
      // window that the host sees may be small and is slow to read.
      score = 4 * local + 2 * (seen && cached) + !seen;
    }
    if (score > bestScore) {
      bestScore = score;
      best = i;
    }
  }
  return best;
}

Result<std::unique_ptr<VulkanBuffer>>
VulkanDevice::allocateBuffer(uint64_t bytes, Memory kind) {
  auto buffer = std::make_unique<VulkanBuffer>(*this, bytes);
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  // Kernels may read whole words.
  info.size = (bytes + 3) / 4 * 4;
  info.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT |
               VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
  std::string what = fmt::format("cannot allocate {} bytes", bytes);
  if (auto status = check(
          vk.vkCreateBuffer(handle, &info, nullptr, &buffer->handle), what);
      !status)
    return status;
  VkMemoryRequirements needed;
  vk.vkGetBufferMemoryRequirements(handle, buffer->handle, &needed);
  auto type = findMemoryType(needed.memoryTypeBits, kind);
  if (!type)
    return errorf("{} ({}): {}: it has no memory of that kind",
                  description.label(), description.name, what);
  VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  allocation.allocationSize = needed.size;
  allocation.memoryTypeIndex = *type;
  if (auto status = check(
          vk.vkAllocateMemory(handle, &allocation, nullptr, &buffer->memory),
          what);
      !status)
    return status;
  if (kind == Memory::device) {
    buffer->allocated = needed.size;
    usedBytes += needed.size;
  }
  if (auto status = check(
          vk.vkBindBufferMemory(handle, buffer->handle, buffer->memory, 0),
          what);
      !status)
    return status;
  constexpr VkMemoryPropertyFlags seen = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                         VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                                         VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  if (kind == Memory::host ||
      (memory.memoryTypes[*type].propertyFlags & seen) == seen) {
    void *mapped = nullptr;
    if (auto status = check(vk.vkMapMemory(handle, buffer->memory, 0,
                                           VK_WHOLE_SIZE, 0, &mapped),
                            "cannot map memory");
        !status)
      return status;
    buffer->mapped = static_cast<std::byte *>(mapped);
  }
  return buffer;
}

Result<std::unique_ptr<Buffer>> VulkanDevice::allocate(uint64_t bytes) {
  bytes = std::max<uint64_t>(bytes, 4);
  if (auto status = ready(); !status)
    return status;
  if (auto status = checkAllocation(description, bytes, usedBytes); !status)
    return status;
  auto buffer = allocateBuffer(bytes, Memory::device);
  if (auto status = finish(buffer.status()); !status)
    return status;
  return buffer.take();
}

Result<VkCommandBuffer> VulkanDevice::allocateCommands() {
  VkCommandBufferAllocateInfo info{
      VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  info.commandPool = commandPool;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  if (auto status = check(vk.vkAllocateCommandBuffers(handle, &info, &commands),
                          "cannot make a command buffer");
      !status)
    return status;
  return commands;
}

Status VulkanDevice::startStages(uint64_t bytes) {
  uint64_t wanted = bytes <= firstStageBytes ? firstStageBytes : kStepBytes;
  for (Stage &stage : stages) {
    if (stage.buffer && stage.buffer->size() >= wanted)
      continue;
    stage.buffer.reset();
    auto buffer = allocateBuffer(wanted, Memory::host);
    if (!buffer)
      return buffer.status();
    stage.buffer = buffer.take();
    if (stage.commands)
      continue;
    auto commands = allocateCommands();
    if (!commands)
      return commands.status();
    stage.commands = *commands;
    VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    if (auto status =
            check(vk.vkCreateFence(handle, &info, nullptr, &stage.fence),
                  "cannot make a fence");
        !status)
      return status;
  }
  return {};
}

Status VulkanDevice::submitCopy(Stage &stage, VkBuffer from, VkBuffer to,
                                const VkBufferCopy &region) {
  VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  if (auto status = check(vk.vkBeginCommandBuffer(stage.commands, &begin),
                          "cannot record a transfer");
      !status)
    return status;
  vk.vkCmdCopyBuffer(stage.commands, from, to, 1, &region);
  barrier(stage.commands, /*host=*/true);
  if (auto status = check(vk.vkEndCommandBuffer(stage.commands),
                          "cannot record a transfer");
      !status)
    return status;
  VkSubmitInfo submit{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &stage.commands;
  if (auto status = check(vk.vkQueueSubmit(queue, 1, &submit, stage.fence),
                          "cannot start a transfer");
      !status)
    return status;
  stage.busy = true;
  return {};
}

Status VulkanDevice::wait(Stage &stage) {
  if (!stage.busy)
    return {};
  stage.busy = false;
  if (auto status = check(
          vk.vkWaitForFences(handle, 1, &stage.fence, VK_TRUE, UINT64_MAX),
          "a transfer failed");
      !status)
    return status;
  return check(vk.vkResetFences(handle, 1, &stage.fence),
               "cannot reset a fence");
}

Status VulkanDevice::uploadStaged(VulkanBuffer &to, uint64_t offset,
                                  std::span<const std::byte> from,
                                  const TransferProgress &progress) {
  if (auto status = startStages(from.size()); !status)
    return status;
  Status status;
  uint64_t done = 0;
  for (size_t turn = 0; status && done < from.size(); ++turn) {
    Stage &stage = stages[turn % stages.size()];
    uint64_t bytes =
        std::min<uint64_t>(stage.buffer->size(), from.size() - done);
    status = wait(stage);
    if (!status)
      break;
    std::memcpy(stage.buffer->mapped, from.data() + done, bytes);
    status = submitCopy(stage, stage.buffer->handle, to.handle,
                        {0, offset + done, bytes});
    done += bytes;
    if (status && progress)
      progress(done, from.size());
  }
  // Also after an error: nothing may be under way when this returns.
  for (Stage &stage : stages)
    if (Status waited = wait(stage); status)
      status = waited;
  return status;
}

Status VulkanDevice::downloadStaged(const VulkanBuffer &from, uint64_t offset,
                                    std::span<std::byte> to) {
  if (auto status = startStages(to.size()); !status)
    return status;
  Status status;
  uint64_t chunk = stages[0].buffer->size();
  uint64_t numChunks = (to.size() + chunk - 1) / chunk;
  auto bytesOf = [&](uint64_t index) {
    return std::min<uint64_t>(chunk, to.size() - index * chunk);
  };
  // The copy of one chunk runs while the one before it is taken out.
  for (uint64_t index = 0; status && index <= numChunks; ++index) {
    if (index < numChunks) {
      Stage &stage = stages[index % stages.size()];
      status = submitCopy(stage, from.handle, stage.buffer->handle,
                          {offset + index * chunk, 0, bytesOf(index)});
    }
    if (status && index > 0) {
      Stage &stage = stages[(index - 1) % stages.size()];
      status = wait(stage);
      if (status)
        std::memcpy(to.data() + (index - 1) * chunk, stage.buffer->mapped,
                    bytesOf(index - 1));
    }
  }
  for (Stage &stage : stages)
    if (Status waited = wait(stage); status)
      status = waited;
  return status;
}

Status VulkanDevice::upload(Buffer &to, uint64_t offset,
                            std::span<const std::byte> from,
                            const TransferProgress &progress) {
  if (auto status = ready(); !status)
    return status;
  if (auto status = checkRange("upload", to, offset, from.size()); !status)
    return status;
  auto &buffer = static_cast<VulkanBuffer &>(to);
  if (from.empty())
    return {};
  if (!buffer.mapped)
    return finish(uploadStaged(buffer, offset, from, progress));
  for (uint64_t done = 0; done < from.size();) {
    uint64_t bytes = std::min<uint64_t>(kStepBytes, from.size() - done);
    std::memcpy(buffer.mapped + offset + done, from.data() + done, bytes);
    done += bytes;
    if (progress)
      progress(done, from.size());
  }
  return finish({});
}

Status VulkanDevice::download(const Buffer &from, uint64_t offset,
                              std::span<std::byte> to) {
  if (auto status = ready(); !status)
    return status;
  if (auto status = checkRange("download", from, offset, to.size()); !status)
    return status;
  auto &buffer = static_cast<const VulkanBuffer &>(from);
  if (to.empty())
    return {};
  if (!buffer.mapped)
    return finish(downloadStaged(buffer, offset, to));
  std::memcpy(to.data(), buffer.mapped + offset, to.size());
  return finish({});
}

} // namespace rlx
