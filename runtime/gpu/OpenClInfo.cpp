//===- OpenClInfo.cpp - What an OpenCL device can do ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asks drivers for properties and extensions and translates them into
// DeviceInfo.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/DeviceSupport.h"
#include "runtime/gpu/OpenClSubgroups.h"

#include <algorithm>
#include <cstring>
#include <sstream>

namespace rlx {
namespace {

// Of extensions whose headers may be missing.
constexpr cl_device_info warpSizeOfNvidia = 0x4003;
constexpr cl_device_info wavefrontWidthOfAmd = 0x4043;
constexpr cl_device_info subgroupSizesOfIntel = 0x4108;
constexpr cl_device_info intermediateVersion = 0x105B;
constexpr cl_device_info featuresOfOpenclC = 0x106F;
constexpr cl_int noPlatforms = -1001;

/// Answers of a device. One that the driver does not know is empty or zero.
class Questions {
public:
  Questions(const OpenClFunctions &cl, cl_platform_id platform,
            cl_device_id device)
      : cl(cl), platform(platform), device(device) {
    std::istringstream names(text(CL_DEVICE_EXTENSIONS));
    for (std::string name; names >> name;)
      extensions.push_back(name);
  }

  std::string text(cl_device_info what) const {
    return read([&](size_t size, void *to, size_t *needed) {
      return cl.clGetDeviceInfo(device, what, size, to, needed);
    });
  }
  std::string platformText(cl_platform_info what) const {
    return read([&](size_t size, void *to, size_t *needed) {
      return cl.clGetPlatformInfo(platform, what, size, to, needed);
    });
  }
  template <class T> T number(cl_device_info what) const {
    T value{};
    if (cl.clGetDeviceInfo(device, what, sizeof(T), &value, nullptr) !=
        CL_SUCCESS)
      return {};
    return value;
  }
  template <class T> std::vector<T> list(cl_device_info what) const {
    size_t bytes = 0;
    if (cl.clGetDeviceInfo(device, what, 0, nullptr, &bytes) != CL_SUCCESS)
      return {};
    std::vector<T> values(bytes / sizeof(T));
    if (values.empty() ||
        cl.clGetDeviceInfo(device, what, values.size() * sizeof(T),
                           values.data(), nullptr) != CL_SUCCESS)
      return {};
    return values;
  }
  bool has(std::string_view extension) const {
    return std::find(extensions.begin(), extensions.end(), extension) !=
           extensions.end();
  }

private:
  template <class Ask> static std::string read(Ask ask) {
    size_t needed = 0;
    if (ask(0, nullptr, &needed) != CL_SUCCESS || needed == 0)
      return {};
    std::string value(needed, '\0');
    if (ask(needed, value.data(), nullptr) != CL_SUCCESS)
      return {};
    // Of a C string without its end, and blanks that some drivers add.
    value.resize(value.find('\0') == std::string::npos ? needed
                                                       : value.find('\0'));
    value.erase(0, value.find_first_not_of(' '));
    value.erase(value.find_last_not_of(' ') + 1);
    return value;
  }

  const OpenClFunctions &cl;
  cl_platform_id platform;
  cl_device_id device;
  std::vector<std::string> extensions;
};

/// What OpenCL C 3.0 has of a device that its extensions need not say.
bool hasFeature(const Questions &ask, std::string_view name) {
  struct Feature { // cl_name_version
    cl_uint version;
    char name[64];
  };
  for (const Feature &feature : ask.list<Feature>(featuresOfOpenclC))
    if (name == std::string_view(feature.name,
                                 strnlen(feature.name, sizeof(feature.name))))
      return true;
  return false;
}

/// What the device says; whether it is to be relied on, findSubgroups() tells.
void describeSubgroups(const OpenClFunctions &cl, const Questions &ask,
                       OpenClPhysicalDevice &found) {
  DeviceInfo &info = found.info;
  OpenClSubgroups &subgroups = found.subgroups;
  subgroups.canAsk = ask.has("cl_intel_required_subgroup_size");
  if (ask.has("cl_nv_device_attribute_query"))
    subgroups.sizes = {ask.number<cl_uint>(warpSizeOfNvidia)};
  else if (ask.has("cl_amd_device_attribute_query"))
    subgroups.sizes = {ask.number<cl_uint>(wavefrontWidthOfAmd)};
  else // Some drivers know the question without the extension.
    subgroups.sizes = ask.list<size_t>(subgroupSizesOfIntel);
  std::erase(subgroups.sizes, 0u);
  if (!subgroups.sizes.empty())
    info.subgroupSize = static_cast<uint32_t>(
        *std::max_element(subgroups.sizes.begin(), subgroups.sizes.end()));

  subgroups.isExtension = ask.has("cl_khr_subgroups");
  subgroups.shuffle = ask.has("cl_khr_subgroup_shuffle");
  bool isOfVersion3 = info.version >= "3.0";
  if (isOfVersion3)
    found.subgroupOptions = "-cl-std=CL3.0";
  if (info.version < "2.0" ||
      (!subgroups.isExtension &&
       !(isOfVersion3 && hasFeature(ask, "__opencl_c_subgroups"))))
    return;
  if (info.version >= "2.1")
    subgroups.kernelInfo = cl.clGetKernelSubGroupInfo;
  else
    subgroups.kernelInfo = reinterpret_cast<decltype(subgroups.kernelInfo)>(
        cl.clGetExtensionFunctionAddressForPlatform(
            found.platform, "clGetKernelSubGroupInfoKHR"));
}

void describe(const OpenClFunctions &cl, OpenClPhysicalDevice &found) {
  Questions ask(cl, found.platform, found.handle);
  DeviceInfo &info = found.info;
  info.api = DeviceApi::opencl;
  info.name = ask.text(CL_DEVICE_NAME);
  std::string platform = ask.platformText(CL_PLATFORM_NAME);
  std::string driver = ask.text(CL_DRIVER_VERSION);
  info.driver = fmt::format("{} {}", platform, driver);
  // `OpenCL 3.0 and what the vendor likes to add`
  std::string version = ask.text(CL_DEVICE_VERSION);
  std::istringstream words(version);
  for (std::string word; words >> word && info.version.empty();)
    if (word != "OpenCL")
      info.version = word;
  info.isCpu = ask.number<cl_device_type>(CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CPU;

  info.storage8 = info.storage16 = info.int8 = info.int16 = true;
  info.int64 = ask.text(CL_DEVICE_PROFILE) == "FULL_PROFILE" ||
               ask.has("cles_khr_int64");
  auto singles = ask.number<cl_device_fp_config>(CL_DEVICE_SINGLE_FP_CONFIG);
  info.fma = singles & CL_FP_FMA;
  info.denormals = singles & CL_FP_DENORM;
  info.nonfinite = singles & CL_FP_INF_NAN;
  info.float16 = ask.has("cl_khr_fp16");
  info.float64 = ask.has("cl_khr_fp64");
  info.integerDot = ask.has("cl_khr_integer_dot_product");
  describeSubgroups(cl, ask, found);
  info.vectorWidth =
      info.isCpu
          ? std::max<cl_uint>(
                1, ask.number<cl_uint>(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT))
          : 1;
  info.workgroupSize =
      static_cast<uint32_t>(ask.number<size_t>(CL_DEVICE_MAX_WORK_GROUP_SIZE));
  info.computeUnits =
      std::max<cl_uint>(1, ask.number<cl_uint>(CL_DEVICE_MAX_COMPUTE_UNITS));
  info.workgroupMemory = ask.number<cl_ulong>(CL_DEVICE_LOCAL_MEM_SIZE);
  info.bufferBytes = ask.number<cl_ulong>(CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  info.memoryBytes = ask.number<cl_ulong>(CL_DEVICE_GLOBAL_MEM_SIZE);

  bool takesSpirv =
      ask.text(intermediateVersion).find("SPIR-V") != std::string::npos;
  if (takesSpirv && ask.has("cl_khr_il_program"))
    found.createFromSpirv = reinterpret_cast<decltype(found.createFromSpirv)>(
        cl.clGetExtensionFunctionAddressForPlatform(
            found.platform, "clCreateProgramWithILKHR"));
  if (takesSpirv && !found.createFromSpirv && info.version >= "2.1")
    found.createFromSpirv = cl.clCreateProgramWithIL;
  info.acceptsSpirv = found.createFromSpirv != nullptr;
  // The functions for products of bytes came with OpenCL C 3.0.
  if (info.integerDot && info.version >= "3.0")
    found.sourceOptions = "-cl-std=CL3.0";
  // Without it a division may be off by 2.5 units in the last place.
  if (singles & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT)
    for (std::string *options : {&found.sourceOptions, &found.subgroupOptions})
      *options += " -cl-fp32-correctly-rounded-divide-sqrt";
  found.identity = fmt::format("opencl\n{}\n{}\n{}\n{}\n{}", platform,
                               ask.platformText(CL_PLATFORM_VERSION), info.name,
                               driver, version);
}

} // namespace

Result<std::vector<OpenClPhysicalDevice>>
findOpenClDevices(const OpenClFunctions &cl, std::vector<std::string> &notes) {
  cl_uint numPlatforms = 0;
  cl_int code = cl.clGetPlatformIDs(0, nullptr, &numPlatforms);
  if (code == noPlatforms)
    numPlatforms = 0;
  else if (code != CL_SUCCESS)
    return errorf("cannot list OpenCL's platforms: {}", describeOpenCl(code));
  std::vector<cl_platform_id> platforms(numPlatforms);
  if (numPlatforms)
    cl.clGetPlatformIDs(numPlatforms, platforms.data(), nullptr);
  std::vector<OpenClPhysicalDevice> devices;
  for (cl_platform_id platform : platforms) {
    cl_uint count = 0;
    if (cl.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count) !=
        CL_SUCCESS)
      continue;
    std::vector<cl_device_id> handles(count);
    cl.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, handles.data(),
                      nullptr);
    for (cl_device_id handle : handles) {
      OpenClPhysicalDevice found;
      found.platform = platform;
      found.handle = handle;
      describe(cl, found);
      Questions ask(cl, platform, handle);
      if (!ask.number<cl_bool>(CL_DEVICE_AVAILABLE) ||
          !ask.number<cl_bool>(CL_DEVICE_COMPILER_AVAILABLE)) {
        notes.push_back(fmt::format("OpenCL's device '{}' is not used: it is "
                                    "not available or has no compiler",
                                    found.info.name));
        continue;
      }
      found.info.index = static_cast<unsigned>(devices.size());
      devices.push_back(std::move(found));
    }
  }
  return devices;
}

void listOpenClDevices(DeviceList &list) {
  auto cl = loadOpenCl();
  if (!cl) {
    list.notes.push_back("no OpenCL: " + cl.message());
    return;
  }
  auto devices = findOpenClDevices(**cl, list.notes);
  if (!devices)
    list.notes.push_back("no OpenCL: " + devices.message());
  else if (devices->empty())
    list.notes.push_back("no OpenCL: no driver offers a device");
  else
    for (OpenClPhysicalDevice &device : *devices) {
      findSubgroups(**cl, device);
      list.devices.push_back(std::move(device.info));
    }
}

} // namespace rlx
