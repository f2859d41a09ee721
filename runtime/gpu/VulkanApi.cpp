//===- VulkanApi.cpp - Vulkan's functions and the instance ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The validation layer also watches how commands depend on each other
// (synchronization validation): a missing barrier shows on few devices, but is
// wrong on all.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/VulkanApi.h"

#include "runtime/gpu/DynamicLibrary.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace rlx {

std::string describeVulkan(VkResult result) {
  switch (result) {
  case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    return "no memory left on the device";
  case VK_ERROR_OUT_OF_HOST_MEMORY:
    return "no memory left on the host";
  case VK_ERROR_DEVICE_LOST:
    return "the device was lost";
  case VK_ERROR_TOO_MANY_OBJECTS:
    return "the driver allows no more allocations";
  case VK_ERROR_INITIALIZATION_FAILED:
    return "the driver could not be initialized";
  case VK_ERROR_INCOMPATIBLE_DRIVER:
    return "no driver is installed";
  case VK_ERROR_FEATURE_NOT_PRESENT:
    return "a feature is not there";
  case VK_ERROR_EXTENSION_NOT_PRESENT:
    return "an extension is not there";
  case VK_ERROR_LAYER_NOT_PRESENT:
    return "a layer is not there";
  case VK_ERROR_INVALID_SHADER_NV:
    return "the driver refuses the module";
  case VK_ERROR_FRAGMENTED_POOL:
  case VK_ERROR_OUT_OF_POOL_MEMORY:
    return "no memory left in a pool";
  default:
    return fmt::format("the driver returns {}", static_cast<int>(result));
  }
}

VKAPI_ATTR VkBool32 VKAPI_CALL VulkanInstance::onMessage(
    VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
    const VkDebugUtilsMessengerCallbackDataEXT *data, void *self) {
  std::string text = data->pMessage ? data->pMessage : "no text";
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
  auto *instance = static_cast<VulkanInstance *>(self);
  std::lock_guard lock(instance->messageMutex);
  instance->messages.push_back(std::move(text));
  return VK_FALSE;
}

Result<std::shared_ptr<VulkanInstance>> VulkanInstance::create(bool validate) {
  std::shared_ptr<VulkanInstance> instance(new VulkanInstance);
  if (auto status = instance->start(validate); !status)
    return status;
  return instance;
}

Status VulkanInstance::start(bool validate) {
  auto library = DynamicLibrary::open("libvulkan.so.1");
  if (!library)
    return library.status();
  getAddress =
      library->find<PFN_vkGetInstanceProcAddr>("vkGetInstanceProcAddr");
  if (!getAddress)
    return errorf("libvulkan.so.1 has no vkGetInstanceProcAddr");
  auto global = [&]<class Function>(Function &function, const char *name) {
    function = reinterpret_cast<Function>(getAddress(nullptr, name));
    return function != nullptr;
  };
  PFN_vkEnumerateInstanceVersion enumerateVersion;
  PFN_vkCreateInstance createInstance;
  PFN_vkEnumerateInstanceLayerProperties enumerateLayers;
  if (!global(enumerateVersion, "vkEnumerateInstanceVersion") ||
      !global(createInstance, "vkCreateInstance") ||
      !global(enumerateLayers, "vkEnumerateInstanceLayerProperties") ||
      enumerateVersion(&version) != VK_SUCCESS || version < VK_API_VERSION_1_2)
    return errorf("libvulkan.so.1 is older than Vulkan 1.2");

  const char *layer = "VK_LAYER_KHRONOS_validation";
  const char *extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  VkValidationFeatureEnableEXT synchronization =
      VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
  VkValidationFeaturesEXT validation{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
  validation.enabledValidationFeatureCount = 1;
  validation.pEnabledValidationFeatures = &synchronization;
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = application.pEngineName = "rlx";
  version = std::min<uint32_t>(version, VK_API_VERSION_1_3);
  application.apiVersion = version;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;
  if (validate) {
    uint32_t count = 0;
    enumerateLayers(&count, nullptr);
    std::vector<VkLayerProperties> layers(count);
    enumerateLayers(&count, layers.data());
    if (std::none_of(layers.begin(), layers.end(),
                     [&](const VkLayerProperties &properties) {
                       return !std::strcmp(properties.layerName, layer);
                     }))
      return errorf("Vulkan's validation layer ({}) is not installed", layer);
    info.pNext = &validation;
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = &layer;
    info.enabledExtensionCount = 1;
    info.ppEnabledExtensionNames = &extension;
  }
  if (VkResult result = createInstance(&info, nullptr, &instance);
      result != VK_SUCCESS)
    return errorf("cannot start Vulkan: {}", describeVulkan(result));

#define RLX_VULKAN_LOAD(NAME)                                                  \
  vk.NAME = reinterpret_cast<PFN_##NAME>(getAddress(instance, #NAME));         \
  if (!vk.NAME)                                                                \
    return errorf("libvulkan.so.1 has no {}", #NAME);
  RLX_VULKAN_INSTANCE_FUNCTIONS(RLX_VULKAN_LOAD)
#undef RLX_VULKAN_LOAD
  return validate ? startMessenger() : Status();
}

Status VulkanInstance::startMessenger() {
  auto createMessenger = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
      getAddress(instance, "vkCreateDebugUtilsMessengerEXT"));
  VkDebugUtilsMessengerCreateInfoEXT info{
      VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  info.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  info.pfnUserCallback = onMessage;
  info.pUserData = this;
  if (!createMessenger ||
      createMessenger(instance, &info, nullptr, &messenger) != VK_SUCCESS)
    return errorf("cannot listen to Vulkan's validation layer");
  return {};
}

VulkanInstance::~VulkanInstance() {
  if (!instance)
    return;
  if (auto destroyMessenger =
          reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
              getAddress(instance, "vkDestroyDebugUtilsMessengerEXT"));
      destroyMessenger && messenger)
    destroyMessenger(instance, messenger, nullptr);
  if (vk.vkDestroyInstance)
    vk.vkDestroyInstance(instance, nullptr);
}

Result<std::vector<VkPhysicalDevice>> VulkanInstance::physicalDevices() const {
  uint32_t count = 0;
  VkResult result = vk.vkEnumeratePhysicalDevices(instance, &count, nullptr);
  std::vector<VkPhysicalDevice> devices(count);
  if (result == VK_SUCCESS)
    result = vk.vkEnumeratePhysicalDevices(instance, &count, devices.data());
  if (result != VK_SUCCESS && result != VK_INCOMPLETE)
    return errorf("cannot list Vulkan's devices: {}", describeVulkan(result));
  devices.resize(count);
  return devices;
}

Status VulkanInstance::load(VulkanDeviceFunctions &functions,
                            VkDevice device) const {
#define RLX_VULKAN_LOAD(NAME)                                                  \
  functions.NAME =                                                             \
      reinterpret_cast<PFN_##NAME>(vk.vkGetDeviceProcAddr(device, #NAME));     \
  if (!functions.NAME)                                                         \
    return errorf("the Vulkan driver has no {}", #NAME);
  RLX_VULKAN_DEVICE_FUNCTIONS(RLX_VULKAN_LOAD)
#undef RLX_VULKAN_LOAD
  return {};
}

Status VulkanInstance::takeValidation() {
  std::lock_guard lock(messageMutex);
  if (messages.empty())
    return {};
  // The first is the cause more often than not.
  Status status = errorf("Vulkan's validation layer ({} messages): {}",
                         messages.size(), messages.front());
  messages.clear();
  return status;
}

} // namespace rlx
