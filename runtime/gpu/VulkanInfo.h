//===- VulkanInfo.h - What a Vulkan device can do -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A physical device with its description, and what is needed to open it: the
// queue, the extensions and the features that exist.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_VULKANINFO_H
#define RLX_RUNTIME_GPU_VULKANINFO_H

#include "runtime/gpu/Device.h"
#include "runtime/gpu/VulkanMatrices.h"

namespace rlx {

/// The features of interest, as a chain that a driver fills and later enables.
/// Links point into the object: it cannot be copied.
class VulkanFeatures {
public:
  VulkanFeatures() = default;
  VulkanFeatures(const VulkanFeatures &) = delete;
  VulkanFeatures &operator=(const VulkanFeatures &) = delete;

  /// Asks the driver. Then only what kernels may use is left on.
  void query(const VulkanInstanceFunctions &vk, VkPhysicalDevice device,
             uint32_t version, bool dotExtension, bool matrixExtension);

  VkPhysicalDeviceFeatures2 core{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  VkPhysicalDeviceVulkan11Features v11{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES};
  VkPhysicalDeviceVulkan12Features v12{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  VkPhysicalDeviceVulkan13Features v13{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES};
  VkPhysicalDeviceShaderIntegerDotProductFeatures dot{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES};
  VulkanCooperativeMatrixFeatures matrix;
};

struct VulkanPhysicalDevice {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  DeviceInfo info;
  VkPhysicalDeviceLimits limits{};
  VkPhysicalDeviceMemoryProperties memory{};
  uint32_t queueFamily = 0;
  /// Nanoseconds of a tick; 0 where the queue has no clock.
  double tickNanoseconds = 0;
  /// The bits of a time stamp that count.
  uint64_t tickMask = 0;
  std::vector<const char *> extensions;
  std::shared_ptr<VulkanFeatures> features;
  /// The most subgroups of a workgroup whose pipeline asks for full subgroups
  /// of `info.subgroupSize`; 0 where none can.
  uint32_t fixedSubgroups = 0;
  /// What compiled pipelines depend on: device and driver.
  std::string identity;
};

/// The devices that can be opened, in the driver's order; `notes` gets why
/// others cannot.
Result<std::vector<VulkanPhysicalDevice>>
findVulkanDevices(const VulkanInstance &instance,
                  std::vector<std::string> &notes);

} // namespace rlx

#endif // RLX_RUNTIME_GPU_VULKANINFO_H
