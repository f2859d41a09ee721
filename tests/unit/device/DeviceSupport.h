//===- DeviceSupport.h - The devices that kernels are tested on -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The first device of each API that the machine has, or the one whose number is
// in the environment, RLX_TEST_VULKAN or RLX_TEST_OPENCL. A test of an API
// without a device is skipped and says why.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_DEVICE_DEVICESUPPORT_H
#define RLX_TESTS_UNIT_DEVICE_DEVICESUPPORT_H

#include "codegen/gpu/DeviceExecutable.h"
#include "tests/unit/codegen/MatmulPrograms.h"
#include "tests/unit/codegen/UserSchemes.h"

namespace rlx::test {

struct TestDevice {
  const char *name;
  DeviceApi api;
  /// SPIR-V where the API also takes sources.
  bool spirv;
};
inline constexpr TestDevice testDevices[] = {
    {"vulkan", DeviceApi::vulkan, true},
    {"opencl", DeviceApi::opencl, false},
    {"opencl_spirv", DeviceApi::opencl, true}};

/// The number of the device of `api` that tests run on.
inline unsigned deviceNumber(DeviceApi api) {
  const char *number =
      getenv(api == DeviceApi::vulkan ? "RLX_TEST_VULKAN" : "RLX_TEST_OPENCL");
  return number ? unsigned(atoi(number)) : 0;
}

/// The device of a test, opened once; null where there is none.
inline rlx::Device *openDevice(const TestDevice &wanted, std::string &reason) {
  static std::map<DeviceApi, std::unique_ptr<rlx::Device>> open;
  std::unique_ptr<rlx::Device> &device = open[wanted.api];
  if (!device) {
    Result<std::unique_ptr<rlx::Device>> result =
        rlx::Device::open(wanted.api, deviceNumber(wanted.api));
    if (!result) {
      reason = result.message();
      return nullptr;
    }
    device = result.take();
  }
  if (wanted.spirv && !device->info().acceptsSpirv) {
    reason = device->info().name + " takes no SPIR-V";
    return nullptr;
  }
  return device.get();
}

inline DeviceTarget targetOf(const TestDevice &wanted,
                             const rlx::Device &device) {
  return wanted.spirv ? DeviceTarget::spirvOf(device.info())
                      : DeviceTarget::of(device.info());
}

/// `target` as if the device lacked everything that may be missing.
inline DeviceTarget withFewest(DeviceTarget target) {
  std::string &text = target.attribute;
  const std::string has = " = true";
  for (size_t at; (at = text.find(has)) != std::string::npos;) {
    size_t begin = text.rfind(',', at);
    text.erase(begin, at + has.size() - begin);
  }
  return target;
}

/// Compiles a program that must compile; null where it does not.
inline std::unique_ptr<DeviceExecutable> compiledFor(rlx::Device &device,
                                                     const DeviceTarget &target,
                                                     const std::string &text) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseText(*context, text);
  if (!module) {
    ADD_FAILURE() << llvm::toString(module.takeError()) << "\n" << text;
    return nullptr;
  }
  auto executable = DeviceExecutable::compile(**module, device, target);
  if (executable)
    return std::move(*executable);
  ADD_FAILURE() << llvm::toString(executable.takeError()) << "\n" << text;
  return nullptr;
}

/// Runs a function that must run.
inline void runOn(DeviceExecutable &executable, const std::string &name,
                  llvm::ArrayRef<TensorView> inputs,
                  llvm::ArrayRef<TensorView> outputs) {
  auto time = executable.run(name, inputs, outputs);
  if (!time)
    ADD_FAILURE() << llvm::toString(time.takeError());
}

/// The name of a test of a device, or of a variant of one, and a scheme.
template <typename Variant>
std::string variantTestName(
    const testing::TestParamInfo<std::tuple<Variant, std::string>> &info) {
  const auto &[variant, scheme] = info.param;
  return std::string(variant.name) + "_" + testName({scheme, info.index});
}

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_DEVICE_DEVICESUPPORT_H
