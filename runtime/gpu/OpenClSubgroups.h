//===- OpenClSubgroups.h - In what subgroups OpenCL's devices run ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_RUNTIME_GPU_OPENCLSUBGROUPS_H
#define RLX_RUNTIME_GPU_OPENCLSUBGROUPS_H

#include "runtime/gpu/OpenClApi.h"

namespace rlx {

/// Work-items of the subgroups that the kernel runs in with this workgroup; 0
/// where the driver does not say.
uint32_t subgroupSizeOf(const OpenClPhysicalDevice &device, cl_kernel kernel,
                        const std::array<uint32_t, 3> &workgroup);

/// Compiles a small kernel for a device that says it has subgroups, and asks
/// the driver how it would run it. Only where that is a size to rely on does
/// the device's description say that kernels may use them.
void findSubgroups(const OpenClFunctions &cl, OpenClPhysicalDevice &device);

} // namespace rlx

#endif // RLX_RUNTIME_GPU_OPENCLSUBGROUPS_H
