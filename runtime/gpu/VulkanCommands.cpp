//===- VulkanCommands.cpp - Commands recorded for a Vulkan queue ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A command waits for those before it only if it shares a buffer with one of
// them since the last barrier: kernels do not say which buffers they write.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/VulkanDevice.h"

#include <algorithm>
#include <chrono>
#include <set>

namespace rlx {
namespace {

constexpr VkAccessFlags anyAccess =
    VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
    VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
constexpr VkPipelineStageFlags anyStage =
    VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;

uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

} // namespace

VulkanCommandList::~VulkanCommandList() {
  device.vk.vkDestroyQueryPool(device.handle, queries, nullptr);
  device.vk.vkDestroyDescriptorPool(device.handle, pool, nullptr);
  if (commands)
    device.vk.vkFreeCommandBuffers(device.handle, device.commandPool, 1,
                                   &commands);
}

void VulkanDevice::barrier(VkCommandBuffer commands, bool host) {
  VkMemoryBarrier memoryBarrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  memoryBarrier.srcAccessMask =
      VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  memoryBarrier.dstAccessMask =
      host ? anyAccess | VK_ACCESS_HOST_READ_BIT : anyAccess;
  vk.vkCmdPipelineBarrier(commands, anyStage,
                          host ? anyStage | VK_PIPELINE_STAGE_HOST_BIT
                               : anyStage,
                          0, 1, &memoryBarrier, 0, nullptr, 0, nullptr);
}

Status VulkanDevice::checkGroups(const Command &command) const {
  for (unsigned i = 0; i < 3; ++i)
    if (command.groups[i] > limits.maxComputeWorkGroupCount[i])
      return errorf(
          "kernel '{}': expected at most {} workgroups along dimension {} on "
          "{} ({}), but got {}",
          static_cast<VulkanKernel *>(command.kernel)->entry,
          limits.maxComputeWorkGroupCount[i], i, description.label(),
          description.name, command.groups[i]);
  return {};
}

Status VulkanDevice::createDescriptors(VulkanCommandList &list,
                                       std::span<const Command *const> commands,
                                       std::vector<VkDescriptorSet> &sets) {
  std::vector<VkDescriptorSetLayout> layouts;
  uint32_t numDescriptors = 0;
  uint64_t scalarBytes = 0;
  uint64_t alignment =
      std::max<uint64_t>(limits.minStorageBufferOffsetAlignment, 4);
  for (const Command *command : commands) {
    if (command->kind != Command::Kind::dispatch)
      continue;
    auto *kernel = static_cast<VulkanKernel *>(command->kernel);
    layouts.push_back(kernel->setLayout);
    numDescriptors += kernel->numBindings();
    scalarBytes = alignUp(scalarBytes, alignment) + 4 * kernel->scalars;
  }
  sets.resize(layouts.size());
  if (layouts.empty() || numDescriptors == 0) {
    // A pool must hold something; sets without bindings are never bound.
    std::fill(sets.begin(), sets.end(), VkDescriptorSet(VK_NULL_HANDLE));
    return {};
  }
  VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, numDescriptors};
  VkDescriptorPoolCreateInfo poolInfo{
      VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  poolInfo.maxSets = static_cast<uint32_t>(layouts.size());
  poolInfo.poolSizeCount = 1;
  poolInfo.pPoolSizes = &size;
  if (auto status = check(
          vk.vkCreateDescriptorPool(handle, &poolInfo, nullptr, &list.pool),
          "cannot make a descriptor pool");
      !status)
    return status;
  VkDescriptorSetAllocateInfo setInfo{
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  setInfo.descriptorPool = list.pool;
  setInfo.descriptorSetCount = static_cast<uint32_t>(layouts.size());
  setInfo.pSetLayouts = layouts.data();
  if (auto status =
          check(vk.vkAllocateDescriptorSets(handle, &setInfo, sets.data()),
                "cannot make descriptor sets");
      !status)
    return status;

  std::vector<std::byte> scalars(scalarBytes);
  if (scalarBytes) {
    auto buffer = allocateBuffer(scalarBytes, Memory::device);
    if (!buffer)
      return buffer.status();
    list.scalars = buffer.take();
  }
  uint64_t offset = 0;
  auto set = sets.begin();
  for (const Command *command : commands) {
    if (command->kind != Command::Kind::dispatch)
      continue;
    std::vector<VkDescriptorBufferInfo> infos;
    for (Buffer *buffer : command->buffers)
      infos.push_back(
          {static_cast<VulkanBuffer *>(buffer)->handle, 0, VK_WHOLE_SIZE});
    if (!command->scalars.empty()) {
      auto bytes = std::as_bytes(std::span(command->scalars));
      offset = alignUp(offset, alignment);
      std::copy(bytes.begin(), bytes.end(), scalars.begin() + offset);
      infos.push_back({list.scalars->handle, offset, bytes.size()});
      offset += bytes.size();
    }
    if (!infos.empty()) {
      // One write fills consecutive bindings of the same kind.
      std::vector<VkWriteDescriptorSet> writes(infos.size());
      for (size_t i = 0; i < infos.size(); ++i) {
        writes[i] = {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
        writes[i].dstSet = *set;
        writes[i].dstBinding = static_cast<uint32_t>(i);
        writes[i].descriptorCount = 1;
        writes[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
        writes[i].pBufferInfo = &infos[i];
      }
      vk.vkUpdateDescriptorSets(handle, static_cast<uint32_t>(writes.size()),
                                writes.data(), 0, nullptr);
    }
    ++set;
  }
  return scalarBytes ? upload(*list.scalars, 0, scalars, {}) : Status();
}

Status VulkanDevice::recordCommands(VulkanCommandList &list,
                                    std::span<const Command *const> commands,
                                    std::span<const VkDescriptorSet> sets) {
  auto made = allocateCommands();
  if (!made)
    return made.status();
  VkCommandBuffer buffer = list.commands = *made;
  if (tickNanoseconds > 0) {
    VkQueryPoolCreateInfo info{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
    info.queryType = VK_QUERY_TYPE_TIMESTAMP;
    info.queryCount = 2;
    if (auto status =
            check(vk.vkCreateQueryPool(handle, &info, nullptr, &list.queries),
                  "cannot make a query pool");
        !status)
      return status;
  }
  VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  if (auto status = check(vk.vkBeginCommandBuffer(buffer, &begin),
                          "cannot record commands");
      !status)
    return status;
  if (list.queries) {
    vk.vkCmdResetQueryPool(buffer, list.queries, 0, 2);
    vk.vkCmdWriteTimestamp(buffer, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT,
                           list.queries, 0);
  }
  std::set<const Buffer *> touched;
  auto set = sets.begin();
  for (const Command *command : commands) {
    if (std::any_of(command->buffers.begin(), command->buffers.end(),
                    [&](const Buffer *one) { return touched.contains(one); })) {
      barrier(buffer, /*host=*/false);
      touched.clear();
    }
    touched.insert(command->buffers.begin(), command->buffers.end());
    if (command->kind == Command::Kind::copy) {
      VkBufferCopy region{command->fromOffset, command->toOffset,
                          command->bytes};
      vk.vkCmdCopyBuffer(
          buffer, static_cast<VulkanBuffer *>(command->buffers[0])->handle,
          static_cast<VulkanBuffer *>(command->buffers[1])->handle, 1, &region);
      continue;
    }
    auto *kernel = static_cast<VulkanKernel *>(command->kernel);
    vk.vkCmdBindPipeline(buffer, VK_PIPELINE_BIND_POINT_COMPUTE,
                         kernel->pipeline);
    if (kernel->numBindings())
      vk.vkCmdBindDescriptorSets(buffer, VK_PIPELINE_BIND_POINT_COMPUTE,
                                 kernel->layout, 0, 1, &*set, 0, nullptr);
    ++set;
    vk.vkCmdDispatch(buffer, command->groups[0], command->groups[1],
                     command->groups[2]);
  }
  barrier(buffer, /*host=*/true);
  if (list.queries)
    vk.vkCmdWriteTimestamp(buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                           list.queries, 1);
  return check(vk.vkEndCommandBuffer(buffer), "cannot record commands");
}

Result<std::unique_ptr<CommandList>>
VulkanDevice::record(std::span<const Command> commands) {
  if (auto status = ready(); !status)
    return status;
  std::vector<const Command *> used;
  for (const Command &command : commands) {
    if (auto status = checkCommand(command); !status)
      return status;
    if (isEmpty(command))
      continue;
    if (command.kind == Command::Kind::dispatch)
      if (auto status = checkGroups(command); !status)
        return status;
    used.push_back(&command);
  }
  auto list = std::make_unique<VulkanCommandList>(*this);
  std::vector<VkDescriptorSet> sets;
  Status status = createDescriptors(*list, used, sets);
  if (status)
    status = recordCommands(*list, used, sets);
  if (status = finish(status); !status)
    return status;
  return list;
}

Result<double> VulkanDevice::run(CommandList &list) {
  if (auto status = ready(); !status)
    return status;
  auto &recorded = static_cast<VulkanCommandList &>(list);
  VkSubmitInfo submit{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &recorded.commands;
  auto begin = std::chrono::steady_clock::now();
  Status status = check(vk.vkQueueSubmit(queue, 1, &submit, fence),
                        "cannot start commands");
  if (status)
    status = check(vk.vkWaitForFences(handle, 1, &fence, VK_TRUE, UINT64_MAX),
                   "commands failed");
  auto end = std::chrono::steady_clock::now();
  if (status)
    status = check(vk.vkResetFences(handle, 1, &fence), "cannot reset a fence");
  double nanoseconds =
      std::chrono::duration<double, std::nano>(end - begin).count();
  uint64_t ticks[2];
  if (status && recorded.queries &&
      vk.vkGetQueryPoolResults(handle, recorded.queries, 0, 2, sizeof(ticks),
                               ticks, sizeof(uint64_t),
                               VK_QUERY_RESULT_64_BIT) == VK_SUCCESS)
    nanoseconds =
        static_cast<double>((ticks[1] - ticks[0]) & tickMask) * tickNanoseconds;
  if (status = finish(status); !status)
    return status;
  return nanoseconds;
}

} // namespace rlx
