//===- VulkanDevice.cpp - Opening and closing a Vulkan device -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each open device has an instance of its own, which closes with it.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/VulkanDevice.h"

namespace rlx {

Result<std::unique_ptr<Device>>
openVulkanDevice(unsigned index, const Device::Options &options) {
  return VulkanDevice::open(index, options);
}

Result<std::unique_ptr<Device>> VulkanDevice::open(unsigned index,
                                                   const Options &options) {
  auto instance = VulkanInstance::create(options.validate);
  if (!instance)
    return errorf("cannot open vulkan:{}: {}", index, instance.message());
  DeviceList list;
  auto found = findVulkanDevices(**instance, list.notes);
  if (!found)
    return found.status();
  if (index >= found->size()) {
    for (VulkanPhysicalDevice &device : *found)
      list.devices.push_back(std::move(device.info));
    if (list.devices.empty())
      list.notes.push_back("no Vulkan driver offers a device");
    return noSuchDevice(DeviceApi::vulkan, index, list);
  }
  const VulkanPhysicalDevice &physical = (*found)[index];
  std::unique_ptr<VulkanDevice> device(
      new VulkanDevice(physical.info, options));
  device->instance = instance.take();
  if (auto status = device->finish(device->start(physical)); !status)
    return status;
  return device;
}

Status VulkanDevice::start(const VulkanPhysicalDevice &found) {
  limits = found.limits;
  memory = found.memory;
  tickNanoseconds = found.tickNanoseconds;
  tickMask = found.tickMask;
  identity = found.identity;
  fixedSubgroups = found.fixedSubgroups;

  float priority = 1;
  VkDeviceQueueCreateInfo queueInfo{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queueInfo.queueFamilyIndex = found.queueFamily;
  queueInfo.queueCount = 1;
  queueInfo.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  info.pNext = &found.features->core;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queueInfo;
  info.enabledExtensionCount = static_cast<uint32_t>(found.extensions.size());
  info.ppEnabledExtensionNames = found.extensions.data();
  if (auto status = check(
          instance->vk.vkCreateDevice(found.handle, &info, nullptr, &handle),
          "cannot open it");
      !status)
    return status;
  if (auto status = instance->load(vk, handle); !status) {
    // Without its functions it cannot be closed by the destructor's way.
    if (vk.vkDestroyDevice)
      vk.vkDestroyDevice(handle, nullptr);
    handle = VK_NULL_HANDLE;
    return status;
  }
  vk.vkGetDeviceQueue(handle, found.queueFamily, 0, &queue);

  VkCommandPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  poolInfo.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  poolInfo.queueFamilyIndex = found.queueFamily;
  if (auto status = check(
          vk.vkCreateCommandPool(handle, &poolInfo, nullptr, &commandPool),
          "cannot make a command pool");
      !status)
    return status;
  VkFenceCreateInfo fenceInfo{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  return check(vk.vkCreateFence(handle, &fenceInfo, nullptr, &fence),
               "cannot make a fence");
}

VulkanDevice::~VulkanDevice() {
  if (!handle)
    return;
  vk.vkDeviceWaitIdle(handle);
  for (Stage &stage : stages) {
    stage.buffer.reset();
    vk.vkDestroyFence(handle, stage.fence, nullptr);
  }
  vk.vkDestroyFence(handle, fence, nullptr);
  // Frees the command buffers too.
  vk.vkDestroyCommandPool(handle, commandPool, nullptr);
  vk.vkDestroyDevice(handle, nullptr);
  if (auto status = instance->takeValidation(); !status && onLateError)
    onLateError(status.message());
}

Status VulkanDevice::check(VkResult result, std::string_view what) {
  if (result == VK_SUCCESS)
    return {};
  lost = lost || result == VK_ERROR_DEVICE_LOST;
  return errorf("{} ({}): {}: {}", description.label(), description.name, what,
                describeVulkan(result));
}

Status VulkanDevice::ready() const {
  if (!lost)
    return {};
  return errorf("{} ({}): the device was lost in an earlier call; open it "
                "again",
                description.label(), description.name);
}

Status VulkanDevice::finish(Status status) {
  Status validation = instance->takeValidation();
  return status ? validation : status;
}

} // namespace rlx
