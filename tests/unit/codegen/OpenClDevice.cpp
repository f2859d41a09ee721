//===- OpenClDevice.cpp - Runs OpenCL C for tests -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/OpenClDevice.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <dlfcn.h>

using namespace rlx::test;

#define FOR_EACH_FUNCTION(X)                                                   \
  X(clGetPlatformIDs)                                                          \
  X(clGetDeviceIDs)                                                            \
  X(clGetDeviceInfo)                                                           \
  X(clCreateContext)                                                           \
  X(clCreateCommandQueue)                                                      \
  X(clCreateProgramWithSource)                                                 \
  X(clBuildProgram)                                                            \
  X(clGetProgramBuildInfo)                                                     \
  X(clReleaseProgram)                                                          \
  X(clCreateKernel)                                                            \
  X(clReleaseKernel)                                                           \
  X(clSetKernelArg)                                                            \
  X(clCreateBuffer)                                                            \
  X(clReleaseMemObject)                                                        \
  X(clEnqueueNDRangeKernel)                                                    \
  X(clEnqueueReadBuffer)                                                       \
  X(clFinish)

namespace {
struct Functions {
#define DECLARE(name) decltype(&::name) name = nullptr;
  FOR_EACH_FUNCTION(DECLARE)
#undef DECLARE
};
Functions cl;
} // namespace

std::string OpenClDevice::open() {
  void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return "no OpenCL loader on this machine";
#define LOAD(name)                                                             \
  cl.name = reinterpret_cast<decltype(cl.name)>(dlsym(library, #name));        \
  if (!cl.name)                                                                \
    return "the OpenCL loader has no " #name;
  FOR_EACH_FUNCTION(LOAD)
#undef LOAD
  auto *platformId = reinterpret_cast<cl_platform_id *>(&platform);
  auto *deviceId = reinterpret_cast<cl_device_id *>(&device);
  if (cl.clGetPlatformIDs(1, platformId, nullptr) != CL_SUCCESS)
    return "no OpenCL platform on this machine";
  if (cl.clGetDeviceIDs(*platformId, CL_DEVICE_TYPE_ALL, 1, deviceId,
                        nullptr) != CL_SUCCESS)
    return "no OpenCL device on this machine";
  char text[256] = "";
  cl.clGetDeviceInfo(*deviceId, CL_DEVICE_NAME, sizeof(text), text, nullptr);
  deviceName = text;
  cl_device_fp_config config = 0;
  cl.clGetDeviceInfo(*deviceId, CL_DEVICE_SINGLE_FP_CONFIG, sizeof(config),
                     &config, nullptr);
  if (config & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT)
    options = "-cl-fp32-correctly-rounded-divide-sqrt";
  cl_int status = 0;
  context = cl.clCreateContext(nullptr, 1, deviceId, nullptr, nullptr, &status);
  if (status != CL_SUCCESS)
    return "the OpenCL device gives no context";
  queue = cl.clCreateCommandQueue(static_cast<cl_context>(context), *deviceId,
                                  0, &status);
  return status == CL_SUCCESS ? "" : "the OpenCL device gives no queue";
}

OpenClDevice *OpenClDevice::get(std::string &reason) {
  static OpenClDevice device;
  static std::string failure = device.open();
  reason = failure;
  return failure.empty() ? &device : nullptr;
}

std::string OpenClDevice::run(const std::string &source, const char *kernelName,
                              std::vector<Argument> arguments, size_t workItems,
                              size_t groupSize) {
  auto clContext = static_cast<cl_context>(context);
  auto clQueue = static_cast<cl_command_queue>(queue);
  auto clDevice = static_cast<cl_device_id>(device);
  const char *text = source.c_str();
  cl_int status = 0;
  cl_program program =
      cl.clCreateProgramWithSource(clContext, 1, &text, nullptr, &status);
  if (status != CL_SUCCESS)
    return "clCreateProgramWithSource: " + std::to_string(status);
  std::string failure;
  std::vector<cl_mem> buffers;
  cl_kernel kernel = nullptr;
  auto failed = [&](const char *step) {
    if (status != CL_SUCCESS && failure.empty())
      failure = std::string(step) + ": " + std::to_string(status);
    return !failure.empty();
  };
  auto attempt = [&] {
    status = cl.clBuildProgram(program, 1, &clDevice, options.c_str(), nullptr,
                               nullptr);
    if (failed("clBuildProgram")) {
      std::string log(1 << 16, '\0');
      cl.clGetProgramBuildInfo(program, clDevice, CL_PROGRAM_BUILD_LOG,
                               log.size(), log.data(), nullptr);
      failure += "\n" + std::string(log.c_str());
      return;
    }
    kernel = cl.clCreateKernel(program, kernelName, &status);
    if (failed("clCreateKernel"))
      return;
    for (cl_uint i = 0; i < arguments.size(); ++i) {
      Argument &argument = arguments[i];
      if (!argument.data) {
        status = cl.clSetKernelArg(kernel, i, sizeof(argument.number),
                                   &argument.number);
      } else {
        buffers.push_back(cl.clCreateBuffer(
            clContext, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, argument.bytes,
            argument.data, &status));
        if (failed("clCreateBuffer"))
          return;
        status = cl.clSetKernelArg(kernel, i, sizeof(cl_mem), &buffers.back());
      }
      if (failed("clSetKernelArg"))
        return;
    }
    status = cl.clEnqueueNDRangeKernel(clQueue, kernel, 1, nullptr, &workItems,
                                       &groupSize, 0, nullptr, nullptr);
    if (failed("clEnqueueNDRangeKernel"))
      return;
    size_t next = 0;
    for (Argument &argument : arguments) {
      if (!argument.data)
        continue;
      status = cl.clEnqueueReadBuffer(clQueue, buffers[next++], CL_TRUE, 0,
                                      argument.bytes, argument.data, 0, nullptr,
                                      nullptr);
      if (failed("clEnqueueReadBuffer"))
        return;
    }
  };
  attempt();
  cl.clFinish(clQueue);
  for (cl_mem buffer : buffers)
    cl.clReleaseMemObject(buffer);
  if (kernel)
    cl.clReleaseKernel(kernel);
  cl.clReleaseProgram(program);
  return failure;
}
