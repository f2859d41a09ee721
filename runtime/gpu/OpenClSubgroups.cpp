//===- OpenClSubgroups.cpp - In what subgroups OpenCL's devices run -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// OpenCL leaves the size of subgroups to the driver, which may choose it for
// each kernel. Kernels are compiled for one size: it must be the only one of
// the device, or one that kernels can ask for.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/OpenClSubgroups.h"

#include <algorithm>
#include <bit>

namespace rlx {
namespace {

/// Subgroups in which kernels are compiled.
constexpr uint32_t smallestSize = 2, largestSize = 128;
/// Of the sizes that a kernel can ask for: more need more registers.
constexpr uint32_t largestChosen = 32;

bool isUsable(size_t size) {
  return size >= smallestSize && size <= largestSize &&
         std::has_single_bit(size);
}

/// The size that kernels can ask for, or that all have; 0 where the driver
/// chooses among several, or does not say.
uint32_t expectedSize(const OpenClSubgroups &subgroups) {
  uint32_t best = 0;
  for (size_t size : subgroups.sizes)
    if (isUsable(size) && (size <= largestChosen || !best))
      best = std::max(best, static_cast<uint32_t>(size));
  return subgroups.sizes.size() == 1 || subgroups.canAsk ? best : 0;
}

std::string sourceOfProbe(const OpenClSubgroups &subgroups, uint32_t size) {
  std::string text;
  if (subgroups.isExtension)
    text += "#pragma OPENCL EXTENSION cl_khr_subgroups : enable\n";
  if (subgroups.shuffle)
    text += "#pragma OPENCL EXTENSION cl_khr_subgroup_shuffle : enable\n";
  if (subgroups.canAsk && size)
    text +=
        fmt::format("__attribute__((intel_reqd_sub_group_size({})))\n", size);
  text += "__kernel void probe(__global float *numbers) {\n"
          "  size_t i = get_global_id(0);\n"
          "  float sum = sub_group_reduce_add(numbers[i]);\n";
  if (subgroups.shuffle)
    text += "  sum += sub_group_shuffle_xor(numbers[i], 1u);\n";
  return text + "  numbers[i] = sum + get_sub_group_local_id();\n"
                "}\n";
}

/// The size in which all workgroups of a small kernel run; 0 where there is
/// none.
uint32_t measuredSize(const OpenClFunctions &cl,
                      const OpenClPhysicalDevice &device, uint32_t expected) {
  cl_context_properties properties[] = {
      CL_CONTEXT_PLATFORM,
      reinterpret_cast<cl_context_properties>(device.platform), 0};
  cl_int code = CL_SUCCESS;
  OpenClContext context(cl, cl.clCreateContext(properties, 1, &device.handle,
                                               nullptr, nullptr, &code));
  if (code != CL_SUCCESS)
    return 0;
  std::string source = sourceOfProbe(device.subgroups, expected);
  const char *text = source.c_str();
  OpenClProgram program(cl, cl.clCreateProgramWithSource(
                                context.get(), 1, &text, nullptr, &code));
  if (code != CL_SUCCESS || cl.clBuildProgram(program.get(), 1, &device.handle,
                                              device.subgroupOptions.c_str(),
                                              nullptr, nullptr) != CL_SUCCESS)
    return 0;
  OpenClKernelHandle kernel(cl,
                            cl.clCreateKernel(program.get(), "probe", &code));
  if (code != CL_SUCCESS)
    return 0;
  uint32_t found = 0;
  for (uint32_t items : {32u, 64u, 128u, 256u}) {
    if (items > device.info.workgroupSize)
      break;
    uint32_t size = subgroupSizeOf(device, kernel.get(), {items, 1, 1});
    // What is smaller than a subgroup is one by itself.
    if (items < expected || (found == 0 && size == items))
      continue;
    if (!isUsable(size) || (found && size != found))
      return 0;
    found = size;
  }
  return found;
}

} // namespace

uint32_t subgroupSizeOf(const OpenClPhysicalDevice &device, cl_kernel kernel,
                        const std::array<uint32_t, 3> &workgroup) {
  size_t sizes[3] = {workgroup[0], workgroup[1], workgroup[2]}, size = 0;
  if (!device.subgroups.kernelInfo ||
      device.subgroups.kernelInfo(
          kernel, device.handle, CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE,
          sizeof(sizes), sizes, sizeof(size), &size, nullptr) != CL_SUCCESS)
    return 0;
  return static_cast<uint32_t>(std::min<size_t>(size, ~0u));
}

void findSubgroups(const OpenClFunctions &cl, OpenClPhysicalDevice &device) {
  const OpenClSubgroups &subgroups = device.subgroups;
  if (!subgroups.kernelInfo)
    return;
  uint32_t expected = expectedSize(subgroups);
  // Among several the driver chooses as it likes.
  if (!expected && !subgroups.sizes.empty())
    return;
  uint32_t size = measuredSize(cl, device, expected);
  if (!size || (expected && size != expected))
    return;
  device.info.subgroupSize = size;
  device.info.subgroupArithmetic = true;
  device.info.subgroupShuffle = subgroups.shuffle;
}

} // namespace rlx
