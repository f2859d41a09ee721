//===- DeviceList.cpp - Devices by name, and what there is ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/run/DeviceList.h"

#include "tools/run/Runner.h"

#include "llvm/ADT/StringExtras.h"

using namespace rlx;

llvm::Expected<DeviceChoice> rlx::parseDevice(llvm::StringRef text) {
  auto [name, number] = text.split(':');
  DeviceChoice choice;
  bool known = true;
  if (name == "vulkan")
    choice.api = DeviceApi::vulkan;
  else if (name == "opencl")
    choice.api = DeviceApi::opencl;
  else
    known = false;
  if (text.contains(':') && number.getAsInteger(10, choice.index))
    known = false;
  if (known)
    return choice;
  std::string there = "cpu";
  for (const DeviceInfo &info : listDevices().devices)
    there += ", " + info.label() + " (" + info.name + ")";
  return llvm::createStringError("there is no device '" + text +
                                 "'; expected " + there);
}

llvm::Expected<std::unique_ptr<Device>>
rlx::openDevice(llvm::StringRef text, Device::Options options) {
  auto choice = parseDevice(text);
  if (!choice)
    return choice.takeError();
  options.cache.onRemark = [](const std::string &remark) {
    llvm::errs() << remark << "\n";
  };
  Result<std::unique_ptr<Device>> device =
      Device::open(choice->api, choice->index, options);
  if (!device)
    return toError(device.status());
  return device.take();
}

llvm::Error rlx::checkDeviceOptions(const RunCommandLine &given) {
  if (given.device == "cpu")
    return llvm::Error::success();
  auto choice = parseDevice(given.device);
  if (!choice)
    return choice.takeError();
  llvm::SmallVector<const cl::Option *> ofTheCpu = given.ofTheCpu();
  ofTheCpu.append(
      {&given.threads, &given.emit, &given.memory, &given.fusionReport});
  for (const cl::Option *option : ofTheCpu)
    if (option->getNumOccurrences())
      return llvm::createStringError("--" + option->ArgStr +
                                     " is for the CPU, but --device is '" +
                                     given.device + "'");
  return llvm::Error::success();
}

static llvm::json::Object toJson(const DeviceInfo &info) {
  llvm::json::Array matrix;
  if (info.hasMatrix())
    matrix = llvm::json::Array(info.matrix);
  return llvm::json::Object{{"device", info.label()},
                            {"name", info.name},
                            {"driver", info.driver},
                            {"version", info.version},
                            {"is_cpu", info.isCpu},
                            {"storage8", info.storage8},
                            {"storage16", info.storage16},
                            {"int8", info.int8},
                            {"int16", info.int16},
                            {"int64", info.int64},
                            {"float16", info.float16},
                            {"float64", info.float64},
                            {"fma", info.fma},
                            {"denormals", info.denormals},
                            {"nonfinite", info.nonfinite},
                            {"integer_dot_product", info.integerDot},
                            {"subgroup_arithmetic", info.subgroupArithmetic},
                            {"subgroup_shuffle", info.subgroupShuffle},
                            {"cooperative_matrix", std::move(matrix)},
                            {"accepts_spirv", info.acceptsSpirv},
                            {"subgroup_size", info.subgroupSize},
                            {"vector_width", info.vectorWidth},
                            {"workgroup_size", info.workgroupSize},
                            {"workgroup_memory", info.workgroupMemory},
                            {"compute_units", info.computeUnits},
                            {"buffer_bytes", info.bufferBytes},
                            {"memory_bytes", info.memoryBytes}};
}

std::string rlx::describeDevices(bool asJson) {
  DeviceList list = listDevices();
  if (!asJson)
    return describe(list);
  llvm::json::Array devices;
  for (const DeviceInfo &info : list.devices)
    devices.push_back(toJson(info));
  llvm::json::Object all{{"devices", std::move(devices)},
                         {"notes", llvm::json::Array(list.notes)}};
  return llvm::formatv("{0:2}\n", llvm::json::Value(std::move(all)));
}
