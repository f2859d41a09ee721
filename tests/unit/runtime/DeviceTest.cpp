//===- DeviceTest.cpp - Devices, buffers, kernels, commands ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each test runs on the first device of both APIs. Vulkan's run under its
// validation layer, which also looks for missing barriers and for objects that
// are left when the device is closed.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/runtime/DeviceFixture.h"

#include <sys/stat.h>

using namespace rlx;
using namespace rlx::test;

namespace device_test {

INSTANTIATE_TEST_SUITE_P(Api, DeviceTest,
                         testing::Values(DeviceApi::vulkan, DeviceApi::opencl),
                         apiTestName);

TEST(DeviceListTest, SaysWhatIsThere) {
  const DeviceList &list = allDevices();
  EXPECT_FALSE(list.devices.empty() && list.notes.empty());
  std::string text = describe(list);
  for (const DeviceInfo &info : list.devices) {
    EXPECT_FALSE(info.name.empty());
    EXPECT_GE(info.workgroupSize, 64u) << info.name;
    EXPECT_GE(info.subgroupSize, 1u);
    EXPECT_GE(info.vectorWidth, 1u);
    EXPECT_GE(info.computeUnits, 1u);
    EXPECT_GE(info.workgroupMemory, 1024u);
    EXPECT_GE(info.bufferBytes, uint64_t{1} << 20);
    EXPECT_GE(info.memoryBytes, info.bufferBytes);
    EXPECT_NE(text.find(info.label() + ": " + info.name), std::string::npos)
        << text;
    EXPECT_NE(info.version.find('.'), std::string::npos) << info.version;
  }
  for (const std::string &note : list.notes)
    EXPECT_NE(text.find("note: " + note), std::string::npos) << text;
}

TEST(DeviceListTest, DescribesWhatADeviceHasAndLacks) {
  DeviceInfo info;
  info.api = DeviceApi::opencl;
  info.index = 3;
  info.name = "Example";
  info.driver = "Driver 1";
  info.version = "1.2";
  info.int8 = true;
  info.bufferBytes = 3 << 20;
  info.memoryBytes = uint64_t{5} << 30;
  std::string text = describe(DeviceList{{info}, {"no Vulkan: a reason"}});
  for (const char *part :
       {"opencl:3: Example\n", "Driver 1, OpenCL 1.2\n", "5 GiB", "3 MiB",
        "has          int8\n", "float16", "\n\nnote: no Vulkan: a reason\n"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST_P(DeviceTest, NamesTheDevicesThatExist) {
  std::string label = std::string(apiName(GetParam())) + ":";
  expectError(Device::open(GetParam(), 1000), "there is no device",
              label + "1000", label + "0", device->info().name);
}

/// A kernel of OpenCL C that computes across subgroups.
std::string kernelWithSubgroups(bool shuffles) {
  std::string text = "kernel void sums(global const int *in, global int *out) "
                     "{\n  int i = get_global_id(0), x = in[i];\n"
                     "  int sum = sub_group_reduce_add(x);\n";
  if (shuffles)
    text += "  x = sub_group_shuffle_xor(x, 1u);\n";
  return text + "  out[2 * i] = sum;\n  out[2 * i + 1] = x;\n}\n";
}

// Of all devices of OpenCL, which differ most in this.
TEST(DeviceListTest, KernelsRunInTheSubgroupsTheyCountOn) {
  for (const DeviceInfo &info : allDevices().devices) {
    if (info.api != DeviceApi::opencl)
      continue;
    SCOPED_TRACE(info.label() + " " + info.name);
    auto opened = Device::open(info.api, info.index);
    ASSERT_TRUE(opened.ok()) << opened.message();
    Device &device = **opened;
    EXPECT_EQ(device.info().subgroupSize, info.subgroupSize);
    EXPECT_EQ(device.info().subgroupArithmetic, info.subgroupArithmetic);
    EXPECT_EQ(device.info().subgroupShuffle, info.subgroupShuffle);
    std::vector<std::byte> code =
        toBytes(kernelWithSubgroups(info.subgroupShuffle));
    KernelSource source{KernelForm::openclC, code, "sums", {64, 1, 1}, 2, 0};
    source.moduleUsesSubgroups = true;
    if (!info.subgroupArithmetic) {
      source.subgroup = 16;
      EXPECT_FALSE(device.createKernel(source).ok());
      continue;
    }
    uint32_t size = info.subgroupSize;
    source.subgroup = 2 * size;
    expectError(device.createKernel(source), "kernel 'sums'",
                fmt::format("expected subgroups of {}", 2 * size),
                fmt::format("in subgroups of {}", size),
                fmt::format("subgroup_size = {}", size));
    source.subgroup = size;
    auto kernel = device.createKernel(source);
    ASSERT_TRUE(kernel.ok()) << kernel.message();
  }
}

TEST_P(DeviceTest, RefusesSubgroupsOfAnotherSize) {
  KernelSource other = source("scale", 2, 3);
  other.subgroup = 2 * device->info().subgroupSize + 1;
  expectError(device->createKernel(other), "kernel 'scale'",
              fmt::format("expected subgroups of {}", other.subgroup),
              device->info().label(), "without subgroup_arithmetic");
}

TEST_P(DeviceTest, TransfersWithOffsets) {
  auto words = buffer(counting(100));
  upload(*words, {-1, -2, -3}, 4 * 50);
  auto all = download(*words, 100);
  auto expected = counting(100);
  expected[50] = -1, expected[51] = -2, expected[52] = -3;
  EXPECT_EQ(all, expected);
  EXPECT_EQ(download(*words, 2, 4 * 51), (std::vector<int32_t>{-2, -3}));
  // Bytes need no alignment.
  std::byte bytes[3] = {std::byte{1}, std::byte{2}, std::byte{3}};
  ASSERT_TRUE(device->upload(*words, 1, bytes).ok());
  EXPECT_EQ(download(*words, 2), (std::vector<int32_t>{0x03020100, 1}));
  // Nothing is fine, also at the end.
  EXPECT_TRUE(device->upload(*words, 400, {}).ok());
  EXPECT_TRUE(device->download(*words, 400, {}).ok());

  std::vector<std::byte> many(8);
  expectError(device->upload(*words, 396, many), "8 bytes at offset 396",
              "400 bytes of the buffer");
  expectError(device->download(*words, ~uint64_t{0}, many), "8 bytes");
}

TEST_P(DeviceTest, TransfersInChunks) {
  // Larger than two chunks, and no multiple of one.
  auto words = counting((40 << 20) / 4 + 3);
  auto there = buffer(words.size());
  std::vector<uint64_t> seen;
  Status status = device->upload(*there, 0, std::as_bytes(std::span(words)),
                                 [&](uint64_t done, uint64_t total) {
                                   EXPECT_EQ(total, 4 * words.size());
                                   seen.push_back(done);
                                 });
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_GE(seen.size(), 2u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), 4 * words.size());
  EXPECT_TRUE(download(*there, words.size()) == words);
}

TEST_P(DeviceTest, RunsAKernelWithScalars) {
  auto scale = kernel("scale", 2, 3);
  ASSERT_TRUE(scale);
  auto in = buffer(counting(150)), out = buffer(counting(150, 1000));
  auto list =
      record({dispatch(*scale, {in.get(), out.get()}, {130, 3, -7}, 3)});
  run(*list);
  auto got = download(*out, 150);
  for (int32_t i = 0; i < 150; ++i)
    EXPECT_EQ(got[i], i < 130 ? 3 * i - 7 : 1000 + i) << i;
}

TEST_P(DeviceTest, CommandsSeeWhatThoseBeforeWrote) {
  auto scale = kernel("scale", 2, 3), add = kernel("add", 3, 1);
  ASSERT_TRUE(scale && add);
  int32_t count = 5000;
  uint32_t groups = (count + 63) / 64;
  auto x = buffer(counting(count)), y = buffer(count), z = buffer(count);
  std::vector<Command> commands = {
      dispatch(*scale, {x.get(), y.get()}, {count, 2, 1}, groups),
      copy(*y, 0, *z, 0, 4 * count)};
  // z doubles 5 times: z = y + y, y = z, ...
  for (int i = 0; i < 5; ++i) {
    commands.push_back(
        dispatch(*add, {y.get(), y.get(), z.get()}, {count}, groups));
    commands.push_back(copy(*z, 0, *y, 0, 4 * count));
  }
  commands.push_back(
      dispatch(*scale, {y.get(), x.get()}, {count, 1, 5}, groups));
  auto list = record(commands);
  run(*list);
  auto got = download(*x, count);
  for (int32_t i = 0; i < count; ++i)
    ASSERT_EQ(got[i], (2 * i + 1) * 32 + 5) << i;
}

TEST_P(DeviceTest, ReplaysWithNewInputs) {
  auto scale = kernel("scale", 2, 3);
  ASSERT_TRUE(scale);
  auto in = buffer(64), out = buffer(64);
  auto list = record({dispatch(*scale, {in.get(), out.get()}, {64, -1, 0})});
  for (int32_t round = 0; round < 4; ++round) {
    upload(*in, counting(64, 100 * round));
    run(*list);
    auto got = download(*out, 64);
    for (int32_t i = 0; i < 64; ++i)
      ASSERT_EQ(got[i], -(100 * round + i));
  }
}

TEST_P(DeviceTest, CopiesParts) {
  auto from = buffer(counting(32)), to = buffer(counting(32, 100));
  auto list = record({copy(*from, 4 * 3, *to, 4 * 10, 4 * 5),
                      copy(*to, 4 * 11, *to, 4 * 20, 4 * 2)});
  run(*list);
  auto expected = counting(32, 100);
  for (int i = 0; i < 5; ++i)
    expected[10 + i] = 3 + i;
  expected[20] = 4, expected[21] = 5;
  EXPECT_EQ(download(*to, 32), expected);
}

TEST_P(DeviceTest, NothingToDo) {
  auto scale = kernel("scale", 2, 3);
  ASSERT_TRUE(scale);
  auto x = buffer(counting(4));
  auto none = record({});
  run(*none);
  auto empty = record({dispatch(*scale, {x.get(), x.get()}, {4, 0, 0}, 0),
                       copy(*x, 0, *x, 0, 0)});
  run(*empty);
  EXPECT_EQ(download(*x, 4), counting(4));
  // The smallest buffer holds a word.
  auto small = device->allocate(0);
  ASSERT_TRUE(small.ok()) << small.message();
  EXPECT_EQ((*small)->size(), 4u);
}

TEST_P(DeviceTest, RefusesWrongCommands) {
  auto scale = kernel("scale", 2, 3);
  ASSERT_TRUE(scale);
  auto x = buffer(8);
  auto refuse = [&](const Command &command, auto... parts) {
    expectError(device->record(std::span(&command, 1)), parts...);
  };
  refuse(dispatch(*scale, {x.get()}, {1, 2, 3}), "'scale'",
         "2 buffers and 3 scalars", "1 and 3");
  refuse(dispatch(*scale, {x.get(), x.get()}, {1}), "2 and 1");
  refuse(dispatch(*scale, {x.get(), nullptr}, {1, 2, 3}), "null buffer");
  refuse(Command(), "no kernel");
  refuse(copy(*x, 0, *x, 8, 12), "overlap");
  refuse(copy(*x, 28, *x, 0, 8), "copy from", "8 bytes at offset 28");
  refuse(copy(*x, 0, *x, 28, 8), "copy to");
  if (GetParam() == DeviceApi::vulkan)
    refuse(dispatch(*scale, {x.get(), x.get()}, {1, 2, 3}, ~0u), "'scale'",
           "workgroups along dimension 0", "4294967295");
}

TEST_P(DeviceTest, RefusesWrongKernels) {
  expectError(device->createKernel(source("absent", 1, 0)), "'absent'", "scale",
              "gather");
  auto wrong = source("scale", 2, 3);
  wrong.workgroup = {1u << 20, 1u << 20, 1u << 20};
  expectError(device->createKernel(wrong), "'scale'", "work-items",
              "1048576 x 1048576 x 1048576");
  wrong.workgroup = {64, 0, 1};
  expectError(device->createKernel(wrong), "at least one", "64 x 0 x 1");
  wrong.workgroup = {32, 2, 1};
  expectError(device->createKernel(wrong), "'scale'",
              "expected a workgroup of 32 x 2 x 1", "says 64 x 1 x 1");
  auto garbage = toBytes("this is no kernel, neither here nor there");
  wrong = source("scale", 2, 3);
  wrong.code = garbage;
  auto refused = device->createKernel(wrong);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.message().find("'scale'"), std::string::npos)
      << refused.message();
  wrong = source("scale", 2, 3);
  wrong.form = formOf(GetParam() == DeviceApi::vulkan ? DeviceApi::opencl
                                                      : DeviceApi::vulkan);
  if (!device->info().acceptsSpirv || GetParam() == DeviceApi::vulkan)
    expectError(device->createKernel(wrong), "'scale'", "SPIR-V", "OpenCL C");
}

/// Vulkan's drivers give no log.
class CompilerTest : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Api, CompilerTest, testing::Values(DeviceApi::opencl),
                         apiTestName);

TEST_P(CompilerTest, ShowsItsLog) {
  auto code = toBytes("kernel void broken(global int *x) {\n"
                      "  x[0] = undeclared_name;\n}\n");
  auto wrong = source("broken", 1, 0);
  wrong.code = code;
  auto refused = device->createKernel(wrong);
  ASSERT_FALSE(refused.ok());
  for (const char *part : {"'broken'", "undeclared_name", "opencl:0"})
    EXPECT_NE(refused.message().find(part), std::string::npos)
        << refused.message();
  // A kernel with other arguments than its source says.
  expectError(device->createKernel(source("scale", 3, 3)), "'scale'",
              "3 buffers and 3 scalars", "5 arguments");
}

TEST_P(DeviceTest, RefusesWhatDoesNotFit) {
  auto limit = std::to_string(device->info().bufferBytes);
  expectError(device->allocate(uint64_t{1} << 60), "at most " + limit,
              std::to_string(uint64_t{1} << 60), device->info().name);
  // Still usable.
  auto words = buffer(counting(4));
  EXPECT_EQ(download(*words, 4), counting(4));
}

TEST_P(DeviceTest, SaysWhenNoMemoryIsLeft) {
  // Nothing is written to them, so that no memory is really taken.
  const DeviceInfo &info = device->info();
  std::vector<std::unique_ptr<Buffer>> buffers;
  Status status;
  for (uint64_t i = 0; status && i <= info.memoryBytes / info.bufferBytes;
       ++i) {
    auto made = device->allocate(info.bufferBytes);
    status = made.status();
    if (made)
      buffers.push_back(made.take());
  }
  expectError(status, "no memory left", std::to_string(info.bufferBytes));
  buffers.clear();
  EXPECT_TRUE(device->allocate(1 << 20).ok());
}

/// A number that changes when a file is written again under the same name.
ino_t identityOf(const std::string &folder) {
  for (auto &entry : std::filesystem::directory_iterator(folder)) {
    struct stat info;
    EXPECT_EQ(stat(entry.path().c_str(), &info), 0);
    return info.st_ino;
  }
  return 0;
}

TEST_P(DeviceTest, KeepsCompiledKernels) {
  TemporaryFolder folder;
  std::string where = folder / "deeper";
  auto use = [&] {
    reopen(where);
    auto scale = kernel("scale", 2, 3);
    ASSERT_TRUE(scale);
    auto x = buffer(counting(64)), y = buffer(64);
    auto list = record({dispatch(*scale, {x.get(), y.get()}, {64, 5, 0})});
    run(*list);
    EXPECT_EQ(download(*y, 2), (std::vector<int32_t>{0, 5}));
  };
  use();
  ino_t first = identityOf(where);
  ASSERT_NE(first, 0u) << "nothing was stored";
  use();
  EXPECT_EQ(identityOf(where), first) << "what was stored was not used";

  // A damaged file is not used but replaced.
  for (auto &entry : std::filesystem::directory_iterator(where)) {
    std::string content = readFile(entry.path());
    content.back() ^= 1;
    // Keeps the number of the old file in use, so that it is not given again.
    std::filesystem::create_hard_link(entry.path(), folder / "kept");
    writeFile(entry.path(), content);
    break;
  }
  use();
  EXPECT_NE(identityOf(where), first) << "a damaged file was used";
  // A folder that cannot be made is no error.
  writeFile(folder / "file", "");
  where = folder / "file/x";
  use();
}

} // namespace device_test
