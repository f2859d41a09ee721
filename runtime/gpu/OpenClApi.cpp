//===- OpenClApi.cpp - OpenCL's functions and error codes -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads the table and puts error codes into words.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/OpenClApi.h"

#include "runtime/gpu/DynamicLibrary.h"

namespace rlx {
namespace {

Result<OpenClFunctions> loadFunctions() {
  auto library = DynamicLibrary::open("libOpenCL.so.1");
  if (!library)
    return library.status();
  OpenClFunctions cl;
#define RLX_OPENCL_LOAD(NAME)                                                  \
  cl.NAME = library->find<decltype(cl.NAME)>(#NAME);                           \
  if (!cl.NAME)                                                                \
    return errorf("libOpenCL.so.1 has no {}", #NAME);
  RLX_OPENCL_FUNCTIONS(RLX_OPENCL_LOAD)
#undef RLX_OPENCL_LOAD
  cl.clCreateProgramWithIL = library->find<decltype(cl.clCreateProgramWithIL)>(
      "clCreateProgramWithIL");
  cl.clGetKernelSubGroupInfo =
      library->find<decltype(cl.clGetKernelSubGroupInfo)>(
          "clGetKernelSubGroupInfo");
  return cl;
}

} // namespace

Result<const OpenClFunctions *> loadOpenCl() {
  static const Result<OpenClFunctions> functions = loadFunctions();
  if (!functions)
    return functions.status();
  return &*functions;
}

std::string describeOpenCl(cl_int code) {
  switch (code) {
  case CL_DEVICE_NOT_AVAILABLE:
    return "the device is not available";
  case CL_COMPILER_NOT_AVAILABLE:
    return "the driver has no compiler";
  case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    return "no memory left on the device";
  case CL_OUT_OF_RESOURCES:
    return "the device ran out of resources";
  case CL_OUT_OF_HOST_MEMORY:
    return "no memory left on the host";
  case CL_BUILD_PROGRAM_FAILURE:
    return "the driver refuses the program";
  case CL_INVALID_BUFFER_SIZE:
    return "the device allows no buffer of that size";
  case CL_INVALID_KERNEL_NAME:
    return "there is no kernel of that name";
  case CL_INVALID_WORK_GROUP_SIZE:
    return "the workgroup does not fit the device";
  case CL_INVALID_ARG_SIZE:
    return "an argument has another size";
  case CL_INVALID_BINARY:
    return "the binary is damaged or of another device";
  default:
    return fmt::format("the driver returns {}", code);
  }
}

} // namespace rlx
