//===- DeviceFixture.h - Tests that run on both APIs ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens the first device of an API, for Vulkan with the validation layer where
// it is installed, and has the test kernels (Kernels.cl, Kernels.spvasm).
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_RUNTIME_DEVICEFIXTURE_H
#define RLX_TESTS_UNIT_RUNTIME_DEVICEFIXTURE_H

#include "runtime/gpu/Device.h"
#include "tests/unit/runtime/TestSupport.h"

#include <numeric>

namespace rlx::test {

inline const DeviceList &allDevices() {
  static const DeviceList list = listDevices();
  return list;
}

inline std::vector<std::byte> toBytes(std::string_view text) {
  auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// The module with the test kernels; empty where it could not be assembled.
inline std::vector<std::byte> testModule(DeviceApi api) {
  if (api == DeviceApi::opencl)
    return toBytes(readFile(RLX_TEST_DIR "/unit/runtime/Kernels.cl"));
  return toBytes(readFile(RLX_TEST_MODULE));
}

inline KernelForm formOf(DeviceApi api) {
  return api == DeviceApi::opencl ? KernelForm::openclC : KernelForm::spirv;
}

class DeviceTest : public testing::TestWithParam<DeviceApi> {
protected:
  void SetUp() override {
    DeviceApi api = GetParam();
    const auto &devices = allDevices().devices;
    if (std::none_of(devices.begin(), devices.end(),
                     [&](auto &info) { return info.api == api; })) {
      std::string reason = fmt::format(
          "no device of {} (Debian's {} offers one)", apiName(api),
          api == DeviceApi::vulkan ? "mesa-vulkan-drivers" : "pocl-opencl-icd");
      for (const std::string &note : allDevices().notes)
        reason += "; " + note;
      GTEST_SKIP() << reason;
    }
    module = testModule(api);
    if (module.empty())
      GTEST_SKIP() << "spirv-as (Debian's spirv-tools) was not there when the "
                      "tests were built";
    reopen();
  }

  void TearDown() override {
    device.reset();
    EXPECT_EQ(lateErrors, "");
  }

  /// Closes the device, if it is open, and opens it.
  void reopen(const std::string &cacheDirectory = {}) {
    device.reset();
    Device::Options options;
    options.cacheDirectory = cacheDirectory;
    options.validate = GetParam() == DeviceApi::vulkan;
    options.onLateError = [this](const std::string &message) {
      lateErrors += message;
    };
    auto opened = Device::open(GetParam(), 0, options);
    if (!opened &&
        opened.message().find("not installed") != std::string::npos) {
      std::cout << "note: without validation: " << opened.message() << "\n";
      options.validate = false;
      opened = Device::open(GetParam(), 0, options);
    }
    ASSERT_TRUE(opened.ok()) << opened.message();
    device = opened.take();
  }

  KernelSource source(const std::string &entry, uint32_t buffers,
                      uint32_t scalars) const {
    return {formOf(GetParam()), module, entry, {64, 1, 1}, buffers, scalars};
  }
  std::unique_ptr<Kernel> kernel(const std::string &entry, uint32_t buffers,
                                 uint32_t scalars) {
    auto made = device->createKernel(source(entry, buffers, scalars));
    EXPECT_TRUE(made.ok()) << made.message();
    return made ? made.take() : nullptr;
  }

  std::unique_ptr<Buffer> buffer(uint64_t numWords) {
    auto made = device->allocate(4 * numWords);
    EXPECT_TRUE(made.ok()) << made.message();
    return made ? made.take() : nullptr;
  }
  std::unique_ptr<Buffer> buffer(const std::vector<int32_t> &words) {
    auto made = buffer(words.size());
    upload(*made, words);
    return made;
  }
  void upload(Buffer &to, const std::vector<int32_t> &words,
              uint64_t offset = 0) {
    Status status = device->upload(to, offset, std::as_bytes(std::span(words)));
    EXPECT_TRUE(status.ok()) << status.message();
  }
  std::vector<int32_t> download(const Buffer &from, size_t numWords,
                                uint64_t offset = 0) {
    std::vector<int32_t> words(numWords, -77);
    Status status = device->download(from, offset,
                                     std::as_writable_bytes(std::span(words)));
    EXPECT_TRUE(status.ok()) << status.message();
    return words;
  }

  static Command dispatch(Kernel &kernel, std::vector<Buffer *> buffers,
                          std::vector<int32_t> scalars, uint32_t groups = 1) {
    Command command;
    command.kernel = &kernel;
    command.buffers = std::move(buffers);
    command.scalars = std::move(scalars);
    command.groups = {groups, 1, 1};
    return command;
  }
  static Command copy(Buffer &from, uint64_t fromOffset, Buffer &to,
                      uint64_t toOffset, uint64_t bytes) {
    Command command;
    command.kind = Command::Kind::copy;
    command.buffers = {&from, &to};
    command.fromOffset = fromOffset;
    command.toOffset = toOffset;
    command.bytes = bytes;
    return command;
  }
  std::unique_ptr<CommandList> record(const std::vector<Command> &commands) {
    auto list = device->record(commands);
    EXPECT_TRUE(list.ok()) << list.message();
    return list ? list.take() : nullptr;
  }
  void run(CommandList &list) {
    auto time = device->run(list);
    ASSERT_TRUE(time.ok()) << time.message();
    EXPECT_GE(*time, 0);
    EXPECT_LT(*time, 60e9);
  }

  static std::vector<int32_t> counting(size_t count, int32_t first = 0) {
    std::vector<int32_t> words(count);
    std::iota(words.begin(), words.end(), first);
    return words;
  }

  std::vector<std::byte> module;
  std::string lateErrors;
  std::unique_ptr<Device> device;
};

inline std::string apiTestName(const testing::TestParamInfo<DeviceApi> &info) {
  return std::string(apiName(info.param));
}

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_RUNTIME_DEVICEFIXTURE_H
