//===- OpenClKernel.cpp - Programs and kernels of OpenCL ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles OpenCL C or SPIR-V, or takes what the driver compiled before from
// the cache. All kernels of a module come from one program.
//
//===----------------------------------------------------------------------===//
#include "runtime/Text.h"
#include "runtime/gpu/OpenClDevice.h"
#include "runtime/gpu/OpenClSubgroups.h"

#include <algorithm>

namespace rlx {
namespace {

/// Of a log that is shown.
constexpr size_t mostLogBytes = 8192;

const std::string &optionsFor(const OpenClPhysicalDevice &device,
                              const KernelSource &source) {
  return source.moduleUsesSubgroups ? device.subgroupOptions
                                    : device.sourceOptions;
}

/// What kernels of the same program have in common.
std::string keyOf(const OpenClPhysicalDevice &device,
                  const KernelSource &source) {
  return KernelCache::key({device.identity,
                           source.form == KernelForm::spirv
                               ? std::string_view("SPIR-V")
                               : optionsFor(device, source),
                           {reinterpret_cast<const char *>(source.code.data()),
                            source.code.size()}});
}

} // namespace

std::string OpenClDevice::buildLog(const OpenClProgram &program) const {
  size_t size = 0;
  cl.clGetProgramBuildInfo(program.get(), physical.handle, CL_PROGRAM_BUILD_LOG,
                           0, nullptr, &size);
  std::string log(size, '\0');
  cl.clGetProgramBuildInfo(program.get(), physical.handle, CL_PROGRAM_BUILD_LOG,
                           size, log.data(), nullptr);
  log.resize(std::min(log.find('\0'), log.size()));
  log.erase(log.find_last_not_of(" \n\r\t") + 1);
  if (log.size() > mostLogBytes)
    log = log.substr(0, mostLogBytes) + "...";
  return log.empty() ? "the driver gives no reason" : log;
}

Result<OpenClProgram> OpenClDevice::build(OpenClProgram program,
                                          const KernelSource &source,
                                          bool fromSource) {
  cl_int code = cl.clBuildProgram(
      program.get(), 1, &physical.handle,
      fromSource ? optionsFor(physical, source).c_str() : "", nullptr, nullptr);
  if (code == CL_SUCCESS)
    return program;
  return errorf("{} ({}): cannot compile kernel '{}': {}:\n{}",
                description.label(), description.name, source.entry,
                describeOpenCl(code), buildLog(program));
}

Result<OpenClProgram> OpenClDevice::compile(const KernelSource &source) {
  cl_int code = CL_SUCCESS;
  bool fromSource = source.form == KernelForm::openclC;
  cl_program made = nullptr;
  if (fromSource) {
    auto *text = reinterpret_cast<const char *>(source.code.data());
    size_t length = source.code.size();
    made =
        cl.clCreateProgramWithSource(context.get(), 1, &text, &length, &code);
  } else {
    made = physical.createFromSpirv(context.get(), source.code.data(),
                                    source.code.size(), &code);
  }
  OpenClProgram program(cl, made);
  if (auto status = check(
          code, fmt::format("cannot make a program for '{}'", source.entry));
      !status)
    return status;
  return build(std::move(program), source, fromSource);
}

OpenClProgram OpenClDevice::loadBinary(std::string_view key,
                                       const KernelSource &source) {
  auto binary = cache.find(key);
  if (!binary || binary->empty())
    return {};
  auto *bytes = reinterpret_cast<const unsigned char *>(binary->data());
  size_t size = binary->size();
  cl_int binaryCode = CL_SUCCESS, code = CL_SUCCESS;
  OpenClProgram program(
      cl, cl.clCreateProgramWithBinary(context.get(), 1, &physical.handle,
                                       &size, &bytes, &binaryCode, &code));
  if (code != CL_SUCCESS || binaryCode != CL_SUCCESS)
    return {};
  auto built = build(std::move(program), source, /*fromSource=*/false);
  return built ? built.take() : OpenClProgram();
}

void OpenClDevice::storeBinary(std::string_view key,
                               const OpenClProgram &program) {
  size_t size = 0;
  if (cl.clGetProgramInfo(program.get(), CL_PROGRAM_BINARY_SIZES, sizeof(size),
                          &size, nullptr) != CL_SUCCESS ||
      size == 0)
    return;
  std::vector<std::byte> binary(size);
  auto *bytes = reinterpret_cast<unsigned char *>(binary.data());
  if (cl.clGetProgramInfo(program.get(), CL_PROGRAM_BINARIES, sizeof(bytes),
                          &bytes, nullptr) == CL_SUCCESS)
    cache.store(key, binary);
}

Result<OpenClDevice::SharedProgram>
OpenClDevice::program(const KernelSource &source) {
  std::string key = keyOf(physical, source);
  auto &known = programs[key];
  if (SharedProgram shared = known.lock())
    return shared;
  OpenClProgram made;
  if (cache.enabled())
    made = loadBinary(key, source);
  if (!made) {
    auto compiled = compile(source);
    if (!compiled)
      return compiled.status();
    made = compiled.take();
    if (cache.enabled())
      storeBinary(key, made);
  }
  auto shared = std::make_shared<const OpenClProgram>(std::move(made));
  known = shared;
  return SharedProgram(shared);
}

Result<OpenClKernelHandle>
OpenClDevice::makeKernel(const OpenClProgram &program,
                         const std::string &entry) const {
  cl_int code = CL_SUCCESS;
  OpenClKernelHandle kernel(
      cl, cl.clCreateKernel(program.get(), entry.c_str(), &code));
  if (code == CL_INVALID_KERNEL_NAME) {
    size_t size = 0;
    cl.clGetProgramInfo(program.get(), CL_PROGRAM_KERNEL_NAMES, 0, nullptr,
                        &size);
    std::string names(size, '\0');
    cl.clGetProgramInfo(program.get(), CL_PROGRAM_KERNEL_NAMES, size,
                        names.data(), nullptr);
    names.resize(std::min(names.find('\0'), names.size()));
    return errorf("the program has no kernel '{}'; it has {}", entry,
                  names.empty() ? "none" : quoted(names, 512));
  }
  if (auto status = check(code, fmt::format("cannot make kernel '{}'", entry));
      !status)
    return status;
  return kernel;
}

Result<std::unique_ptr<Kernel>>
OpenClDevice::createKernel(const KernelSource &source) {
  if (auto status = ready(); !status)
    return status;
  if (source.form == KernelForm::spirv) {
    if (!physical.createFromSpirv)
      return errorf("kernel '{}': {} ({}) takes no SPIR-V; expected OpenCL C",
                    source.entry, description.label(), description.name);
    if (auto status = checkModule(source); !status)
      return status;
  }
  if (auto status = checkWorkgroup(description, source); !status)
    return status;
  if (source.subgroup && !physical.subgroups.kernelInfo)
    return wrongSubgroups(description, source, 0);
  auto shared = program(source);
  if (!shared)
    return shared.status();
  auto kernel = makeKernel(**shared, source.entry);
  if (!kernel)
    return kernel.status();
  cl_uint numArguments = 0;
  cl.clGetKernelInfo(kernel->get(), CL_KERNEL_NUM_ARGS, sizeof(numArguments),
                     &numArguments, nullptr);
  if (numArguments != source.buffers + source.scalars)
    return errorf("kernel '{}': expected {} buffers and {} scalars, but it has "
                  "{} arguments",
                  source.entry, source.buffers, source.scalars, numArguments);
  std::array<size_t, 3> fixed{};
  // Zeros where the source does not fix it.
  if (cl.clGetKernelWorkGroupInfo(
          kernel->get(), physical.handle, CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
          sizeof(fixed), fixed.data(), nullptr) == CL_SUCCESS &&
      fixed[0] &&
      !std::equal(fixed.begin(), fixed.end(), source.workgroup.begin()))
    return errorf("kernel '{}': expected a workgroup of {}, but its source "
                  "says {}",
                  source.entry, fmt::join(source.workgroup, " x "),
                  fmt::join(fixed, " x "));
  size_t most = 0;
  uint64_t items =
      uint64_t{source.workgroup[0]} * source.workgroup[1] * source.workgroup[2];
  if (cl.clGetKernelWorkGroupInfo(kernel->get(), physical.handle,
                                  CL_KERNEL_WORK_GROUP_SIZE, sizeof(most),
                                  &most, nullptr) == CL_SUCCESS &&
      most && items > most)
    return errorf("kernel '{}': {} allows workgroups of at most {} work-items "
                  "for it, but it has {}",
                  source.entry, description.label(), most, items);
  if (source.subgroup) {
    uint32_t size = subgroupSizeOf(physical, kernel->get(), source.workgroup);
    if (size != source.subgroup)
      return wrongSubgroups(description, source, size);
  }
  return std::make_unique<OpenClKernel>(source, shared.take());
}

} // namespace rlx
