//===- VulkanMatrices.h - Matrices that subgroups multiply ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// VK_KHR_cooperative_matrix is younger than the headers that this must build
// with: what RLX needs of it is declared here.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_VULKANMATRICES_H
#define RLX_RUNTIME_GPU_VULKANMATRICES_H

#include "runtime/gpu/VulkanApi.h"

#include <array>

namespace rlx {

/// VkPhysicalDeviceCooperativeMatrixFeaturesKHR.
struct VulkanCooperativeMatrixFeatures {
  VkStructureType sType = static_cast<VkStructureType>(1000506000);
  void *pNext = nullptr;
  VkBool32 cooperativeMatrix = VK_FALSE, robustBufferAccess = VK_FALSE;
};

class VulkanMatrices {
public:
  static constexpr const char *extension = "VK_KHR_cooperative_matrix";

  explicit VulkanMatrices(const VulkanInstance &instance)
      : instance(instance) {}
  /// M, N and K of the matrices of f16 that subgroups of a device with the
  /// extension multiply, adding in f32: 16 x 16 x 16 where it has them, else
  /// the largest. Zeros where it has none.
  std::array<uint32_t, 3> shapeFor(VkPhysicalDevice device) const;

private:
  const VulkanInstance &instance;
};

} // namespace rlx

#endif // RLX_RUNTIME_GPU_VULKANMATRICES_H
