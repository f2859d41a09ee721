//===- Device.cpp - Listing, describing and opening devices ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is the same for both APIs.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/DeviceSupport.h"

namespace rlx {
namespace {

std::string describeBytes(uint64_t bytes) {
  constexpr const char *units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit)
    value /= 1024;
  return fmt::format("{:.4g} {}", value, units[unit]);
}

std::string describe(const DeviceInfo &info) {
  std::string text =
      fmt::format("{}: {}\n", info.label(),
                  info.name.empty() ? "a device without a name" : info.name);
  auto line = [&](std::string_view name, const std::string &value) {
    text += fmt::format("  {:<13}{}\n", name, value);
  };
  line("driver",
       fmt::format("{}, {} {}", info.driver,
                   info.api == DeviceApi::vulkan ? "Vulkan" : "OpenCL",
                   info.version));
  line("runs on", info.isCpu ? "the host's processor" : "a device of its own");
  line("compute",
       fmt::format("units {}, subgroup {}, vector {} x f32", info.computeUnits,
                   info.subgroupSize, info.vectorWidth));
  line("workgroup",
       fmt::format("at most {} work-items, {} of memory", info.workgroupSize,
                   describeBytes(info.workgroupMemory)));
  line("memory",
       fmt::format("{}, buffers up to {}", describeBytes(info.memoryBytes),
                   describeBytes(info.bufferBytes)));
  std::string matrix = "cooperative matrix";
  if (info.hasMatrix())
    matrix += fmt::format(" {}", fmt::join(info.matrix, " x "));
  std::pair<bool, std::string> abilities[] = {
      {info.storage8, "8-bit storage"},
      {info.storage16, "16-bit storage"},
      {info.int8, "int8"},
      {info.int16, "int16"},
      {info.int64, "int64"},
      {info.float16, "float16"},
      {info.float64, "float64"},
      {info.fma, "fma"},
      {info.denormals, "denormals"},
      {info.nonfinite, "infinities and NaNs"},
      {info.integerDot, "integer dot product"},
      {info.subgroupArithmetic, "subgroup arithmetic"},
      {info.subgroupShuffle, "subgroup shuffle"},
      {info.hasMatrix(), matrix},
      {info.acceptsSpirv, "SPIR-V"}};
  std::string has, lacks;
  for (const auto &[there, name] : abilities) {
    std::string &list = there ? has : lacks;
    list += (list.empty() ? "" : ", ") + name;
  }
  line("has", has.empty() ? "none of the optional features" : has);
  if (!lacks.empty())
    line("lacks", lacks);
  return text;
}

} // namespace

std::string_view apiName(DeviceApi api) {
  return api == DeviceApi::vulkan ? "vulkan" : "opencl";
}

std::string DeviceInfo::label() const {
  return fmt::format("{}:{}", apiName(api), index);
}

DeviceList listDevices() {
  DeviceList list;
  listVulkanDevices(list);
  listOpenClDevices(list);
  return list;
}

std::string describe(const DeviceList &list) {
  std::string text;
  for (const DeviceInfo &info : list.devices)
    text += (text.empty() ? "" : "\n") + describe(info);
  if (!list.notes.empty() && !text.empty())
    text += '\n';
  for (const std::string &note : list.notes)
    text += "note: " + note + '\n';
  return text;
}

Result<std::unique_ptr<Device>> Device::open(DeviceApi api, unsigned index,
                                             const Options &options) {
  return api == DeviceApi::vulkan ? openVulkanDevice(index, options)
                                  : openOpenClDevice(index, options);
}

} // namespace rlx
