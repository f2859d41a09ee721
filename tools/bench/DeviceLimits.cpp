//===- DeviceLimits.cpp - What a device can do ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/DeviceLimits.h"

#include "codegen/StatusError.h"
#include "codegen/gpu/DeviceDialects.h"

#include <algorithm>
#include <limits>

using namespace rlx;

llvm::Expected<std::unique_ptr<Device>> rlx::openDevice(llvm::StringRef label) {
  auto [api, number] = label.split(':');
  unsigned index = 0;
  bool isWrong = label.contains(':') && number.getAsInteger(10, index);
  if (isWrong || (api != "vulkan" && api != "opencl"))
    return llvm::createStringError("expected --device to be vulkan or opencl "
                                   "with an index, such as vulkan:0, but got "
                                   "'" +
                                   label + "'");
  return toExpected(Device::open(
      api == "vulkan" ? DeviceApi::vulkan : DeviceApi::opencl, index));
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

llvm::Expected<DeviceLimitsBench::Peak>
DeviceLimitsBench::prepare(const PeakKernel &kernel, unsigned groups) {
  DeviceTarget target = DeviceTarget::of(device.info());
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  mlir::DialectRegistry registry;
  registerGpuDialects(registry);
  context->appendDialectRegistry(registry);
  auto module = parseText(*context, kernel.text);
  if (!module)
    return module.takeError();
  auto code = emitKernels({std::move(*module), {}}, target.form);
  if (!code)
    return code.takeError();
  KernelSource source;
  source.form = target.form;
  source.code = *code;
  source.entry = kernel.entry;
  source.workgroup[0] = kernel.workgroup;
  source.buffers = 2;
  source.scalars = 1;
  auto compiled = device.createKernel(source);
  if (!compiled)
    return toError(compiled.status());
  Peak peak;
  peak.kernel = compiled.take();
  peak.groups = groups;
  peak.operations = groups * kernel.operations;

  std::vector<float> halves(size_t(groups * kernel.floats), 0.5f);
  std::span<const std::byte> bytes = std::as_bytes(std::span(halves));
  for (std::unique_ptr<Buffer> *buffer : {&peak.input, &peak.output}) {
    auto made = device.allocate(bytes.size());
    if (!made)
      return toError(made.status());
    *buffer = made.take();
  }
  if (Status status = device.upload(*peak.input, 0, bytes); !status)
    return toError(status);
  return peak;
}

llvm::Expected<std::unique_ptr<DeviceLimitsBench>>
DeviceLimitsBench::create(Device &device, double seconds) {
  std::unique_ptr<DeviceLimitsBench> bench(
      new DeviceLimitsBench(device, seconds));
  const DeviceInfo &info = device.info();
  DeviceTarget target = DeviceTarget::of(info);
  bool isScalar = target.form == KernelForm::spirv;
  unsigned lanes =
      isScalar ? 1
               : std::min(16u, llvm::bit_floor(std::max(1u, info.vectorWidth)));
  constexpr unsigned wanted = 256, groupsOfCpu = 256, groupsOfOthers = 8192;
  unsigned workgroup =
      lanes > 1 ? 1 : std::min(wanted, std::max(1u, info.workgroupSize));
  unsigned groups = info.isCpu ? groupsOfCpu : groupsOfOthers;
  auto fma = bench->prepare(fmaPeak(target, lanes, workgroup), groups);
  if (!fma)
    return fma.takeError();
  bench->fma = std::move(*fma);
  if (info.hasMatrix()) {
    auto matrix = bench->prepare(matrixPeak(target, info), groups);
    if (!matrix)
      return matrix.takeError();
    bench->matrix = std::move(*matrix);
  }
  // Kernels that fill vectors by themselves have no products of bytes.
  if (info.integerDot && lanes == 1) {
    auto dot = bench->prepare(dotPeak(target, workgroup), groups);
    if (!dot)
      return dot.takeError();
    bench->dot = std::move(*dot);
  }
  return bench;
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

llvm::Expected<double> DeviceLimitsBench::best(CommandList &list) {
  constexpr int fewest = 3;
  double least = std::numeric_limits<double>::infinity(), total = 0;
  for (int runs = 0; runs < fewest || total < seconds * 1e9; ++runs) {
    auto time = device.run(list);
    if (!time)
      return toError(time.status());
    // A clock of coarse ticks may see none.
    double nanoseconds = std::max(1.0, *time);
    least = std::min(least, nanoseconds);
    total += nanoseconds;
  }
  return least;
}

llvm::Expected<double> DeviceLimitsBench::copyGbps() {
  const DeviceInfo &info = device.info();
  // More than any cache, and not much of the device's memory.
  uint64_t bytes = std::min<uint64_t>(
      info.bufferBytes, info.isCpu ? uint64_t(128) << 20 : uint64_t(1) << 30);
  if (info.memoryBytes)
    bytes = std::min(bytes, info.memoryBytes / 8);
  bytes = bytes / 16 * 16;
  auto from = device.allocate(bytes), to = device.allocate(bytes);
  for (auto *buffer : {&from, &to})
    if (!*buffer)
      return toError(buffer->status());
  // Pages that nothing was ever written to may all be the same one.
  std::vector<std::byte> content(std::min<uint64_t>(bytes, 1 << 24),
                                 std::byte(1));
  for (uint64_t offset = 0; offset < bytes; offset += content.size()) {
    size_t size = std::min<uint64_t>(content.size(), bytes - offset);
    if (Status status =
            device.upload(**from, offset, std::span(content).subspan(0, size));
        !status)
      return toError(status);
  }
  Command copy;
  copy.kind = Command::Kind::copy;
  copy.buffers = {from->get(), to->get()};
  copy.bytes = bytes;
  constexpr size_t rounds = 4;
  auto list = device.record(std::vector<Command>(rounds, copy));
  if (!list)
    return toError(list.status());
  auto nanoseconds = best(**list);
  if (!nanoseconds)
    return nanoseconds.takeError();
  // Every byte is read and written.
  return 2.0 * double(bytes) * rounds / *nanoseconds;
}

llvm::Expected<double> DeviceLimitsBench::gigaPerSecond(const Peak &peak) {
  Command command;
  command.kernel = peak.kernel.get();
  command.buffers = {peak.input.get(), peak.output.get()};
  command.groups[0] = peak.groups;
  // Long enough that neither the launch nor a coarse clock matters.
  constexpr double longEnough = 5e6;
  constexpr int32_t mostTurns = 1 << 24;
  for (int32_t turns = 64;; turns *= 4) {
    command.scalars = {turns};
    auto list = device.record(std::span(&command, 1));
    if (!list)
      return toError(list.status());
    auto first = device.run(**list);
    if (!first)
      return toError(first.status());
    if (*first < longEnough && turns < mostTurns)
      continue;
    auto nanoseconds = best(**list);
    if (!nanoseconds)
      return nanoseconds.takeError();
    return peak.operations * turns / *nanoseconds;
  }
}

llvm::Expected<Limits> DeviceLimitsBench::measure() {
  auto copy = copyGbps();
  if (!copy)
    return copy.takeError();
  auto f32 = gigaPerSecond(fma);
  if (!f32)
    return f32.takeError();
  Limits limits;
  limits.threads = 0;
  limits.ofDevice = true;
  limits.readGbps = *copy;
  limits.f32Gflops = *f32;
  if (matrix) {
    auto f16 = gigaPerSecond(*matrix);
    if (!f16)
      return f16.takeError();
    limits.f16MatrixGflops = *f16;
  }
  if (dot) {
    auto int8 = gigaPerSecond(*dot);
    if (!int8)
      return int8.takeError();
    limits.int8Gops = *int8;
  }
  return limits;
}
