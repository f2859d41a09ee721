//===- VulkanApi.h - Vulkan's functions and the instance ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// libvulkan is loaded at run time; its functions are members of tables that are
// made from two lists. An instance owns the connection to the drivers and what
// the validation layer says.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_VULKANAPI_H
#define RLX_RUNTIME_GPU_VULKANAPI_H

#include "runtime/Status.h"

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#define RLX_VULKAN_INSTANCE_FUNCTIONS(FUNCTION)                                \
  FUNCTION(vkDestroyInstance)                                                  \
  FUNCTION(vkEnumeratePhysicalDevices)                                         \
  FUNCTION(vkEnumerateDeviceExtensionProperties)                               \
  FUNCTION(vkGetPhysicalDeviceProperties2)                                     \
  FUNCTION(vkGetPhysicalDeviceFeatures2)                                       \
  FUNCTION(vkGetPhysicalDeviceMemoryProperties)                                \
  FUNCTION(vkGetPhysicalDeviceQueueFamilyProperties)                           \
  FUNCTION(vkCreateDevice)                                                     \
  FUNCTION(vkGetDeviceProcAddr)

#define RLX_VULKAN_DEVICE_FUNCTIONS(FUNCTION)                                  \
  FUNCTION(vkDestroyDevice)                                                    \
  FUNCTION(vkGetDeviceQueue)                                                   \
  FUNCTION(vkQueueSubmit)                                                      \
  FUNCTION(vkDeviceWaitIdle)                                                   \
  FUNCTION(vkCreateBuffer)                                                     \
  FUNCTION(vkDestroyBuffer)                                                    \
  FUNCTION(vkGetBufferMemoryRequirements)                                      \
  FUNCTION(vkBindBufferMemory)                                                 \
  FUNCTION(vkAllocateMemory)                                                   \
  FUNCTION(vkFreeMemory)                                                       \
  FUNCTION(vkMapMemory)                                                        \
  FUNCTION(vkCreateShaderModule)                                               \
  FUNCTION(vkDestroyShaderModule)                                              \
  FUNCTION(vkCreateDescriptorSetLayout)                                        \
  FUNCTION(vkDestroyDescriptorSetLayout)                                       \
  FUNCTION(vkCreatePipelineLayout)                                             \
  FUNCTION(vkDestroyPipelineLayout)                                            \
  FUNCTION(vkCreatePipelineCache)                                              \
  FUNCTION(vkDestroyPipelineCache)                                             \
  FUNCTION(vkGetPipelineCacheData)                                             \
  FUNCTION(vkCreateComputePipelines)                                           \
  FUNCTION(vkDestroyPipeline)                                                  \
  FUNCTION(vkCreateDescriptorPool)                                             \
  FUNCTION(vkDestroyDescriptorPool)                                            \
  FUNCTION(vkAllocateDescriptorSets)                                           \
  FUNCTION(vkUpdateDescriptorSets)                                             \
  FUNCTION(vkCreateCommandPool)                                                \
  FUNCTION(vkDestroyCommandPool)                                               \
  FUNCTION(vkAllocateCommandBuffers)                                           \
  FUNCTION(vkFreeCommandBuffers)                                               \
  FUNCTION(vkBeginCommandBuffer)                                               \
  FUNCTION(vkEndCommandBuffer)                                                 \
  FUNCTION(vkCmdBindPipeline)                                                  \
  FUNCTION(vkCmdBindDescriptorSets)                                            \
  FUNCTION(vkCmdDispatch)                                                      \
  FUNCTION(vkCmdCopyBuffer)                                                    \
  FUNCTION(vkCmdPipelineBarrier)                                               \
  FUNCTION(vkCmdResetQueryPool)                                                \
  FUNCTION(vkCmdWriteTimestamp)                                                \
  FUNCTION(vkCreateQueryPool)                                                  \
  FUNCTION(vkDestroyQueryPool)                                                 \
  FUNCTION(vkGetQueryPoolResults)                                              \
  FUNCTION(vkCreateFence)                                                      \
  FUNCTION(vkDestroyFence)                                                     \
  FUNCTION(vkResetFences)                                                      \
  FUNCTION(vkWaitForFences)

namespace rlx {

#define RLX_VULKAN_MEMBER(NAME) PFN_##NAME NAME = nullptr;
struct VulkanInstanceFunctions {
  RLX_VULKAN_INSTANCE_FUNCTIONS(RLX_VULKAN_MEMBER)
};
struct VulkanDeviceFunctions {
  RLX_VULKAN_DEVICE_FUNCTIONS(RLX_VULKAN_MEMBER)
};
#undef RLX_VULKAN_MEMBER

/// What a result other than success means.
std::string describeVulkan(VkResult result);

class VulkanInstance {
public:
  VulkanInstance(const VulkanInstance &) = delete;
  VulkanInstance &operator=(const VulkanInstance &) = delete;
  ~VulkanInstance();

  /// Loads the library and connects to its drivers. Errors: no library; one
  /// older than Vulkan 1.2; `validate` without a validation layer.
  static Result<std::shared_ptr<VulkanInstance>> create(bool validate);

  VulkanInstanceFunctions vk;
  /// The version that the instance speaks, whatever its devices could.
  uint32_t version = 0;

  Result<std::vector<VkPhysicalDevice>> physicalDevices() const;
  /// The functions of an open device, without the way through the loader.
  Status load(VulkanDeviceFunctions &functions, VkDevice device) const;

  /// A function that not every loader has; null where this has none.
  PFN_vkVoidFunction functionNamed(const char *name) const {
    return getAddress(instance, name);
  }

  /// What the validation layer found wrong since the last call, or success.
  Status takeValidation();

private:
  VulkanInstance() = default;
  Status start(bool validate);
  Status startMessenger();
  static VKAPI_ATTR VkBool32 VKAPI_CALL onMessage(
      VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
      const VkDebugUtilsMessengerCallbackDataEXT *data, void *self);

  PFN_vkGetInstanceProcAddr getAddress = nullptr;
  VkInstance instance = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
  std::mutex messageMutex;
  std::vector<std::string> messages;
};

} // namespace rlx

#endif // RLX_RUNTIME_GPU_VULKANAPI_H
