//===- VulkanInfo.cpp - What a Vulkan device can do -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asks drivers for features, properties and limits, and translates them into
// DeviceInfo.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/VulkanInfo.h"

#include "runtime/gpu/DeviceSupport.h"

#include <algorithm>
#include <cstring>
#include <thread>

namespace rlx {
namespace {

/// Puts `link` between a structure and what follows it.
template <class Head, class Link> void chain(Head &head, Link &link) {
  link.pNext = head.pNext;
  head.pNext = &link;
}

class Extensions {
public:
  Extensions(const VulkanInstanceFunctions &vk, VkPhysicalDevice device) {
    uint32_t count = 0;
    vk.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
    all.resize(count);
    vk.vkEnumerateDeviceExtensionProperties(device, nullptr, &count,
                                            all.data());
    all.resize(count);
  }
  bool has(const char *name) const {
    return std::any_of(all.begin(), all.end(),
                       [&](const VkExtensionProperties &extension) {
                         return !std::strcmp(extension.extensionName, name);
                       });
  }

private:
  std::vector<VkExtensionProperties> all;
};

/// Properties of the device beside its limits.
struct Properties {
  VkPhysicalDeviceProperties2 core{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  VkPhysicalDeviceVulkan11Properties v11{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES};
  VkPhysicalDeviceVulkan13Properties v13{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES};
  VkPhysicalDeviceFloatControlsProperties floats{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES};
  VkPhysicalDeviceDriverProperties driver{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceShaderSMBuiltinsPropertiesNV multiprocessors{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV};
  VkPhysicalDeviceShaderCoreProperties2AMD cores{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_2_AMD};
};

/// The first queue family that computes.
bool findQueue(const VulkanInstanceFunctions &vk, VulkanPhysicalDevice &found) {
  uint32_t count = 0;
  vk.vkGetPhysicalDeviceQueueFamilyProperties(found.handle, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vk.vkGetPhysicalDeviceQueueFamilyProperties(found.handle, &count,
                                              families.data());
  for (uint32_t i = 0; i < count; ++i) {
    if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) ||
        families[i].queueCount == 0)
      continue;
    found.queueFamily = i;
    uint32_t bits = families[i].timestampValidBits;
    found.tickNanoseconds = bits ? found.limits.timestampPeriod : 0;
    found.tickMask = bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    return true;
  }
  return false;
}

void describeMemory(VulkanPhysicalDevice &found, const Properties &properties) {
  DeviceInfo &info = found.info;
  for (uint32_t i = 0; i < found.memory.memoryHeapCount; ++i)
    if (found.memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      info.memoryBytes = std::max<uint64_t>(info.memoryBytes,
                                            found.memory.memoryHeaps[i].size);
  info.bufferBytes = found.limits.maxStorageBufferRange;
  // These two are zero where the driver does not say.
  for (uint64_t limit :
       {uint64_t{found.limits.maxStorageBufferRange},
        uint64_t{properties.v11.maxMemoryAllocationSize},
        uint64_t{properties.v13.maxBufferSize}, info.memoryBytes})
    if (limit)
      info.bufferBytes = std::min(info.bufferBytes, limit);
}

void describeFeatures(DeviceInfo &info, const VulkanFeatures &features) {
  info.storage8 = features.v12.storageBuffer8BitAccess;
  info.storage16 = features.v11.storageBuffer16BitAccess;
  info.int8 = features.v12.shaderInt8;
  info.int16 = features.core.features.shaderInt16;
  info.int64 = features.core.features.shaderInt64;
  info.float16 = features.v12.shaderFloat16;
  info.float64 = features.core.features.shaderFloat64;
  info.integerDot = features.v13.shaderIntegerDotProduct ||
                    features.dot.shaderIntegerDotProduct;
  info.acceptsSpirv = true;
}

/// The most full subgroups, of the size that is reported, that a workgroup can
/// be made of; 0 where the size cannot be asked for.
uint32_t fixedSubgroups(const VulkanPhysicalDevice &found,
                        const Properties &properties) {
  const VkPhysicalDeviceVulkan13Features &features = found.features->v13;
  const VkPhysicalDeviceVulkan13Properties &limits = properties.v13;
  uint32_t size = properties.v11.subgroupSize;
  bool canFix =
      features.computeFullSubgroups && features.subgroupSizeControl &&
      (limits.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
      limits.minSubgroupSize <= size && size <= limits.maxSubgroupSize;
  return canFix ? limits.maxComputeWorkgroupSubgroups : 0;
}

/// Whether there is all that kernels with matrices need: memory is shared by
/// the rules of Vulkan's memory model, and work is split by whole subgroups.
bool canMultiplyMatrices(const VulkanPhysicalDevice &found) {
  const VulkanFeatures &features = *found.features;
  return features.matrix.cooperativeMatrix && features.v12.shaderFloat16 &&
         features.v12.vulkanMemoryModel && found.fixedSubgroups;
}

void describeFloats(DeviceInfo &info,
                    const VkPhysicalDeviceFloatControlsProperties &floats) {
  // Vulkan's fma may round twice.
  info.fma = true;
  // Kernels ask for widths one by one, and not for f64.
  bool areIndependent = floats.denormBehaviorIndependence ==
                        VK_SHADER_FLOAT_CONTROLS_INDEPENDENCE_ALL;
  info.denormals = areIndependent && floats.shaderDenormPreserveFloat32 &&
                   (floats.shaderDenormPreserveFloat16 || !info.float16);
  info.nonfinite =
      floats.shaderSignedZeroInfNanPreserveFloat32 &&
      (floats.shaderSignedZeroInfNanPreserveFloat16 || !info.float16);
}

/// The description of a device of at least Vulkan 1.2.
void describe(const VulkanInstance &instance, VulkanPhysicalDevice &found,
              uint32_t version) {
  const VulkanInstanceFunctions &vk = instance.vk;
  Extensions extensions(vk, found.handle);
  bool dot = version < VK_API_VERSION_1_3 &&
             extensions.has(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  bool matrix = extensions.has(VulkanMatrices::extension);
  bool multiprocessors =
      extensions.has(VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME);
  bool cores = extensions.has(VK_AMD_SHADER_CORE_PROPERTIES_2_EXTENSION_NAME);
  found.features = std::make_shared<VulkanFeatures>();
  found.features->query(vk, found.handle, version, dot, matrix);
  if (dot)
    found.extensions.push_back(
        VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  if (matrix)
    found.extensions.push_back(VulkanMatrices::extension);

  Properties properties;
  chain(properties.core, properties.v11);
  chain(properties.core, properties.floats);
  chain(properties.core, properties.driver);
  if (version >= VK_API_VERSION_1_3)
    chain(properties.core, properties.v13);
  if (multiprocessors)
    chain(properties.core, properties.multiprocessors);
  if (cores)
    chain(properties.core, properties.cores);
  vk.vkGetPhysicalDeviceProperties2(found.handle, &properties.core);

  const VkPhysicalDeviceProperties &core = properties.core.properties;
  found.limits = core.limits;
  DeviceInfo &info = found.info;
  info.api = DeviceApi::vulkan;
  info.name = core.deviceName;
  info.driver = fmt::format("{} {}", properties.driver.driverName,
                            properties.driver.driverInfo);
  info.version = fmt::format("{}.{}", VK_API_VERSION_MAJOR(core.apiVersion),
                             VK_API_VERSION_MINOR(core.apiVersion));
  info.isCpu = core.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  describeFeatures(info, *found.features);
  info.subgroupSize = std::max(1u, properties.v11.subgroupSize);
  describeFloats(info, properties.floats);
  // Kernels count on all work-items of a subgroup, of the size that is
  // reported, which only pipelines that may ask for that have for certain.
  found.fixedSubgroups = fixedSubgroups(found, properties);
  bool areFull =
      found.fixedSubgroups &&
      (properties.v11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT);
  auto operations = properties.v11.subgroupSupportedOperations;
  info.subgroupArithmetic =
      areFull && (operations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT);
  info.subgroupShuffle =
      areFull && (operations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
  if (canMultiplyMatrices(found))
    info.matrix = VulkanMatrices(instance).shapeFor(found.handle);
  info.workgroupSize = core.limits.maxComputeWorkGroupInvocations;
  info.workgroupMemory = core.limits.maxComputeSharedMemorySize;
  // Vulkan itself does not count them.
  info.computeUnits = multiprocessors ? properties.multiprocessors.shaderSMCount
                      : cores         ? properties.cores.activeComputeUnitCount
                      : info.isCpu    ? std::thread::hardware_concurrency()
                                      : 1;
  info.computeUnits = std::max(1u, info.computeUnits);
  vk.vkGetPhysicalDeviceMemoryProperties(found.handle, &found.memory);
  describeMemory(found, properties);
  found.identity =
      fmt::format("vulkan {:x}:{:x} {:x} {:02x}", core.vendorID, core.deviceID,
                  core.driverVersion, fmt::join(core.pipelineCacheUUID, ""));
}

} // namespace

void VulkanFeatures::query(const VulkanInstanceFunctions &vk,
                           VkPhysicalDevice device, uint32_t version,
                           bool dotExtension, bool matrixExtension) {
  chain(core, v11);
  chain(core, v12);
  if (version >= VK_API_VERSION_1_3)
    chain(core, v13);
  if (dotExtension)
    chain(core, dot);
  if (matrixExtension)
    chain(core, matrix);
  vk.vkGetPhysicalDeviceFeatures2(device, &core);

  // Each that is on may cost something; these are what kernels can use.
  VkPhysicalDeviceFeatures features{};
  features.shaderInt16 = core.features.shaderInt16;
  features.shaderInt64 = core.features.shaderInt64;
  features.shaderFloat64 = core.features.shaderFloat64;
  core.features = features;
  VkPhysicalDeviceVulkan11Features kept11{v11.sType, v11.pNext};
  kept11.storageBuffer16BitAccess = v11.storageBuffer16BitAccess;
  kept11.uniformAndStorageBuffer16BitAccess =
      v11.uniformAndStorageBuffer16BitAccess;
  v11 = kept11;
  VkPhysicalDeviceVulkan12Features kept12{v12.sType, v12.pNext};
  kept12.storageBuffer8BitAccess = v12.storageBuffer8BitAccess;
  kept12.uniformAndStorageBuffer8BitAccess =
      v12.uniformAndStorageBuffer8BitAccess;
  kept12.shaderInt8 = v12.shaderInt8;
  kept12.shaderFloat16 = v12.shaderFloat16;
  kept12.shaderSubgroupExtendedTypes = v12.shaderSubgroupExtendedTypes;
  kept12.vulkanMemoryModel = v12.vulkanMemoryModel;
  kept12.vulkanMemoryModelDeviceScope = v12.vulkanMemoryModelDeviceScope;
  v12 = kept12;
  VkPhysicalDeviceVulkan13Features kept13{v13.sType, v13.pNext};
  kept13.shaderIntegerDotProduct = v13.shaderIntegerDotProduct;
  kept13.subgroupSizeControl = v13.subgroupSizeControl;
  kept13.computeFullSubgroups = v13.computeFullSubgroups;
  kept13.maintenance4 = v13.maintenance4;
  v13 = kept13;
  matrix.robustBufferAccess = VK_FALSE;
}

Result<std::vector<VulkanPhysicalDevice>>
findVulkanDevices(const VulkanInstance &instance,
                  std::vector<std::string> &notes) {
  auto handles = instance.physicalDevices();
  if (!handles)
    return handles.status();
  std::vector<VulkanPhysicalDevice> devices;
  for (VkPhysicalDevice handle : *handles) {
    VulkanPhysicalDevice found;
    found.handle = handle;
    VkPhysicalDeviceProperties2 properties{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    instance.vk.vkGetPhysicalDeviceProperties2(handle, &properties);
    const char *name = properties.properties.deviceName;
    uint32_t version = properties.properties.apiVersion;
    if (version < VK_API_VERSION_1_2) {
      notes.push_back(fmt::format(
          "Vulkan's device '{}' is not used: expected Vulkan 1.2 or later, but "
          "got {}.{}",
          name, VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version)));
      continue;
    }
    describe(instance, found, std::min(version, instance.version));
    if (!findQueue(instance.vk, found)) {
      notes.push_back(fmt::format(
          "Vulkan's device '{}' is not used: it has no queue that computes",
          name));
      continue;
    }
    found.info.index = static_cast<unsigned>(devices.size());
    devices.push_back(std::move(found));
  }
  return devices;
}

void listVulkanDevices(DeviceList &list) {
  auto instance = VulkanInstance::create(/*validate=*/false);
  if (!instance) {
    list.notes.push_back("no Vulkan: " + instance.message());
    return;
  }
  auto devices = findVulkanDevices(**instance, list.notes);
  if (!devices)
    list.notes.push_back("no Vulkan: " + devices.message());
  else if (devices->empty())
    list.notes.push_back("no Vulkan: no driver offers a device");
  else
    for (VulkanPhysicalDevice &device : *devices)
      list.devices.push_back(std::move(device.info));
}

} // namespace rlx
