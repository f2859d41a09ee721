//===- VulkanKernel.cpp - Compute pipelines -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each pipeline has a pipeline cache of its own, so that one file on the disk
// holds one kernel: nothing has to be merged, and no file grows.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/VulkanDevice.h"

#include <algorithm>

namespace rlx {

VulkanKernel::~VulkanKernel() {
  device.vk.vkDestroyPipeline(device.handle, pipeline, nullptr);
  device.vk.vkDestroyPipelineLayout(device.handle, layout, nullptr);
  device.vk.vkDestroyDescriptorSetLayout(device.handle, setLayout, nullptr);
}

Status VulkanDevice::createLayouts(VulkanKernel &kernel) {
  std::vector<VkDescriptorSetLayoutBinding> bindings(kernel.numBindings());
  for (size_t i = 0; i < bindings.size(); ++i) {
    bindings[i].binding = static_cast<uint32_t>(i);
    bindings[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    bindings[i].descriptorCount = 1;
    bindings[i].stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
  }
  VkDescriptorSetLayoutCreateInfo setInfo{
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  setInfo.bindingCount = static_cast<uint32_t>(bindings.size());
  setInfo.pBindings = bindings.data();
  std::string what = fmt::format("kernel '{}'", kernel.entry);
  if (auto status = check(vk.vkCreateDescriptorSetLayout(
                              handle, &setInfo, nullptr, &kernel.setLayout),
                          what);
      !status)
    return status;
  VkPipelineLayoutCreateInfo layoutInfo{
      VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  layoutInfo.setLayoutCount = 1;
  layoutInfo.pSetLayouts = &kernel.setLayout;
  return check(
      vk.vkCreatePipelineLayout(handle, &layoutInfo, nullptr, &kernel.layout),
      what);
}

Status VulkanDevice::createPipeline(VulkanKernel &kernel,
                                    const KernelSource &source) {
  std::string what = fmt::format("cannot compile kernel '{}'", source.entry);
  std::string key;
  std::optional<std::vector<std::byte>> known;
  if (cache.enabled()) {
    key = KernelCache::key({identity,
                            source.entry,
                            std::to_string(source.subgroup),
                            {reinterpret_cast<const char *>(source.code.data()),
                             source.code.size()}});
    known = cache.find(key);
  }
  VkPipelineCacheCreateInfo cacheInfo{
      VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  if (known) {
    cacheInfo.initialDataSize = known->size();
    cacheInfo.pInitialData = known->data();
  }
  VkPipelineCache pipelines = VK_NULL_HANDLE;
  // Without it everything works, only later.
  if (cache.enabled() && vk.vkCreatePipelineCache(handle, &cacheInfo, nullptr,
                                                  &pipelines) != VK_SUCCESS)
    pipelines = VK_NULL_HANDLE;

  // The module's words must be aligned, the caller's bytes need not be.
  std::vector<uint32_t> words(source.code.size() / 4);
  std::copy(source.code.begin(), source.code.end(),
            std::as_writable_bytes(std::span(words)).begin());
  VkShaderModuleCreateInfo moduleInfo{
      VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  moduleInfo.codeSize = source.code.size();
  moduleInfo.pCode = words.data();
  VkShaderModule module = VK_NULL_HANDLE;
  Status status = check(
      vk.vkCreateShaderModule(handle, &moduleInfo, nullptr, &module), what);
  // What is wrong with a module is an error before a driver compiles it.
  if (status)
    status = instance->takeValidation();
  if (status) {
    VkComputePipelineCreateInfo info{
        VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.module = module;
    info.stage.pName = kernel.entry.c_str();
    // Kernels that compute across a subgroup count on all of its lanes, and on
    // as many as they were generated for: modules of SPIR-V 1.6 would let the
    // driver choose.
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup{
        VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO};
    uint32_t size = description.subgroupSize;
    if (fixedSubgroups && source.workgroup[0] % size == 0 &&
        source.workgroup[0] / size <= fixedSubgroups) {
      subgroup.requiredSubgroupSize = size;
      info.stage.pNext = &subgroup;
      info.stage.flags =
          VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
    }
    info.layout = kernel.layout;
    status = check(vk.vkCreateComputePipelines(handle, pipelines, 1, &info,
                                               nullptr, &kernel.pipeline),
                   what);
  }
  size_t size = 0;
  if (status && pipelines && !known &&
      vk.vkGetPipelineCacheData(handle, pipelines, &size, nullptr) ==
          VK_SUCCESS) {
    std::vector<std::byte> data(size);
    if (vk.vkGetPipelineCacheData(handle, pipelines, &size, data.data()) ==
        VK_SUCCESS)
      cache.store(key, std::span(data).first(size));
  }
  vk.vkDestroyShaderModule(handle, module, nullptr);
  vk.vkDestroyPipelineCache(handle, pipelines, nullptr);
  return status;
}

Result<std::unique_ptr<Kernel>>
VulkanDevice::createKernel(const KernelSource &source) {
  if (auto status = ready(); !status)
    return status;
  if (source.form != KernelForm::spirv)
    return errorf("kernel '{}': {} takes SPIR-V, but got OpenCL C",
                  source.entry, description.label());
  if (auto status = checkWorkgroup(description, source); !status)
    return status;
  uint32_t subgroup = fixedSubgroups ? description.subgroupSize : 0;
  if (source.subgroup && source.subgroup != subgroup)
    return wrongSubgroups(description, source, subgroup);
  if (auto status = checkModule(source); !status)
    return status;
  for (unsigned i = 0; i < 3; ++i)
    if (source.workgroup[i] > limits.maxComputeWorkGroupSize[i])
      return errorf("kernel '{}': expected at most {} work-items along "
                    "dimension {} of a workgroup, but got {}",
                    source.entry, limits.maxComputeWorkGroupSize[i], i,
                    source.workgroup[i]);
  auto kernel = std::make_unique<VulkanKernel>(*this, source);
  uint32_t most = std::min(limits.maxPerStageDescriptorStorageBuffers,
                           limits.maxDescriptorSetStorageBuffers);
  if (kernel->numBindings() > most)
    return errorf("kernel '{}': expected at most {} buffers, but got {}",
                  source.entry, most, kernel->numBindings());
  Status status = createLayouts(*kernel);
  if (status)
    status = createPipeline(*kernel, source);
  if (status = finish(status); !status)
    return status;
  return kernel;
}

} // namespace rlx
