//===- OpenClApi.h - OpenCL's functions and devices -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// libOpenCL is loaded at run time, once, and its functions are members of a
// table that is made from a list. Objects are released by handles.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_OPENCLAPI_H
#define RLX_RUNTIME_GPU_OPENCLAPI_H

#include "runtime/gpu/Device.h"

#define CL_TARGET_OPENCL_VERSION 210
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

#include <utility>

#define RLX_OPENCL_FUNCTIONS(FUNCTION)                                         \
  FUNCTION(clGetPlatformIDs)                                                   \
  FUNCTION(clGetPlatformInfo)                                                  \
  FUNCTION(clGetDeviceIDs)                                                     \
  FUNCTION(clGetDeviceInfo)                                                    \
  FUNCTION(clCreateContext)                                                    \
  FUNCTION(clReleaseContext)                                                   \
  FUNCTION(clCreateCommandQueue)                                               \
  FUNCTION(clReleaseCommandQueue)                                              \
  FUNCTION(clCreateBuffer)                                                     \
  FUNCTION(clReleaseMemObject)                                                 \
  FUNCTION(clCreateProgramWithSource)                                          \
  FUNCTION(clCreateProgramWithBinary)                                          \
  FUNCTION(clBuildProgram)                                                     \
  FUNCTION(clGetProgramInfo)                                                   \
  FUNCTION(clGetProgramBuildInfo)                                              \
  FUNCTION(clReleaseProgram)                                                   \
  FUNCTION(clCreateKernel)                                                     \
  FUNCTION(clGetKernelInfo)                                                    \
  FUNCTION(clGetKernelWorkGroupInfo)                                           \
  FUNCTION(clSetKernelArg)                                                     \
  FUNCTION(clReleaseKernel)                                                    \
  FUNCTION(clEnqueueNDRangeKernel)                                             \
  FUNCTION(clEnqueueCopyBuffer)                                                \
  FUNCTION(clEnqueueReadBuffer)                                                \
  FUNCTION(clEnqueueWriteBuffer)                                               \
  FUNCTION(clFinish)                                                           \
  FUNCTION(clGetEventInfo)                                                     \
  FUNCTION(clGetEventProfilingInfo)                                            \
  FUNCTION(clReleaseEvent)                                                     \
  FUNCTION(clGetExtensionFunctionAddressForPlatform)

namespace rlx {

struct OpenClFunctions {
#define RLX_OPENCL_MEMBER(NAME) decltype(&::NAME) NAME = nullptr;
  RLX_OPENCL_FUNCTIONS(RLX_OPENCL_MEMBER)
#undef RLX_OPENCL_MEMBER
  /// Null in a library older than OpenCL 2.1.
  decltype(&::clCreateProgramWithIL) clCreateProgramWithIL = nullptr;
  decltype(&::clGetKernelSubGroupInfo) clGetKernelSubGroupInfo = nullptr;
};

/// The functions, or why there are none. The table lives as long as the
/// process.
Result<const OpenClFunctions *> loadOpenCl();

/// What an error code means.
std::string describeOpenCl(cl_int code);

/// An object of OpenCL that is released when it goes.
template <class Object, auto Release> class OpenClHandle {
public:
  OpenClHandle() = default;
  OpenClHandle(const OpenClFunctions &cl, Object object)
      : cl(&cl), object(object) {}
  OpenClHandle(OpenClHandle &&other) noexcept
      : cl(other.cl), object(std::exchange(other.object, nullptr)) {}
  OpenClHandle &operator=(OpenClHandle &&other) noexcept {
    std::swap(cl, other.cl);
    std::swap(object, other.object);
    return *this;
  }
  ~OpenClHandle() {
    if (object)
      (cl->*Release)(object);
  }
  Object get() const { return object; }
  explicit operator bool() const { return object != nullptr; }

private:
  const OpenClFunctions *cl = nullptr;
  Object object = nullptr;
};

using OpenClContext =
    OpenClHandle<cl_context, &OpenClFunctions::clReleaseContext>;
using OpenClQueue =
    OpenClHandle<cl_command_queue, &OpenClFunctions::clReleaseCommandQueue>;
using OpenClMemory = OpenClHandle<cl_mem, &OpenClFunctions::clReleaseMemObject>;
using OpenClProgram =
    OpenClHandle<cl_program, &OpenClFunctions::clReleaseProgram>;
using OpenClKernelHandle =
    OpenClHandle<cl_kernel, &OpenClFunctions::clReleaseKernel>;
using OpenClEvent = OpenClHandle<cl_event, &OpenClFunctions::clReleaseEvent>;

/// What a device says about subgroups.
struct OpenClSubgroups {
  /// Asks how a kernel runs; null where the device has no subgroups.
  decltype(&::clGetKernelSubGroupInfo) kernelInfo = nullptr;
  std::vector<size_t> sizes; ///< All that there are; empty where not known.
  bool canAsk = false;       ///< Kernels can ask for one of the sizes.
  bool isExtension = false;  ///< And not only a feature of OpenCL C 3.0.
  bool shuffle = false;
};

/// A device that can be opened.
struct OpenClPhysicalDevice {
  cl_platform_id platform = nullptr;
  cl_device_id handle = nullptr;
  DeviceInfo info;
  /// What compiled programs depend on: device and driver.
  std::string identity;
  /// How OpenCL C is compiled, and how where it uses subgroups.
  std::string sourceOptions = "-cl-std=CL1.2";
  std::string subgroupOptions = "-cl-std=CL2.0";
  OpenClSubgroups subgroups;
  /// Makes a program from SPIR-V; null where the device takes none.
  decltype(&::clCreateProgramWithIL) createFromSpirv = nullptr;
};

/// The devices that can be opened, in the order of the platforms; `notes` gets
/// why others cannot.
Result<std::vector<OpenClPhysicalDevice>>
findOpenClDevices(const OpenClFunctions &cl, std::vector<std::string> &notes);

} // namespace rlx

#endif // RLX_RUNTIME_GPU_OPENCLAPI_H
