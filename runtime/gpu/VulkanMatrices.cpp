//===- VulkanMatrices.cpp - Matrices that subgroups multiply --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/gpu/VulkanMatrices.h"

#include <algorithm>

namespace rlx {
namespace {

// Values of VkComponentTypeKHR and VkScopeKHR.
enum : uint32_t { typeFloat16 = 0, typeFloat32 = 1, scopeSubgroup = 3 };

/// VkCooperativeMatrixPropertiesKHR.
struct MatrixProperties {
  VkStructureType sType = static_cast<VkStructureType>(1000506001);
  void *pNext = nullptr;
  uint32_t m = 0, n = 0, k = 0;
  uint32_t a = 0, b = 0, c = 0, result = 0;
  VkBool32 saturates = VK_FALSE;
  uint32_t scope = 0;

  bool addsInF32() const {
    return a == typeFloat16 && b == typeFloat16 && c == typeFloat32 &&
           result == typeFloat32 && scope == scopeSubgroup && !saturates;
  }
  /// Targets have sides that are powers of two of at most 64.
  bool isKnown() const {
    auto isSide = [](uint32_t side) {
      return side && side <= 64 && (side & (side - 1)) == 0;
    };
    return isSide(m) && isSide(n) && isSide(k);
  }
  /// Of two shapes the higher is preferred.
  uint64_t rank() const {
    constexpr uint32_t usual = 16;
    bool isUsual = m == usual && n == usual && k == usual;
    return isUsual ? ~uint64_t{0} : uint64_t{m} * n * k;
  }
};

using GetMatrixProperties = VkResult(VKAPI_PTR *)(VkPhysicalDevice, uint32_t *,
                                                  MatrixProperties *);

} // namespace

std::array<uint32_t, 3>
VulkanMatrices::shapeFor(VkPhysicalDevice device) const {
  auto get = reinterpret_cast<GetMatrixProperties>(instance.functionNamed(
      "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
  // A loader that is older than the driver may not know it.
  uint32_t count = 0;
  if (!get || get(device, &count, nullptr) != VK_SUCCESS)
    return {};
  std::vector<MatrixProperties> all(count);
  VkResult result = get(device, &count, all.data());
  if (result != VK_SUCCESS && result != VK_INCOMPLETE)
    return {};
  all.resize(count);
  std::erase_if(all, [](const MatrixProperties &one) {
    return !one.addsInF32() || !one.isKnown();
  });
  auto best = std::max_element(all.begin(), all.end(),
                               [](const auto &one, const auto &other) {
                                 return one.rank() < other.rank();
                               });
  if (best == all.end())
    return {};
  return {best->m, best->n, best->k};
}

} // namespace rlx
